#include "cli/config.h"

#include <boost/json.hpp>
#include <sys/stat.h>
#include <yaml-cpp/yaml.h>

#include "cli/json_text.h"
#include "cli/output.h"
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

std::optional<std::string> configured_server() {
  if (auto server = env("AGNES_SERVER")) return server;
  const auto node = load_config()["server"];
  if (node && node.IsScalar() && !node.Scalar().empty()) return node.Scalar();
  return std::nullopt;
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

std::string server_url() {
  std::string url = configured_server().value_or("http://localhost:8000");
  while (url.ends_with('/')) url.pop_back();
  return url;
}
bool has_server() {
  return configured_server().has_value();
}

void save_server(const std::string& url) {
  YAML::Node node = load_config();
  node["server"] = url;
  YAML::Emitter emitter;
  emitter << node;
  replace_file(config_folder() / "config.yaml", std::string(emitter.c_str()) + "\n", 0600);
}

std::optional<Token> stored_token() {
  if (const auto text = read_file(token_file())) {
    boost::system::error_code error;
    const auto value = json::parse(*text, error);
    if (error || !value.is_object())
      throw Error(ErrorKind::invalid,
                  fmt::format("{} is not a JSON object: sign in again with agnes auth login, or agnes "
                              "auth import-token",
                              token_file().string()));
    Token token{plain(value.get_object(), "access_token"), plain(value.get_object(), "email")};
    if (!token.text.empty()) return token;
    return std::nullopt;
  }
  if (auto text = env("AGNES_TOKEN")) return Token{*text, token_claim(*text, "email").value_or("")};
  return std::nullopt;
}

std::string given_token(const std::string& option) {
  return std::string(trim(option == "-" ? ask("Token", true) : option));
}

void save_token(const Token& token) {
  const json::object object{{"access_token", token.text}, {"email", token.email}};
  replace_file(config_folder() / "token.json", pretty(object) + "\n", 0600);
}

void clear_token() {
  std::error_code error;
  fs::remove(token_file(), error);
  if (error) throw system_error("cannot remove " + token_file().string(), error.value());
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

fs::path workspace_folder() {
  const fs::path folder = env_or("AGNES_LOCAL_DIR", ".");
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(folder, error);
  return error ? fs::absolute(folder) : absolute;
}

}  // namespace agnes::cli
