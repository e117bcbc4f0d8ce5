#include "server/options.h"

#include <filesystem>

#include <CLI/CLI.hpp>

namespace agnes::server {

namespace fs = std::filesystem;

// Each of the first ones also from the environment.
std::optional<int> parse(int argc, char** argv, Options& options) {
  CLI::App app("Agnes server: hands analysts the tables that they may see.", "agnes-server");
  app.add_option("--host", options.host, "Address to listen on")
      ->envname("AGNES_HOST")
      ->default_val("127.0.0.1");
  app.add_option("--port", options.port, "Port to listen on; 0 picks a free one")
      ->envname("AGNES_PORT")
      ->default_val(8000)
      ->check(CLI::Range(0, 65535));
  app.add_option("--data-dir", options.data, "Data directory")->envname("DATA_DIR")->default_val("./data");
  app.add_option("--state-dir", options.state, "State directory; DATA_DIR/state when unset")
      ->envname("STATE_DIR");
  app.add_option("--config-dir", options.config, "Folder of instance.yaml")
      ->envname("CONFIG_DIR")
      ->default_val("./config");
  app.add_option("--grant-admin", options.new_admin,
                 "Make the account of this address an admin, with the server down, and end")
      ->type_name("EMAIL");
  app.add_option("--role", options.role)->group("");
  auto* backup =
      app.add_subcommand("backup", "Copy the data directory into a new folder, also while the server runs");
  backup->add_option("FOLDER", options.backup_folder, "Where to; it must not be there yet")->required();
  auto* check = app.add_subcommand("check", "Say what is wrong with the data directory; changes nothing");
  check->add_flag("--json", options.json, "Print it as JSON");
  auto* restore = app.add_subcommand("restore", "Make a backup the data directory, with the server down");
  restore->add_option("BACKUP", options.backup_folder, "The folder that 'backup' made")->required();
  restore->add_flag("--replace", options.replace,
                    "Also when the data directory is not empty; what is in it is kept beside it");
  auto* settings = app.add_subcommand("settings", "List every setting and what it may be");
  settings->add_flag("--json", options.json, "Print them as JSON");
  for (auto* command : {backup, restore, check})
    command->footer(
        "Which server's: --data-dir, --state-dir and --config-dir, or DATA_DIR, STATE_DIR and CONFIG_DIR, as "
        "that server "
        "has them (agnes-server --help).");
  for (auto* command : {backup, restore, check, settings})
    command->fallthrough()->callback([&options, command] { options.command = command->get_name(); });
  app.set_version_flag("--version,-V", "agnes-server " AGNES_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

config::Places places_of(const Options& options) {
  config::Places places;
  places.data = fs::absolute(options.data).lexically_normal();
  places.config = fs::absolute(options.config).lexically_normal();
  places.state =
      options.state.empty() ? places.data / "state" : fs::absolute(options.state).lexically_normal();
  return places;
}

}  // namespace agnes::server
