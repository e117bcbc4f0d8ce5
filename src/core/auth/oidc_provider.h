#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "core/identity/rate_limit.h"
#include "lib/jose/oidc_token.h"

namespace agnes::auth::oidc {

struct ProviderMetadata {
  std::string authorization_endpoint, token_endpoint, jwks_uri;
};

// What a provider hands out for a code.
struct Tokens {
  std::string id_token, access_token;
  std::vector<std::string> scopes;  // what the user agreed to
};

struct Client {
  std::string id, secret;
};

// An OpenID provider, found by its issuer's address (OpenID Connect Discovery 1.0). What it publishes is kept
// as long as it allows (a minute to a day), and up to a day longer while it cannot be asked. Thread-safe; the
// methods wait for the network. They throw Error (bad_gateway, unavailable) in words for the log.
class Provider {
 public:
  // Throws Error (bad_request) unless `issuer` is an https address, or an http one of this machine.
  explicit Provider(std::string issuer);

  const std::string& issuer() const { return issuer_; }
  ProviderMetadata discover();

  // Trades the code of a callback for tokens; `verifier` is PKCE's, `scopes` are those that were asked for.
  Tokens exchange(const Client& client, const std::string& code, const std::string& redirect_uri,
                  const std::string& verifier, const std::string& scopes);

  // The content of `token` when it is as expected. A key that is not known is asked for again, but not more
  // than five times in five minutes: whoever makes up key ids must not make us call. Throws jose::Refused.
  jose::IdToken verify(std::string_view token, const jose::ExpectedClaims& expected);

 private:
  struct CacheEntry {
    std::string text;
    Timestamp fresh_until, usable_until;
  };
  // What `check` throws for is not kept.
  const std::string& fetch(CacheEntry& kept, const std::string& url, const char* what, bool again,
                           const std::function<void(std::string_view)>& check);
  jose::Keys keys(const std::string& key_id);
  std::string checked_endpoint(std::string url, const char* what) const;

  std::string issuer_;
  bool secure_;
  std::mutex mutex_;  // held while something is fetched: others wait for it instead of asking, too
  CacheEntry configuration_, key_set_;
  identity::RateLimiter again_;
};

}  // namespace agnes::auth::oidc
