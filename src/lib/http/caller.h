#pragma once

#include <optional>
#include <string>

namespace agnes::http {

// Who makes a request. Filled in by the authenticator (access/), passed to handlers.
struct Caller {
  enum class TokenKind { session, pat, scheduler, local_dev };

  std::string user_id = {}, email = {};
  std::optional<std::string> name = {};
  bool is_admin = false;
  TokenKind token_kind = TokenKind::session;
  std::string token_id = {};
};

}  // namespace agnes::http

namespace agnes {
using http::Caller;
}
