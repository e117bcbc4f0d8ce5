#include "lib/google/credentials.h"

#include <algorithm>

#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "lib/base/json.h"
#include "lib/google/answer.h"
#include "lib/http_client/call.h"
#include "lib/http_client/retry.h"

namespace agnes::google {

namespace {

constexpr std::int64_t kAssertionLife = 3600;  // seconds; the longest that Google takes
constexpr std::size_t kMostKept = 32;
constexpr std::size_t kLongestToken = 16 << 10;  // bytes; Google promises 2048 at most
constexpr int kTries = 3;
constexpr std::chrono::seconds kLongestWait{3};

struct TokenAnswer {
  std::string access_token;
  std::int64_t expires_in = 0;  // seconds; not kept when it does not say
  static constexpr json::Rule rules[] = {{.field = "expires_in", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(TokenAnswer, (), (access_token, expires_in))

struct SignedJwt {
  std::string signedJwt;
};
BOOST_DESCRIBE_STRUCT(SignedJwt, (), (signedJwt))

class Delegated : public Credentials {
 public:
  Delegated(CredentialsPtr signer, std::string subject, std::string account, Services services)
      : Credentials(std::move(services)),
        signer_(std::move(signer)),
        subject_(std::move(subject)),
        account_(std::move(account)) {}

  std::string account() override { return account_.empty() ? signer_->account() : account_; }

 private:
  Token fetch(const std::string& scopes) override {
    return bearer_grant(*signer_, account(), subject_, scopes);
  }

  const CredentialsPtr signer_;
  const std::string subject_, account_;
};

}  // namespace

std::string Credentials::token(std::string_view scopes, std::int64_t good_for_seconds) {
  std::lock_guard lock(mutex_);
  const auto moment = now();
  std::erase_if(kept_, [&](const auto& entry) { return entry.second.expires_at <= moment; });
  if (const auto found = kept_.find(scopes);
      found != kept_.end() && found->second.expires_at > plus_seconds(moment, good_for_seconds))
    return found->second.text;
  auto token = fetch(std::string(scopes));
  if (kept_.size() < kMostKept) kept_.insert_or_assign(std::string(scopes), token);
  return token.text;
}

void Credentials::forget(std::string_view token) {
  std::lock_guard lock(mutex_);
  std::erase_if(kept_, [&](const auto& entry) { return entry.second.text == token; });
}

std::string Credentials::sign_jwt(const boost::json::object& claims, const std::string& account) {
  http_client::Request request;
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"},
                     {"Authorization", "Bearer " + token(kCloudPlatform)}};
  request.body = boost::json::serialize(boost::json::object{{"payload", boost::json::serialize(claims)}});
  const auto what = fmt::format("signature by {}", account);
  const auto response = ask(fmt::format("{}/v1/projects/-/serviceAccounts/{}:signJwt", services_.iam,
                                        http_client::percent_encode(account)),
                            request, what);
  return answer_of<SignedJwt>(response.body, what).signedJwt;
}

Credentials::Token Credentials::bearer_grant(Credentials& signer, const std::string& account,
                                             const std::string& subject, const std::string& scopes) {
  const auto moment = seconds(now());
  boost::json::object claims{{"iss", account},
                             {"scope", scopes},
                             {"aud", signer.token_url()},
                             {"iat", moment},
                             {"exp", moment + kAssertionLife}};
  if (!subject.empty()) claims["sub"] = subject;
  const auto what = subject.empty() ? fmt::format("token for {}", account)
                                    : fmt::format("token for {} as {}", account, subject);
  return token_of(
      ask(signer.token_url(),
          http_client::form_request({{"grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"},
                                     {"assertion", signer.sign_jwt(claims, account)}}),
          what),
      what);
}

http_client::Response Credentials::ask(const std::string& url, const http_client::Request& request,
                                       std::string_view what) {
  auto response =
      http_client::call_repeatedly(url, request, {}, {.tries = kTries, .longest_wait = kLongestWait});
  if (response.status == 200) return response;
  throw Error(ErrorKind::bad_gateway,
              fmt::format("Google gives no {}: HTTP {}{}", what, response.status, reason_in(response.body)));
}

Credentials::Token Credentials::token_of(const http_client::Response& response, std::string_view what) {
  auto answer = answer_of<TokenAnswer>(response.body, what);
  // It becomes part of a header.
  const auto& text = answer.access_token;
  if (text.empty() || text.size() > kLongestToken ||
      !std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; }))
    throw Error(ErrorKind::bad_gateway, fmt::format("Google's answer holds no {}", what));
  return {std::move(answer.access_token),
          plus_seconds(now(), std::clamp<std::int64_t>(answer.expires_in, 0, 86400))};
}

CredentialsPtr delegated_credentials(CredentialsPtr signer, std::string subject, std::string account,
                                     Services services) {
  return std::make_shared<Delegated>(std::move(signer), std::move(subject), std::move(account),
                                     std::move(services));
}

}  // namespace agnes::google
