#include "app/module.h"

#include "features/remote_tables/metadata_routes.h"
#include "features/remote_tables/remote_tables.h"

namespace agnes::remote_tables {

namespace {

// How often what engines say of remote tables is asked for again; four hours.
constexpr const char* kInterval = "SCHEDULER_BQ_METADATA_REFRESH_INTERVAL";
constexpr std::int64_t kIntervalSeconds = 4 * 60 * 60;

class RemoteTablesModule final : public app::Module {
 public:
  explicit RemoteTablesModule(app::Services& services)
      : services_(services),
        metadata_(services.get<state::Store>(), services.get<catalog::Engines>().facts,
                  jobs::seconds_from_env(kInterval, kIntervalSeconds)),
        engines_(services.get<catalog::Engines>().facts, services.get<catalog::Engines>().rows),
        tables_(metadata_, engines_) {
    services.provide<catalog::RemoteTables>(tables_);
    services.extend(metadata_.warmer());
  }

  void jobs(jobs::Service& jobs) override {
    jobs.add({.name = kMetadataJob,
              .description = "Asks the engines of remote tables for their sizes and columns",
              .schedule = jobs::interval_from_env(kInterval, kIntervalSeconds),
              .work = jobs::work(
                  [this](const jobs::Context& context) { return metadata_.refresh_all(context); })});
  }

  void routes(http::Routes& routes) override {
    add_metadata_routes(routes, services_.get<state::Store>(), services_.get<catalog::Visible>(),
                        services_.jobs, metadata_);
  }

 private:
  app::Services& services_;
  RemoteMetadataCache metadata_;
  RemoteLooks engines_;
  RemoteTables tables_;
};

}  // namespace

app::ModuleKind module() {
  return {"remote_tables", nullptr, app::make_module<RemoteTablesModule>};
}

}  // namespace agnes::remote_tables
