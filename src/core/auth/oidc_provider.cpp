#include "core/auth/oidc_provider.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <fmt/format.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http_client/call.h"

namespace agnes::auth::oidc {

namespace {

namespace js = boost::json;
using http_client::Request;
using http_client::Response;

constexpr std::int64_t kUsualAge = 3600, kShortestAge = 60, kLongestAge = 86400;  // seconds
constexpr std::int64_t kUsableLonger = 86400;
constexpr identity::Rate kAgain{5, 300};

std::string text_at(const js::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string(*text) : std::string();
}

js::object object_of(std::string_view text, std::string_view what) {
  boost::system::error_code error;
  auto value = js::parse(text, error, {}, {.max_depth = 16});
  if (error || !value.is_object())
    throw Error(ErrorKind::bad_gateway, fmt::format("the sign-in provider's {} is not a JSON object", what));
  return std::move(value.get_object());
}

// How long the answer says that it holds.
std::int64_t age_of(const Response& response) {
  auto age = kUsualAge;
  for (const auto& part : split(response.header("cache-control").value_or(""), ',')) {
    const auto word = trim(part);
    if (!to_lower(word).starts_with("max-age=")) continue;
    if (const auto given = parse_int(word.substr(8))) age = *given;
  }
  return std::clamp(age, kShortestAge, kLongestAge);
}

}  // namespace

Provider::Provider(std::string issuer)
    : issuer_(std::move(issuer)), secure_(issuer_.starts_with("https://")) {
  http_client::normalize_server(issuer_);
  if (!http_client::may_carry_secrets(issuer_))
    throw Error(ErrorKind::bad_request,
                fmt::format("'{}' is not an address to sign in at: it must begin with https://",
                            escape_control(issuer_)));
}

// Answers come over the line that the issuer's address promises, or a safer one.
std::string Provider::checked_endpoint(std::string url, const char* what) const {
  if (url.starts_with("https://") || (!secure_ && url.starts_with("http://"))) return url;
  throw Error(ErrorKind::bad_gateway, fmt::format("the sign-in provider names no usable {}", what));
}

// `mutex_` is held.
const std::string& Provider::fetch(CacheEntry& kept, const std::string& url, const char* what, bool again,
                                   const std::function<void(std::string_view)>& check) {
  const auto moment = now();
  if (!again && !kept.text.empty() && moment < kept.fresh_until) return kept.text;
  try {
    auto response = http_client::call(url, {});
    if (response.status != 200)
      throw Error(ErrorKind::bad_gateway, fmt::format("{} answered {}", url, response.status));
    check(response.body);
    const auto age = age_of(response);
    kept = {std::move(response.body), plus_seconds(moment, age), plus_seconds(moment, age + kUsableLonger)};
  } catch (const Error& error) {
    if (kept.text.empty() || moment >= kept.usable_until) throw;
    log::warn("the sign-in provider's {} cannot be renewed; the known one is used: {}", what, error.what());
    kept.fresh_until = plus_seconds(moment, kShortestAge);
  }
  return kept.text;
}

ProviderMetadata Provider::discover() {
  std::lock_guard lock(mutex_);
  auto base = issuer_;
  while (base.ends_with('/')) base.pop_back();
  const auto read = [&](std::string_view text) -> ProviderMetadata {
    const auto found = object_of(text, "configuration");
    if (text_at(found, "issuer") != issuer_)
      throw Error(ErrorKind::bad_gateway,
                  fmt::format("{} describes another issuer: check auth.google_issuer", issuer_));
    return {checked_endpoint(text_at(found, "authorization_endpoint"), "authorization_endpoint"),
            checked_endpoint(text_at(found, "token_endpoint"), "token_endpoint"),
            checked_endpoint(text_at(found, "jwks_uri"), "jwks_uri")};
  };
  return read(
      fetch(configuration_, base + "/.well-known/openid-configuration", "configuration", false, read));
}

Tokens Provider::exchange(const Client& client, const std::string& code, const std::string& redirect_uri,
                          const std::string& verifier, const std::string& scopes) {
  const auto response = http_client::call(discover().token_endpoint,
                                          http_client::form_request({{"grant_type", "authorization_code"},
                                                                     {"code", code},
                                                                     {"redirect_uri", redirect_uri},
                                                                     {"client_id", client.id},
                                                                     {"client_secret", client.secret},
                                                                     {"code_verifier", verifier}}));
  if (response.status != 200) {
    // The error's name (RFC 6749, 5.2) tells an operator what to mend; more of the answer might hold a
    // secret.
    boost::system::error_code ignored;
    const auto said = js::parse(response.body, ignored);
    const auto* object = ignored ? nullptr : said.if_object();
    throw Error(
        ErrorKind::bad_gateway,
        fmt::format("the sign-in provider gave no token: HTTP {} {}", response.status,
                    escape_control(object != nullptr ? text_at(*object, "error").substr(0, 60) : "")));
  }
  const auto body = object_of(response.body, "answer with the tokens");
  // Left out when all was granted that was asked for (RFC 6749, 5.1).
  const auto granted = body.contains("scope") ? text_at(body, "scope") : scopes;
  Tokens tokens{text_at(body, "id_token"), text_at(body, "access_token"), split(granted, ' ')};
  if (tokens.id_token.empty())
    throw Error(ErrorKind::bad_gateway, "the sign-in provider's answer holds no ID token");
  return tokens;
}

jose::Keys Provider::keys(const std::string& key_id) {
  const auto url = discover().jwks_uri;
  const auto has = [&](const jose::Keys& keys) {
    return std::any_of(keys.begin(), keys.end(), [&](const jose::Key& key) { return key.id() == key_id; });
  };
  std::lock_guard lock(mutex_);
  auto keys = jose::parse_keys(fetch(key_set_, url, "key set", false, jose::parse_keys));
  if (!has(keys) && !again_.take("keys", kAgain, now()))
    keys = jose::parse_keys(fetch(key_set_, url, "key set", true, jose::parse_keys));
  return keys;
}

jose::IdToken Provider::verify(std::string_view token, const jose::ExpectedClaims& expected) {
  return jose::verify(token, keys(jose::key_id_of(token)), expected);
}

}  // namespace agnes::auth::oidc
