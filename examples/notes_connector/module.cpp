#include "app/module.h"

#include "core/catalog/source_kind.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "notes_connector.h"

namespace agnes::connectors::notes {

namespace {

// Where the source has a registered table: in the file of that name, unless another one is given.
void place(catalog::Registration& row, const config::Config& /*settings*/) {
  if (!row.source_table) row.source_table = row.name;
  if (!is_table_id(*row.source_table))
    throw Error(ErrorKind::bad_request,
                fmt::format("source_table: {} is not a note's name", escape_control(*row.source_table)));
}

// What is known of the source before anything is opened. The rest of the program goes by this.
void declare(app::Declarations& declarations) {
  declarations.settings.add<NotesSettings>();
  catalog::declare_source(declarations.settings, {.type = kType,
                                                  .name = "Notes",
                                                  .settings_help = "A folder of text files",
                                                  .incremental = false,
                                                  .beside = true,
                                                  .place = place,
                                                  .setup = {{.field = "notes_folder", .setting = "folder"}}});
}

std::unique_ptr<sync::Connector> make_connector(const config::Config& config) {
  return std::make_unique<NotesConnector>(config);
}

class NotesModule final : public app::Module {
 public:
  explicit NotesModule(app::Services& services) {
    services.extend(sync::ConnectorKind{kType, make_connector});
  }
};

}  // namespace

app::ModuleKind module() {
  return {"notes", declare, app::make_module<NotesModule>};
}

}  // namespace agnes::connectors::notes
