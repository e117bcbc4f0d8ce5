#include "core/extracts/extension_install.h"

#include "core/extracts/extract.h"
#include "lib/base/error.h"
#include "lib/duck/database.h"

namespace agnes::extracts {

void install_extension(const ExtensionInstall& wanted) {
  duck::Database database(
      {.file = {},
       .settings = {{"threads", "1"},
                    {"extension_directory", wanted.folder},
                    {"allow_unsigned_extensions", wanted.allow_unsigned ? "true" : "false"}}});
  auto connection = database.connect();
  // A worker has no HOME, where DuckDB would look for secrets.
  connection.execute("SET home_directory = " + duck::quote_literal(wanted.folder));
  try {
    if (!wanted.repository.empty()) {
      connection.execute(
          fmt::format("INSTALL {} FROM {}", wanted.name, duck::quote_literal(wanted.repository)));
    } else {
      try {
        connection.execute(fmt::format("INSTALL {} FROM community", wanted.name));
      } catch (const duck::QueryError&) {
        connection.execute("INSTALL " + wanted.name);
      }
    }
    connection.execute("LOAD " + wanted.name);
  } catch (const duck::QueryError& error) {
    throw Error(ErrorKind::bad_gateway, short_message(error.what()));
  }
}

}  // namespace agnes::extracts
