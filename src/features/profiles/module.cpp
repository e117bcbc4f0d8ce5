#include "app/module.h"

#include "core/catalog/registry.h"
#include "core/state/schema.h"
#include "features/profiles/compute_profile.h"
#include "features/profiles/profile_routes.h"
#include "lib/base/files.h"

namespace agnes::profiles {

namespace {

ComputeProfile compute(const config::Places& places, const ProfileLimits& limits) {
  return [places, limits](const Table& table, const std::vector<std::string>& primary_key,
                          const StopToken& stop) {
    const auto scratch = places.data / "tmp";
    std::filesystem::create_directories(scratch);
    const TemporaryFolder spill(scratch);
    ProfileRequest request{.files = table.files,
                           .union_by_name = table.union_by_name,
                           .attach_file = table.attach_file.value_or(""),
                           .table = table.attach_name,
                           .primary_key = primary_key,
                           .temp_folder = spill.path(),
                           .limits = limits};
    workers::Confinement confinement;
    confinement.readable = table.files;
    if (table.attach_file) {
      confinement.readable.push_back(*table.attach_file);
      confinement.readable.push_back(*table.attach_file + ".wal");
    }
    confinement.writable = {spill.path()};
    confinement.memory_bytes = 1ull << 30;
    const workers::TaskContext relay{[](const boost::json::value&) {}, stop};
    return workers::run_task("table.profile", confinement, json::to_json(request), relay).as_object();
  };
}

void declare(app::Declarations& declarations) {
  declarations.tasks.emplace("table.profile", profile_task);  // ProfileRequest: the profile
  declarations.settings.add<ProfileLimits>();
  using namespace state::types;
  catalog::declare_kept_by_id("table_profiles");
  state::declare_table({.name = "table_profiles",
                        .columns = {{"table_id", kText},
                                    {"profile", kJson, kRequired},
                                    {"profiled_at", kTime, kNullable, kNow}},
                        .primary_key = {"table_id"}});
}

class ProfilesModule final : public app::Module {
 public:
  explicit ProfilesModule(app::Services& services)
      : services_(services),
        profiles_(services.get<state::Store>(), services.get<catalog::Generations>(), services.jobs,
                  services.places.data, compute(services.places, services.config.get<ProfileLimits>()),
                  services.list<catalog::TableUses>()) {
    services.extend(profiles_.warmer());
  }

  void jobs(jobs::Service& jobs) override { jobs.add(profiles_.kind()); }

  void routes(http::Routes& routes) override {
    add_profile_routes(routes, services_.get<catalog::Visible>(), profiles_);
  }

 private:
  app::Services& services_;
  Profiles profiles_;
};

}  // namespace

app::ModuleKind module() {
  return {"profiles", declare, app::make_module<ProfilesModule>};
}

}  // namespace agnes::profiles
