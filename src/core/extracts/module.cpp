#include "app/module.h"

#include "core/extracts/analytics.h"
#include "core/extracts/extension_install.h"
#include "core/extracts/extract_reader.h"
#include "core/extracts/settings.h"
#include "core/extracts/table_read.h"
#include "lib/base/files.h"
#include "lib/base/log.h"

namespace agnes::extracts {

namespace {

using boost::json::value;

std::string read_all(const value& input, const workers::TaskContext&) {
  return json::to_text(read_extracts(json::from_json<ReadOptions>(input)));
}
std::string install(const value& input, const workers::TaskContext&) {
  install_extension(json::from_json<ExtensionInstall>(input));
  return "null";
}
std::string check(const value& input, const workers::TaskContext&) {
  return json::to_text(check_analytics(std::string(input.as_string())));
}
std::string sample(const value& input, const workers::TaskContext&) {
  return json::to_text(read_sample(json::from_json<SampleRequest>(input)));
}
std::string columns(const value& input, const workers::TaskContext&) {
  return json::to_text(read_columns(json::from_json<SampleRequest>(input)));
}

void declare(app::Declarations& declarations) {
  declarations.tasks.emplace("extracts.read", read_all);     // ReadOptions: Catalogue
  declarations.tasks.emplace("extension.install", install);  // ExtensionInstall: null
  declarations.tasks.emplace("analytics.check", check);      // file name: list of problems
  declarations.tasks.emplace("table.sample", sample);        // SampleRequest: Sample
  declarations.tasks.emplace("table.columns", columns);      // SampleRequest: [Column]
  declarations.settings.add<ExtractSettings>();
  declarations.settings.add<RemoteSettings>();
}

class ExtractsModule final : public app::Module {
 public:
  // The state module holds the lock: what another server left is nobody's.
  explicit ExtractsModule(app::Services& services) {
    if (workers::landlock_version() == 0)
      log::warn("this kernel has no Landlock: worker processes are limited, but not confined to their files");
    for (const auto& folder : work_folders(services.places)) remove_leftovers(folder, Leftovers::all);
    // Others may be at work there.
    if (const fs::path scratch = services.config.get<ExtractSettings>().temp_dir;
        !scratch.empty() && fs::is_directory(scratch))
      remove_leftovers(scratch);
  }

  void health(app::HealthReport& report) const override {
    if (!report.caller().is_admin) return;
    const int landlock = workers::landlock_version();
    if (landlock > 0)
      report.add("confinement", {{"status", "ok"}, {"detail", fmt::format("Landlock version {}", landlock)}});
    else
      report.add("confinement", {{"status", "warning"},
                                 {"detail", "this kernel has no Landlock: workers are not confined"}});
  }
};

}  // namespace

std::vector<fs::path> work_folders(const config::Places& places) {
  std::vector<fs::path> out{places.data, places.data / "tmp", places.state, places.extracts()};
  std::error_code ignored;
  for (const auto& source : fs::directory_iterator(places.extracts(), ignored))
    for (const auto& folder : {source.path(), source.path() / kDataFolder}) out.push_back(folder);
  return out;
}

app::ModuleKind module() {
  return {"extracts", declare, app::make_module<ExtractsModule>};
}

}  // namespace agnes::extracts
