#include <iostream>

#include "app/host.h"
#include "core/identity/break_glass.h"
#include "core/query/pool.h"
#include "lib/duck/api.h"
#include "server/backup.h"
#include "server/check.h"
#include "server/modules.h"
#include "server/options.h"
#include "server/restore.h"
#include "server/settings_list.h"

namespace agnes::server {

namespace {

int run(const Options& options) {
  if (options.role == "query") return query::serve_queries();
  if (options.role == "extract") {
    duck::api();  // loaded while files may still be opened: afterwards a worker sees only its own
    return workers::serve_task(app::declared_tasks(modules()));
  }
  config::use(app::declared_settings(modules()));
  const auto places = places_of(options);
  if (!options.new_admin.empty()) {
    std::cout << identity::grant_admin(places.state, options.new_admin);
  } else if (options.command == "backup") {
    std::cout << back_up(places, options.backup_folder);
  } else if (options.command == "restore") {
    std::cout << restore(places, options.backup_folder, options.replace);
  } else if (options.command == "check") {
    return check_data(places, options.json);
  } else if (options.command == "settings") {
    std::cout << (options.json ? settings_json() : settings_text());
  } else {
    return app::run(modules(), {.places = places, .host = options.host, .port = options.port});
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse(argc, argv, options)) return *status;
  try {
    return run(options);
  } catch (const std::exception& error) {
    std::cerr << "agnes-server: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace agnes::server

int main(int argc, char** argv) {
  return agnes::server::main(argc, argv);
}
