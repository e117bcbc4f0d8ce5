#include "app/module.h"

#include "connectors/files/files.h"
#include "connectors/files/files_connector.h"
#include "connectors/files/settings.h"
#include "core/catalog/source_kind.h"
#include "lib/base/log.h"

namespace agnes::connectors::files {

namespace {

using boost::json::value;

std::string extract_files(const value& input, const workers::TaskContext& context) {
  return json::to_text(extract(json::from_json<Job>(input), context));
}
std::string discover_files(const value& input, const workers::TaskContext&) {
  const auto job = json::from_json<Job>(input.at("job"));
  return json::to_text(discover(job, input.at("rows").to_number<std::int64_t>()));
}
std::string remove_table(const value& input, const workers::TaskContext&) {
  remove(json::from_json<Job>(input.at("job")), std::string(input.at("table").as_string()));
  return "null";
}

void declare(app::Declarations& declarations) {
  declarations.tasks.emplace("files.extract", extract_files);    // Job: Outcome
  declarations.tasks.emplace("files.discover", discover_files);  // {"job": Job, "rows": n}: Discovery
  declarations.tasks.emplace("files.remove", remove_table);      // {"job": Job, "table": name}: null
  declarations.settings.add<FilesSettings>();
  catalog::declare_source(
      declarations.settings,
      {.type = catalog::kFilesType, .name = "files", .settings_help = "A folder of files"});
}

std::unique_ptr<sync::Connector> make_connector(const config::Config& config) {
  return std::make_unique<FilesConnector>(config);
}

class FilesModule final : public app::Module {
 public:
  explicit FilesModule(app::Services& services) : settings_(services.config.get<FilesSettings>()) {
    services.extend(sync::ConnectorKind{"files", make_connector});
  }

  // The first sync says so, too, but that is later, and nobody may look.
  void start() override {
    if (settings_.path.empty()) return;
    std::error_code error;
    const auto root = root_of(settings_.path);
    if (!fs::exists(root, error))
      log::warn("the folder of files '{}' is not there: mount its disk, or correct data_source.files.path",
                root.string());
  }

 private:
  FilesSettings settings_;
};

}  // namespace

app::ModuleKind module() {
  return {"files", declare, app::make_module<FilesModule>};
}

}  // namespace agnes::connectors::files
