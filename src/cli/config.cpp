#include "cli/config.h"

#include <boost/json.hpp>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include "cli/json_text.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "cli/workspace.h"
#include "lib/base/env.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
fs::path folder_path() {
  if (const auto folder = env("AGNES_CONFIG_DIR")) return *folder;
  const auto home = env("HOME");
  if (!home)
    throw Error(ErrorKind::internal, "neither HOME nor AGNES_CONFIG_DIR is set: where is the configuration?");
  return fs::path(*home) / ".config" / "agnes";
}
fs::path config_file() {
  return folder_path() / "config.yaml";
}
fs::path token_file() {
  return folder_path() / "token.json";
}
fs::path other_tokens_file() {
  return folder_path() / "tokens.json";
}

std::string without_slash(std::string url) {
  while (url.ends_with('/')) url.pop_back();
  return url;
}

YAML::Node load_config() {
  const auto text = read_file(config_file());
  if (!text) return YAML::Node(YAML::NodeType::Map);
  try {
    YAML::Node node = YAML::Load(*text);
    if (node.IsMap()) return node;
    if (node.IsNull()) return YAML::Node(YAML::NodeType::Map);
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::invalid, fmt::format("{}, line {}: {}; correct or remove it",
                                                config_file().string(), error.mark.line + 1, error.msg));
  }
  throw Error(ErrorKind::invalid,
              fmt::format("{} holds no settings; correct or remove it", config_file().string()));
}

// `server` of config.yaml.
std::optional<std::string> default_server() {
  const auto node = load_config()["server"];
  if (node && node.IsScalar() && !node.Scalar().empty()) return without_slash(node.Scalar());
  return std::nullopt;
}
constexpr const char* kNoServer = "http://localhost:8000";
bool is_default(const std::string& server) {
  return without_slash(server) == default_server().value_or(kNoServer);
}

json::object read_tokens(const fs::path& file);

// Whether the user named this server, rather than a folder that they happen to be in.
bool is_known(const std::string& server) {
  const auto named = env("AGNES_SERVER");
  return (named && without_slash(*named) == without_slash(server)) || is_default(server) ||
         read_tokens(other_tokens_file()).contains(without_slash(server));
}

std::optional<std::string> configured_server() {
  if (auto server = env("AGNES_SERVER")) return without_slash(*server);
  if (const auto workspace = find_workspace())
    if (auto server = workspace_server(*workspace)) return server;
  return default_server();
}

json::object read_tokens(const fs::path& file) {
  const auto text = read_file(file);
  if (!text) return {};
  boost::system::error_code error;
  auto value = json::parse(*text, error);
  if (error || !value.is_object())
    throw Error(ErrorKind::invalid,
                fmt::format("{} is not a JSON object: sign in again with agnes auth login, or agnes "
                            "auth import-token",
                            file.string()));
  return std::move(value.get_object());
}
void write_tokens(const char* name, const json::object& tokens) {
  replace_file(config_folder() / name, pretty(tokens) + "\n", 0600);
}
void set_other_token(const std::string& server, const json::object& token) {
  auto others = read_tokens(other_tokens_file());
  others[without_slash(server)] = token;
  write_tokens("tokens.json", others);
}
void drop_other_token(const std::string& server) {
  auto others = read_tokens(other_tokens_file());
  if (others.erase(without_slash(server)) > 0) write_tokens("tokens.json", others);
}
}  // namespace

fs::path config_folder() {
  const fs::path folder = folder_path();
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    if (folder.has_parent_path()) fs::create_directories(folder.parent_path(), error);
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
      throw system_error("cannot create " + folder.string(), errno);
  }
  return folder;
}

void require_known(const std::string& server) {
  const auto workspace = find_workspace();
  if (workspace && workspace_server(*workspace) == without_slash(server) && !is_known(server))
    throw Failure(Cause::usage,
                  fmt::format("{} is a workspace of {}, which is not known here",
                              escape_control(workspace->string()), escape_control(server)),
                  "if that is your server: AGNES_SERVER=" + escape_control(server));
}

std::string server_url() {
  return configured_server().value_or(kNoServer);
}
bool has_server() {
  return configured_server().has_value();
}

bool has_default_server() {
  return default_server().has_value();
}

void save_server(const std::string& url) {
  YAML::Node node = load_config();
  if (!is_default(url)) {
    // Each token stays with the server that gave it.
    const auto here = read_tokens(token_file());
    const auto there = read_tokens(other_tokens_file());
    if (!here.empty()) set_other_token(default_server().value_or(kNoServer), here);
    if (const auto* token = there.if_contains(without_slash(url)); token != nullptr && token->is_object()) {
      write_tokens("token.json", token->get_object());
      drop_other_token(url);
    } else if (!here.empty()) {
      fs::remove(token_file());
    }
  }
  node["server"] = url;
  YAML::Emitter emitter;
  emitter << node;
  replace_file(config_folder() / "config.yaml", std::string(emitter.c_str()) + "\n", 0600);
}

std::optional<Token> stored_token(const std::string& server) {
  if (auto text = env("AGNES_TOKEN")) {
    // Folders are copied and cloned: what somebody else wrote into one does not say where the token goes.
    const auto workspace = find_workspace();
    if (workspace && workspace_server(*workspace) == without_slash(server) && !is_known(server))
      throw Failure(
          Cause::usage,
          fmt::format("{} is a workspace of {}, which is not known here, so AGNES_TOKEN is not sent there",
                      escape_control(workspace->string()), escape_control(server)),
          "if that is your server: AGNES_SERVER=" + escape_control(server));
    return Token{*text, token_claim(*text, "email").value_or("")};
  }
  json::object stored;
  if (is_default(server)) {
    stored = read_tokens(token_file());
  } else {
    const auto others = read_tokens(other_tokens_file());
    const auto* token = others.if_contains(without_slash(server));
    if (token != nullptr && token->is_object()) stored = token->get_object();
  }
  Token token{plain(stored, "access_token"), plain(stored, "email")};
  if (token.text.empty()) return std::nullopt;
  return token;
}

void save_token(const std::string& server, const Token& token) {
  const json::object stored{{"access_token", token.text}, {"email", token.email}};
  if (is_default(server))
    write_tokens("token.json", stored);
  else
    set_other_token(server, stored);
}

void clear_token(const std::string& server) {
  if (!is_default(server)) return drop_other_token(server);
  std::error_code error;
  fs::remove(token_file(), error);
  if (error) throw system_error("cannot remove " + token_file().string(), error.value());
}

std::string given_token(const std::string& option) {
  return std::string(
      trim(option == "-" ? ask("Token", "give it on standard input, or as --token TOKEN", true) : option));
}

std::optional<std::string> token_claim(const std::string& token, const std::string& name) {
  const auto parts = split(token, '.');
  if (parts.size() != 3) return std::nullopt;
  const auto claims = from_base64url(parts[1]);
  if (!claims) return std::nullopt;
  boost::system::error_code error;
  const auto value = json::parse(*claims, error);
  if (error || !value.is_object()) return std::nullopt;
  const auto* claim = value.get_object().if_contains(name);
  if (claim == nullptr) return std::nullopt;
  return plain(*claim);
}

namespace {
fs::path absolute_path(const fs::path& folder) {
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(folder, error);
  return error ? fs::absolute(folder) : absolute;
}
// What stands behind `name` in a line of a file.
std::optional<std::string> field_of(const fs::path& file, std::string_view name) {
  const auto text = read_file(file);
  if (!text) return std::nullopt;
  for (const auto& line : split(*text, '\n'))
    if (line.starts_with(name)) {
      auto value = without_slash(std::string(trim(std::string_view(line).substr(name.size()))));
      if (!value.empty()) return value;
    }
  return std::nullopt;
}
}  // namespace

std::optional<fs::path> find_workspace() {
  if (const auto folder = env("AGNES_LOCAL_DIR")) return absolute_path(*folder);
  std::error_code ignored;
  for (fs::path folder = absolute_path("."); !folder.empty(); folder = folder.parent_path()) {
    if (fs::exists(folder / ".claude" / "init-complete", ignored) ||
        fs::exists(folder / "server" / ".agnes-pull", ignored) ||
        fs::exists(folder / "user" / "duckdb" / "analytics.duckdb", ignored)) {
      // Its database may hold views that read what only this account can.
      struct stat info {};
      if (::stat(folder.c_str(), &info) == 0 && info.st_uid != ::getuid())
        throw Failure(Cause::failed,
                      fmt::format("{} is a workspace of another account", escape_control(folder.string())),
                      "if you trust it: AGNES_LOCAL_DIR=" + escape_control(folder.string()));
      return folder;
    }
    if (folder == folder.root_path()) break;
  }
  return std::nullopt;
}

fs::path workspace_folder() {
  const auto found = find_workspace();
  std::error_code error;
  if (found && env("AGNES_LOCAL_DIR") && !fs::is_directory(*found, error))
    throw Failure(Cause::failed,
                  fmt::format("AGNES_LOCAL_DIR names {}, and there is no such folder", found->string()),
                  "correct it, or unset it");
  if (found) refuse_links(*found);
  return found.value_or(absolute_path("."));
}

std::optional<std::string> workspace_server(const fs::path& root) {
  if (auto made_for = field_of(root / ".claude" / "init-complete", "server_url:")) return made_for;
  return field_of(root / "server" / ".agnes-pull", "server\t");
}

}  // namespace agnes::cli
