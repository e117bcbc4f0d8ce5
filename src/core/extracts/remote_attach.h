#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "lib/base/json.h"

// What an extract may ask of the server in its table _remote_attach: to reach tables that live in another
// engine through an extension of DuckDB, with a token from the server's environment. The extract is a
// stranger's, so the server says which extensions and which variables these are. Nothing here loads or
// attaches.
namespace agnes::extracts {

// A row of _remote_attach.
struct RemoteAttach {
  std::string source;  // the extract that asks
  std::string alias, extension, url, token_env;
};
BOOST_DESCRIBE_STRUCT(RemoteAttach, (), (source, alias, extension, url, token_env))

struct RemoteRules {
  std::vector<std::string> extensions = {};
  std::vector<std::string> token_envs = {};  // variables with tokens, or names of files with them
  // Hosts (host:port) where a url may say that its engine is; no token is sent to another one that a url names.
  std::vector<std::string> endpoints = {};
  static constexpr json::Rule rules[] = {{.field = "*", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(RemoteRules, (), (extensions, token_envs, endpoints))

// Why a row may not be used, as the rest of a sentence about it, with what an operator may do; nothing when
// it may. Repeats neither the url, which may hold a secret, nor the value of a variable.
std::optional<std::string> refusal(const RemoteAttach& row, const RemoteRules& rules);

// The part of a view that names another engine.
struct RemoteNames {
  std::vector<std::string> catalogs;   // of dotted names: kbc for kbc."in.c-crm".orders; lower case
  std::vector<std::string> functions;  // called by their plain names: far_query; lower case
};
// Of a "CREATE VIEW ... AS ..." as DuckDB prints it.
RemoteNames remote_names(std::string_view create_view);

}  // namespace agnes::extracts
