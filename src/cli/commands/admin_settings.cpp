#include <boost/json/parse.hpp>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/read.h"
#include "contract/settings.h"
#include "lib/base/text.h"

// agnes admin settings
namespace agnes::cli {

namespace json = boost::json;

namespace {
const Argument kSetting{.name = "SETTING", .help = "As the list has it: email.smtp_host"};
const Option kYes{.names = "-y,--yes", .value = "", .help = "Do not ask before a change to auth or server"};

contract::Settings read_settings(Api& api) {
  return fetch<contract::Settings>(api, "/api/admin/server-config", "read the settings");
}

// What is set at `path`; null: nothing.
json::value value_at(const contract::Settings& settings, std::string_view path) {
  const auto dot = path.find('.');
  const auto section = settings.sections.find(std::string(path.substr(0, dot)));
  if (section == settings.sections.end() || dot == path.npos) return nullptr;
  json::value at = section->second;
  for (const auto& key : split(path.substr(dot + 1), '.')) {
    const auto* found = at.is_object() ? at.get_object().if_contains(key) : nullptr;
    if (found == nullptr) return nullptr;
    at = json::value(*found);
  }
  return at;
}

std::string shown_value(const json::value& value) {
  return value.is_object() || value.is_array() ? compact(value) : plain(value);
}

contract::Settings list(const Args&) {
  Api api;
  return read_settings(api);
}
void show_list(const contract::Settings& settings, const Args& args) {
  const std::string begin = args.text("SETTING");
  std::vector<std::vector<std::string>> rows;
  for (const auto& setting : settings.settings) {
    if (!setting.editable || !setting.path.starts_with(begin)) continue;
    const auto value = value_at(settings, setting.path);
    if (value.is_null() && begin.empty() && !args.flag("all")) continue;
    rows.push_back({setting.path, value.is_null() ? shown_value(setting.default_) : shown_value(value),
                    setting.overridden
                        ? fmt::format("{} counts", setting.environment.value_or("the environment"))
                    : value.is_null() ? "default"
                                      : "",
                    setting.help});
  }
  out(columns_text({"SETTING", "VALUE", "", "WHAT IT DOES"}, rows));
  if (settings.restart_pending)
    note("Some were changed since the server started: they count from its next start.");
}

// What was typed, as a value of the setting's kind.
json::value typed(const std::string& kind, const std::string& path, const std::string& text) {
  if (kind == "string" || kind == "select" || kind == "secret") return json::value(text);
  boost::system::error_code error;
  auto parsed = json::parse(text, error);
  if (kind == "array" && (error || !parsed.is_array())) {
    json::array list;
    for (const auto& item : split(text, ','))
      if (!trim(item).empty()) list.emplace_back(trim(item));
    return list;
  }
  if (!error) return parsed;
  if (kind.empty()) return json::value(text);
  throw Failure(Cause::usage, fmt::format("{} is of the kind {}, which {} is not", escape_control(path), kind,
                                          escape_control(text)));
}

// The kind of what lies at `path`; empty: it lies below a setting with names of its own (data_source.files.tables).
std::string kind_of(const contract::Settings& settings, const std::string& path) {
  Nearest nearest(path, 4);
  bool below = false;
  for (const auto& setting : settings.settings) {
    if (!setting.editable) continue;
    if (setting.path == path) return setting.kind;
    below = below ||
            ((setting.kind == "object" || setting.kind == "map") && path.starts_with(setting.path + "."));
    nearest.offer(setting.path);
  }
  if (below) return "";
  throw Failure(Cause::usage, escape_control(path) + " is no setting that can be changed here",
                meant(nearest, "agnes admin settings list --all"));
}

contract::SettingsChanged save(Api& api, const Args& args, const contract::Settings& settings,
                               json::value value) {
  const std::string path = args.text("SETTING");
  auto names = split(path, '.');
  const std::string section(names.front());
  for (std::size_t i = names.size(); i-- > 1;) {
    json::object around;
    around[names[i]] = std::move(value);
    value = std::move(around);
  }
  contract::ChangeSettings body;
  body.sections[section] = value.is_object() ? std::move(value.as_object()) : json::object();
  const auto& danger = settings.danger_sections;
  body.confirm_danger = std::find(danger.begin(), danger.end(), section) != danger.end();
  if (body.confirm_danger && !args.flag("yes") &&
      !confirm(fmt::format("A mistake in {} can lock everybody out. Change it?", escape_control(section))))
    throw Failure(Cause::failed, "nothing was changed");
  const Response response = api.post("/api/admin/server-config", agnes::json::to_json(body));
  expect(response, {200}, "change " + escape_control(path));
  return contract::read<contract::SettingsChanged>(response.json());
}
void show_changed(const contract::SettingsChanged& changed) {
  print("{}", changed.diff_count == 0 ? "Nothing to change: it is so already."
                                      : "Changed. It counts from the server's next start.");
  for (const auto& name : changed.overridden)
    note("Note: {} is set in the server's environment, and that goes before it.", escape_control(name));
}

// A folder that is not there is told now: the next start, from when it counts, may be much later.
void check_folder(Api& api) {
  boost::system::error_code error;
  const Response tested = api.post("/api/admin/files/test-connection", json::object{});
  if (tested.ok()) return;
  const auto answer = tested.json();
  const auto* message = answer.find_pointer("/detail/message", error);
  note("Note: {}", message == nullptr ? refusal(tested) : escape_control(plain(*message)));
}

contract::SettingsChanged set(const Args& args) {
  Api api;
  const auto settings = read_settings(api);
  const std::string path = args.text("SETTING"), kind = kind_of(settings, path);
  const std::string text =
      args.find("VALUE") ? args.text("VALUE")
                         : ask("Value", "give it behind the setting, or on standard input", kind == "secret");
  auto changed = save(api, args, settings, typed(kind, path, text));
  if (path == "data_source.files.path") check_folder(api);
  return changed;
}

contract::SettingsChanged unset(const Args& args) {
  Api api;
  const auto settings = read_settings(api);
  kind_of(settings, args.text("SETTING"));
  return save(api, args, settings, nullptr);
}
}  // namespace

std::vector<Command> admin_settings_commands() {
  return {
      {.name = "settings",
       .help = "The server's settings: what is set, and changes over instance.yaml",
       .commands = {
           {.name = "list",
            .help = "List the settings that can be changed here and are set",
            .arguments = {{.name = "SETTING", .help = "Only those that begin so: email", .required = false}},
            .options = {{.names = "--all", .value = "", .help = "Those that are not set, too"}},
            .run = answers(list, show_list)},
           {.name = "set",
            .help = "Change a setting; it counts from the server's next start",
            .arguments =
                {kSetting,
                 {.name = "VALUE",
                  .help = "A list with commas between; better left out for a secret: it is asked for unseen",
                  .required = false}},
            .options = {kYes},
            .run = answers(set, show_changed),
            .example = "  agnes admin settings set instance.name 'Example Ltd'\n"},
           {.name = "unset",
            .help = "Undo a change: what instance.yaml says counts again, else the default",
            .arguments = {kSetting},
            .options = {kYes},
            .run = answers(unset, show_changed)}}}};
}

}  // namespace agnes::cli
