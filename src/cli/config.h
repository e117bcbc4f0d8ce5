#pragma once

#include <filesystem>
#include <optional>
#include <string>

// Who the user is and which server is theirs: ~/.config/agnes (or AGNES_CONFIG_DIR), as the contract's client
// keeps it.
namespace agnes::cli {

// Made on first use, for the user's eyes only.
std::filesystem::path config_folder();

// AGNES_SERVER, else the server of the workspace that this folder is in, else `server` of config.yaml, else
// http://localhost:8000.
std::string server_url();
// Throws Failure when only the workspace names that server: folders are copied and cloned, and what somebody else wrote into one
// does not say whose programs run here.
void require_known(const std::string& server);
bool has_server();          // whether one was named anywhere
bool has_default_server();  // whether config.yaml names one
// The server that commands outside of workspaces use from now on. Keeps the other settings of config.yaml,
// and the token of the one before.
void save_server(const std::string& url);

struct Token {
  std::string text;
  std::string email;
};
// AGNES_TOKEN, else the one that was stored for that server: a token goes to no other. That of config.yaml's
// server is in token.json, where the contract's client looks; those of others are in tokens.json. Throws Failure when
// AGNES_TOKEN would go to a server that only the workspace names.
std::optional<Token> stored_token(const std::string& server = server_url());
void save_token(const std::string& server, const Token& token);
void clear_token(const std::string& server);

// The token that an option gives: "-" reads it from standard input, where no list of processes shows it.
std::string given_token(const std::string& option);

// The claim of a JWT, unverified: for display only.
std::optional<std::string> token_claim(const std::string& token, const std::string& name);

// The workspace that a command works in: AGNES_LOCAL_DIR, else the nearest folder, from the current one up,
// that `agnes init` or a pull has been in; nothing outside of workspaces.
std::optional<std::filesystem::path> find_workspace();
// The same, or the current folder. Throws Failure when AGNES_LOCAL_DIR names no folder: a misspelt one is not made.
std::filesystem::path workspace_folder();
// The server that a workspace was made for, when that is known.
std::optional<std::string> workspace_server(const std::filesystem::path& root);

}  // namespace agnes::cli
