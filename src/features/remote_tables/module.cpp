#include "app/module.h"

#include "core/catalog/registry.h"
#include "core/state/schema.h"
#include "features/remote_tables/metadata_routes.h"
#include "features/remote_tables/remote_tables.h"

namespace agnes::remote_tables {

namespace {

struct MetadataSettings {
  std::int64_t interval_seconds = 4 * 60 * 60;
  static constexpr config::Rule kRules[] = {
      {.member = "interval_seconds",
       .variable = "SCHEDULER_BQ_METADATA_REFRESH_INTERVAL",
       .ge = 1,
       .le = jobs::kMostIntervalSeconds,
       .help = "Seconds between questions to the engines of remote tables, rounded up to minutes"},
  };
};
BOOST_DESCRIBE_STRUCT(MetadataSettings, (), (interval_seconds))

void declare(app::Declarations& declarations) {
  declarations.settings.add<MetadataSettings>();
  using namespace state::types;
  catalog::declare_kept_by_id("bq_metadata_cache");
  state::declare_table({.name = "bq_metadata_cache",
                        .columns = {{"table_id", kText},
                                    {"rows", kLong},
                                    {"size_bytes", kLong},
                                    {"partition_by", kText},
                                    {"clustered_by", kJson},
                                    {"entity_type", kText},
                                    {"known_columns", kJson},
                                    {"refreshed_at", kTime},
                                    {"error_at", kTime},
                                    {"error_msg", kText}},
                        .primary_key = {"table_id"}});
}

class RemoteTablesModule final : public app::Module {
 public:
  explicit RemoteTablesModule(app::Services& services)
      : services_(services),
        interval_seconds_(services.config.get<MetadataSettings>().interval_seconds),
        metadata_(services.get<state::Store>(), services.get<catalog::Engines>().facts, interval_seconds_),
        engines_(services.get<catalog::Engines>().facts, services.get<catalog::Engines>().rows),
        tables_(metadata_, engines_) {
    services.provide<catalog::RemoteTables>(tables_);
    services.extend(metadata_.warmer());
  }

  void jobs(jobs::Service& jobs) override {
    jobs.add({.name = kMetadataJob,
              .description = "Asks the engines of remote tables for their sizes and columns",
              .schedule = jobs::interval(interval_seconds_),
              .work = jobs::work(
                  [this](const jobs::Context& context) { return metadata_.refresh_all(context); })});
  }

  void routes(http::Routes& routes) override {
    add_metadata_routes(routes, services_.get<state::Store>(), services_.get<catalog::Visible>(),
                        services_.jobs, metadata_);
  }

 private:
  app::Services& services_;
  const std::int64_t interval_seconds_;
  RemoteMetadataCache metadata_;
  RemoteTableCache engines_;
  RemoteTables tables_;
};

}  // namespace

app::ModuleKind module() {
  return {"remote_tables", declare, app::make_module<RemoteTablesModule>};
}

}  // namespace agnes::remote_tables
