#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// JSON Web Tokens signed with HMAC-SHA256: sessions and personal tokens, as the contract has them.
namespace agnes::jose {

struct Claims {
  std::string sub;  // the user's id
  std::string email;
  std::string typ;                  // "session" or "pat"
  std::int64_t iat = 0;             // seconds since 1970
  std::string jti;                  // of a personal token: its id
  std::optional<std::int64_t> exp;  // seconds since 1970; none: never
  std::optional<std::string> scope = {};
  // Of a session: what stands for the password that its account had when it began.
  std::optional<std::string> password = {};
};

std::string sign_jwt(const Claims& claims, std::string_view secret);

// The claims when the token is whole, signed with `secret` by HS256 and no other algorithm, not expired and
// not from the future (but for 10 s, for clocks that differ). Takes the same time wherever a signature is
// wrong.
std::optional<Claims> verify_jwt(std::string_view token, std::string_view secret, std::int64_t now_seconds);

}  // namespace agnes::jose
