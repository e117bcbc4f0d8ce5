#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/http_client/client.h"

// Who this server is at Google: OAuth 2.0 access tokens for Google's REST APIs.
//
//   const auto credentials = google::default_credentials();           // once; keep it
//   request.headers.emplace_back("Authorization", "Bearer " + credentials->token(google::kCloudPlatform));
//   const auto response = http_client::call(url, request);
//   if (response.status == 401) credentials->forget(token);           // then once more, with a new one
//
// Sources: RFC 7523 (JWT bearer grant) as in Google's "Using OAuth 2.0 for Server to Server Applications",
// "Application Default Credentials", the metadata server of Compute Engine, and signJwt of the IAM Service
// Account Credentials API v1.
namespace agnes::google {

// Everything that the account may do.
inline constexpr std::string_view kCloudPlatform = "https://www.googleapis.com/auth/cloud-platform";

// Where Google is; tests name stand-ins.
struct Services {
  std::string token_url = "https://oauth2.googleapis.com/token";  // a key file names its own
  std::string iam = "https://iamcredentials.googleapis.com";
};

// There is nothing to sign in with; the message says what to set up.
class NoCredentials : public Error {
 public:
  explicit NoCredentials(const std::string& why) : Error(ErrorKind::unavailable, why) {}
};

// Thread-safe. Methods may wait for the network, half a minute at worst for each service that is asked: what
// is not available for a moment (429, 5xx, no connection) is asked for three times. They throw Error
// (bad_gateway) when Google refuses, with its reason, TransportError when it cannot be reached,
// NoCredentials. Messages hold no secret and are for operators, not for everybody: they may name the account.
class Credentials {
 public:
  explicit Credentials(Services services) : services_(std::move(services)) {}
  virtual ~Credentials() = default;
  Credentials(const Credentials&) = delete;
  Credentials& operator=(const Credentials&) = delete;

  // An access token for `scopes` (one, or several with spaces between), good for so many seconds at least
  // where Google gives one that is. Kept until then, each list of scopes for itself; callers that ask at the
  // same moment wait for one request.
  std::string token(std::string_view scopes, std::int64_t good_for_seconds = 60);
  // Not to be used again: somebody answered 401 to it. Another token stays.
  void forget(std::string_view token);

  // The address of the service account; throws NoCredentials for a person's credentials.
  virtual std::string account() = 0;

  // `claims` as a JWT that `account` has signed with RS256: with its key where we have it, else by the IAM
  // API, which lets an account do this that has the role "Service Account Token Creator" on `account`.
  virtual std::string sign_jwt(const boost::json::object& claims, const std::string& account);
  // Where such a JWT is traded for a token; its audience.
  virtual const std::string& token_url() const { return services_.token_url; }

 protected:
  struct Token {
    std::string text;
    Timestamp expires_at;
  };
  virtual Token fetch(const std::string& scopes) = 0;
  // RFC 7523: asks for a token in the name of `account`, for `subject` unless that is empty.
  static Token bearer_grant(Credentials& signer, const std::string& account, const std::string& subject,
                            const std::string& scopes);
  // A request that may be repeated. Throws unless the answer is 200; `what` is its name in the message.
  static http_client::Response ask(const std::string& url, const http_client::Request& request,
                                   std::string_view what);
  static Token token_of(const http_client::Response& response, std::string_view what);

  const Services services_;

 private:
  std::mutex mutex_;  // held while a token is fetched
  std::map<std::string, Token, std::less<>> kept_;
};

using CredentialsPtr = std::shared_ptr<Credentials>;

// A JSON file: the key of a service account ("type": "service_account") or what `gcloud auth
// application-default login` leaves behind ("authorized_user"). Read once. Throws NoCredentials naming the
// file for what is neither.
CredentialsPtr file_credentials(const std::filesystem::path& file, Services services = {});

// The service account that this machine runs as in Google's cloud, from the metadata server (at
// GCE_METADATA_HOST if that is set).
CredentialsPtr machine_credentials(Services services = {});

// Those of the file named by GOOGLE_APPLICATION_CREDENTIALS; null when none is named.
CredentialsPtr named_credentials(Services services = {});

// The first of: the file named by GOOGLE_APPLICATION_CREDENTIALS, gcloud's own file (in CLOUDSDK_CONFIG or
// ~/.config/gcloud), the machine's service account. Throws NoCredentials for a file that cannot be used;
// whether there is a metadata server shows with the first token.
CredentialsPtr default_credentials(Services services = {});

// Domain-wide delegation: acts as the Workspace user `subject`, which the Workspace's admin console allows
// `account` (empty: the one of `signer`) for the scopes that are asked for.
CredentialsPtr delegated_credentials(CredentialsPtr signer, std::string subject, std::string account = {},
                                     Services services = {});

}  // namespace agnes::google
