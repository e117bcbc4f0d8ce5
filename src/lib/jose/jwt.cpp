#include "lib/jose/jwt.h"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "lib/base/hash.h"
#include "lib/jose/claims.h"

namespace agnes::jose {

namespace {

namespace json = boost::json;

constexpr std::string_view kHeader = R"({"alg":"HS256","typ":"JWT"})";
constexpr std::size_t kLongest = 8192;  // bytes; ours have some 350
constexpr std::int64_t kClockDifference = 10;
constexpr std::size_t kMaxDepth = 4;

bool header_is_ours(std::string_view part) {
  // As all tokens in use have it, or any other way to write the same.
  static const std::string usual = base64url(kHeader);
  if (part == usual) return true;
  const auto text = from_base64url(part);
  const auto header = text ? parse_object(*text, kMaxDepth) : std::nullopt;
  return header && text_at(*header, "alg") == "HS256" && !header->contains("crit") &&
         !header->contains("b64");
}

}  // namespace

std::string sign_jwt(const Claims& claims, std::string_view secret) {
  json::object payload{{"sub", claims.sub},
                       {"email", claims.email},
                       {"typ", claims.typ},
                       {"iat", claims.iat},
                       {"jti", claims.jti}};
  if (claims.exp) payload["exp"] = *claims.exp;
  if (claims.scope) payload["scope"] = *claims.scope;
  if (claims.password) payload["pwd"] = *claims.password;
  std::string token = base64url(kHeader) + "." + base64url(json::serialize(payload));
  token += "." + base64url(hmac_sha256(secret, token));
  return token;
}

std::optional<Claims> verify_jwt(std::string_view token, std::string_view secret, std::int64_t now_seconds) {
  if (token.size() > kLongest) return std::nullopt;
  const auto first = token.find('.');
  if (first == std::string_view::npos) return std::nullopt;
  const auto second = token.find('.', first + 1);
  if (second == std::string_view::npos || token.find('.', second + 1) != std::string_view::npos)
    return std::nullopt;
  if (!header_is_ours(token.substr(0, first))) return std::nullopt;
  const auto signature = from_base64url(token.substr(second + 1));
  const auto expected = hmac_sha256(secret, token.substr(0, second));
  // The text too, so that no second spelling of the same signature (spare bits of its last letter) is taken.
  if (!signature || !constant_time_equal(*signature, expected) ||
      token.substr(second + 1) != base64url(expected))
    return std::nullopt;

  const auto text = from_base64url(token.substr(first + 1, second - first - 1));
  const auto payload = text ? parse_object(*text, kMaxDepth) : std::nullopt;
  if (!payload) return std::nullopt;
  Claims claims{.sub = text_at(*payload, "sub"),
                .email = text_at(*payload, "email"),
                .typ = text_at(*payload, "typ"),
                .iat = seconds_at(*payload, "iat").value_or(0),
                .jti = text_at(*payload, "jti"),
                .exp = seconds_at(*payload, "exp"),
                .scope = std::nullopt,
                .password = std::nullopt};
  if (payload->contains("scope")) claims.scope = text_at(*payload, "scope");
  if (payload->contains("pwd")) claims.password = text_at(*payload, "pwd");
  if (claims.sub.empty()) return std::nullopt;
  if (payload->contains("exp") && (!claims.exp || *claims.exp <= now_seconds)) return std::nullopt;
  for (const auto* key : {"iat", "nbf"}) {
    if (!payload->contains(key)) continue;
    const auto from = seconds_at(*payload, key);
    if (!from || *from > now_seconds + kClockDifference) return std::nullopt;
  }
  return claims;
}

}  // namespace agnes::jose
