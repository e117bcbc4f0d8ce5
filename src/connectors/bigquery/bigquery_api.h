#pragma once

#include <chrono>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "app/config/config.h"
#include "core/sync/connector.h"
#include "lib/google/credentials.h"
#include "lib/http_client/client.h"

namespace agnes::connectors::bigquery {

// BigQuery refused the request itself (HTTP 400): a mistake in the SQL, for one.
class Refused : public Error {
 public:
  explicit Refused(const Error& error) : Error(error) {}
};

// Throws Error (bad_gateway) for an answer that cannot be one of BigQuery's.
[[noreturn]] void no_sense(const std::string& what);

// In whose name BigQuery at `server` is asked: Google's default credentials. Another server than Google's (an emulator,
// for one) is shown those only that GOOGLE_APPLICATION_CREDENTIALS names, else none (null): what this machine may do in
// Google's cloud concerns nobody else. Throws google::NoCredentials.
google::CredentialsPtr credentials_for(const std::string& server);

// BigQuery's REST API, version 2, in the name of credentials_for(). The address is
// BIGQUERY_EMULATOR_HOST where that is set, as in Google's own clients. For one piece of work; used by one
// thread.
class Api {
 public:
  // Throws Error: not_configured (bad_request) for a project that is missing or impossible, or an address
  // that a token may not be sent to; auth_failed (bad_gateway) without credentials. The work may take `limit`
  // in all.
  explicit Api(const config::Config& config, std::chrono::milliseconds limit = sync::kSourceTimeout,
               http_client::Stop cancelled = {});

  // For other projects, in the name of other credentials; null: nobody's. `server`: BigQuerySettings::server.
  struct Projects {
    std::string data, billing;
  };
  Api(std::string server, Projects projects, google::CredentialsPtr credentials,
      std::chrono::milliseconds limit);

  // What comes now may take so long, whoever has cancelled: for leaving nothing behind.
  void allow(std::chrono::milliseconds limit);

  const std::string& data_project() const { return data_; }
  const std::string& billing_project() const { return billing_; }

  // The answer, an object; nothing for 404. `path` begins behind "/bigquery/v2/projects/". Throws Error in
  // BigQuery's words (Refused for 400), with the contract's kinds: auth_failed, cross_project_forbidden,
  // bq_forbidden, bq_upstream_error, unreachable (bad_gateway), timeout (gateway_timeout); conflict for 409.
  std::optional<boost::json::object> get(const std::string& path, const http_client::Params& params = {});
  std::optional<boost::json::object> post(const std::string& path, const boost::json::object& body);
  // All pages of a list of objects, one after the other; nothing for 404.
  std::optional<boost::json::array> list(const std::string& path, const std::string& key);

 private:
  http_client::Response ask(const std::string& url, http_client::Request request);
  std::optional<boost::json::object> answer(const std::string& url, const http_client::Request& request);
  Error error(ErrorKind status, std::string_view kind, const std::string& message,
              const std::string& hint = {}) const;
  [[noreturn]] void refuse(const http_client::Response& response) const;
  std::chrono::milliseconds left() const;
  void check_address() const;

  std::string address_, data_, billing_;
  google::CredentialsPtr credentials_;
  http_client::Stop cancelled_;
  std::chrono::milliseconds limit_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace agnes::connectors::bigquery
