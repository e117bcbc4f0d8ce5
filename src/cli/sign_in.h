#pragma once

#include <optional>
#include <string>

#include "cli/api.h"
#include "cli/config.h"

// How the client comes by a token. All throw Failure with what to do next.
namespace agnes::cli {

struct Credentials {
  std::optional<std::string> email = {}, password = {};  // what is missing is asked for
  bool browser = false, code = false;                    // whether to use one, and only that
};
// Of an answer that signs somebody in; `email` where it does not say whose it is.
Token session_of(const Response& response, const std::string& email = "");

// A session: in a browser on a terminal, or when that is asked for; else by email and password, also where the server
// knows nothing else. The caller stores it.
Token sign_in(const std::string& server, Credentials credentials = {});

// The token that a new workspace of the server works with: `given` ("-": from standard input), else a personal one made
// with the stored session, else with one that sign_in() gets. It is named after this machine and `folder`, and takes the
// place of the one that was made for these before. The caller stores it.
Token token_for_workspace(const std::string& server, const std::optional<std::string>& given,
                          const std::filesystem::path& folder);

}  // namespace agnes::cli
