#pragma once

#include <filesystem>
#include <optional>
#include <string>

// Who the user is and which server is theirs: ~/.config/agnes (or AGNES_CONFIG_DIR), as the contract's client
// keeps it.
namespace agnes::cli {

// Made on first use, for the user's eyes only.
std::filesystem::path config_folder();

// AGNES_SERVER, else `server` of config.yaml, else http://localhost:8000.
std::string server_url();
bool has_server();  // whether one was named anywhere
// Keeps the other settings of config.yaml.
void save_server(const std::string& url);

struct Token {
  std::string text;
  std::string email;
};
// token.json, else AGNES_TOKEN.
std::optional<Token> stored_token();
void save_token(const Token& token);
void clear_token();

// The token that an option gives: "-" reads it from standard input, where no list of processes shows it.
std::string given_token(const std::string& option);

// The claim of a JWT, unverified: for display only.
std::optional<std::string> token_claim(const std::string& token, const std::string& name);

// The workspace that a command works in: AGNES_LOCAL_DIR, else the current folder.
std::filesystem::path workspace_folder();

}  // namespace agnes::cli
