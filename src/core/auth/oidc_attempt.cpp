#include "core/auth/oidc_attempt.h"

#include "lib/base/hash.h"
#include "lib/base/ids.h"
#include "lib/base/text.h"

namespace agnes::auth::oidc {

namespace {
constexpr std::size_t kLongestSealed = 4000;
constexpr std::size_t kMostUsed = 100'000;  // some 10 MB
}  // namespace

Attempts::Attempts(std::string_view secret, std::string_view purpose)
    : key_(hmac_sha256(secret, std::string("sign-in attempt: ") + std::string(purpose))) {}

std::string Attempts::derived(std::string_view what, std::string_view text) const {
  return base64url(hmac_sha256(key_, std::string(what) + ":" + std::string(text)));
}

Attempt Attempts::begin(std::string next, std::int64_t now_seconds) const {
  return {random_urlsafe(32), now_seconds + kLifetime, std::move(next)};
}

std::string Attempts::seal(const Attempt& attempt) const {
  const auto text = attempt.state + "." + std::to_string(attempt.expires) + "." + base64url(attempt.next);
  return text + "." + derived("cookie", text);
}

std::optional<Attempt> Attempts::open(std::string_view sealed, std::int64_t now_seconds) const {
  const auto dot = sealed.rfind('.');
  if (sealed.size() > kLongestSealed || dot == sealed.npos) return std::nullopt;
  if (!constant_time_equal(sealed.substr(dot + 1), derived("cookie", sealed.substr(0, dot))))
    return std::nullopt;
  const auto parts = split(sealed.substr(0, dot), '.');
  if (parts.size() != 3) return std::nullopt;
  const auto expires = parse_int(parts[1]);
  auto next = from_base64url(parts[2]);
  if (!expires || !next || *expires <= now_seconds) return std::nullopt;
  return Attempt{parts[0], *expires, std::move(*next)};
}

std::string Attempts::nonce(const Attempt& attempt) const {
  return derived("nonce", attempt.state);
}
std::string Attempts::verifier(const Attempt& attempt) const {
  return derived("verifier", attempt.state);
}
std::string Attempts::challenge(const Attempt& attempt) const {
  return base64url(sha256(verifier(attempt)));
}

bool Attempts::use(const Attempt& attempt, std::int64_t now_seconds) {
  std::lock_guard lock(mutex_);
  if (used_.size() >= kMostUsed)
    std::erase_if(used_, [&](const auto& entry) { return entry.second <= now_seconds; });
  return used_.size() < kMostUsed && used_.emplace(attempt.state, attempt.expires).second;
}

}  // namespace agnes::auth::oidc
