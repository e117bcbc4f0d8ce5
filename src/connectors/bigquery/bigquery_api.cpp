#include "connectors/bigquery/bigquery_api.h"

#include "connectors/bigquery/registration.h"
#include "connectors/bigquery/settings.h"
#include "connectors/source_error.h"
#include "lib/base/text.h"
#include "lib/http_client/call.h"

namespace agnes::connectors::bigquery {

namespace {

using boost::json::array;
using boost::json::object;
using http_client::TransportError;
using std::chrono::milliseconds;

constexpr std::string_view kProject = "data_source.bigquery.project";
constexpr std::string_view kBilling = "data_source.bigquery.billing_project";
constexpr std::size_t kLargestAnswer = 64u << 20;
constexpr std::size_t kShownOfAnAnswer = 300;
constexpr const char* kPageSize = "1000";

std::string checked(std::string project, std::string_view path) {
  if (project.empty())
    throw source_error(ErrorKind::bad_request, "not_configured",
                       fmt::format("{} is not set: the Google Cloud project with the data", path));
  if (!is_project_id(project))
    throw source_error(ErrorKind::bad_request, "not_configured",
                       fmt::format("{} is not a project id: {}", path, escape_control(project)));
  return project;
}

// Google's form of errors: {"error": {"code", "message", "status", "errors": [{"reason", "message"}]}}.
struct Refusal {
  std::string message, reason;
};
Refusal read_refusal(const std::string& body) {
  Refusal out;
  boost::system::error_code failed;
  const auto parsed = boost::json::parse(body, failed, {}, {.max_depth = 32});
  if (failed || !parsed.is_object()) return out;
  const auto* error = parsed.get_object().if_contains("error");
  if (error == nullptr || !error->is_object()) return out;
  const auto text = [](const object& from, std::string_view key) {
    const auto* found = from.if_contains(key);
    return found != nullptr && found->is_string()
               ? escape_control(std::string_view(found->get_string()).substr(0, kShownOfAnAnswer))
               : std::string();
  };
  out.message = text(error->get_object(), "message");
  const auto* list = error->get_object().if_contains("errors");
  if (list != nullptr && list->is_array() && !list->get_array().empty() && list->get_array()[0].is_object())
    out.reason = text(list->get_array()[0].get_object(), "reason");
  return out;
}

}  // namespace

google::CredentialsPtr credentials_for(const std::string& server) {
  return server == BigQuerySettings::kGoogle ? google::default_credentials() : google::named_credentials();
}

void no_sense(const std::string& what) {
  throw source_error(ErrorKind::bad_gateway, "bq_upstream_error",
                     "BigQuery's answer makes no sense: " + what);
}

Api::Api(std::string server, Projects projects, google::CredentialsPtr credentials, milliseconds limit)
    : address_(std::move(server)),
      data_(std::move(projects.data)),
      billing_(std::move(projects.billing)),
      credentials_(std::move(credentials)),
      limit_(limit) {
  // Emulators are named as localhost:9050, too.
  if (address_.find("://") == std::string::npos) address_ = "http://" + address_;
  while (address_.ends_with('/')) address_.pop_back();
  check_address();
}

Api::Api(const config::Config& config, milliseconds limit, http_client::Stop cancelled)
    : Api(config.get<BigQuerySettings>().server,
          {checked(config.get<BigQuerySettings>().project, kProject),
           checked(config.get<BigQuerySettings>().billing_project,
                   config.is_given(kBilling) ? kBilling : kProject)},
          nullptr, limit) {
  cancelled_ = std::move(cancelled);
  try {
    credentials_ = credentials_for(config.get<BigQuerySettings>().server);
    check_address();
  } catch (const google::NoCredentials& no) {
    throw error(ErrorKind::bad_gateway, "auth_failed", no.what(),
                "Set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service account");
  }
}

void Api::check_address() const {
  if (credentials_ != nullptr && !http_client::may_carry_secrets(address_))
    throw source_error(ErrorKind::bad_request, "not_configured",
                       "BIGQUERY_EMULATOR_HOST must be an https address, or an http one of this machine");
}

void Api::allow(milliseconds limit) {
  cancelled_ = {};
  started_ = std::chrono::steady_clock::now();
  limit_ = limit;
}

milliseconds Api::left() const {
  return limit_ - std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started_);
}

Error Api::error(ErrorKind status, std::string_view kind, const std::string& message,
                 const std::string& hint) const {
  const auto plain = source_error(status, kind, message, hint);
  auto detail = plain.detail().as_object();
  detail["billing_project"] = billing_;
  detail["data_project"] = data_;
  return {status, message, std::move(detail)};
}

http_client::Response Api::ask(const std::string& url, http_client::Request request) {
  // A token that Google takes no more (a rotated key, a clock that was set) is replaced once.
  for (bool again = true;; again = false) {
    std::string token;
    try {
      if (credentials_ != nullptr) token = credentials_->token(google::kCloudPlatform);
    } catch (const TransportError& no) {
      throw error(ErrorKind::bad_gateway, "auth_failed", no.what(),
                  "Google's sign-in server must be reachable");
    } catch (const Error& no) {
      throw error(ErrorKind::bad_gateway, "auth_failed", no.what(),
                  "Check GOOGLE_APPLICATION_CREDENTIALS: whether the key is still good");
    }
    if (left().count() <= 0)
      throw error(ErrorKind::gateway_timeout, "timeout", "BigQuery took too long to answer in full");
    auto authorised = request;
    if (credentials_ != nullptr) authorised.headers.emplace_back("Authorization", "Bearer " + token);
    // Who pays, and whose quota counts.
    authorised.headers.emplace_back("X-Goog-User-Project", billing_);
    try {
      auto response = http_client::call_repeatedly(url, authorised,
                                                   {.largest_answer = kLargestAnswer,
                                                    .timeout = std::chrono::seconds(30),
                                                    .time_limit = left(),
                                                    .cancelled = cancelled_},
                                                   {.tries = 4, .longest_wait = milliseconds(20'000)});
      if (response.status != 401 || !again || credentials_ == nullptr) return response;
    } catch (const TransportError& no) {
      if (no.cause() == TransportError::Cause::silent)
        throw error(ErrorKind::gateway_timeout, "timeout", no.what(),
                    "Check the network and the account's permissions");
      throw error(ErrorKind::bad_gateway, "unreachable", no.what());
    }
    credentials_->forget(token);
  }
}

void Api::refuse(const http_client::Response& response) const {
  const auto said = read_refusal(response.body);
  const auto message = fmt::format("BigQuery answered HTTP {}{}", response.status,
                                   said.message.empty() ? "" : ": " + said.message);
  if (response.status == 401)
    throw error(ErrorKind::bad_gateway, "auth_failed", message, "Check GOOGLE_APPLICATION_CREDENTIALS");
  if (response.status == 403) {
    if (to_lower(said.message).find("serviceusage") != std::string::npos ||
        said.reason == "userProjectDenied" || said.message.find("USER_PROJECT_DENIED") != std::string::npos)
      throw error(
          ErrorKind::bad_gateway, "cross_project_forbidden", message,
          fmt::format(
              "Set {} to a project in which the account has serviceusage.services.use, or give it that "
              "role (Service Usage Consumer) in {}",
              kBilling, billing_));
    if (said.reason == "rateLimitExceeded" || said.reason == "quotaExceeded")
      throw error(ErrorKind::bad_gateway, "throttled", message, "Try again later");
    throw error(ErrorKind::bad_gateway, "bq_forbidden", message,
                "The account needs BigQuery Job User in the project that is billed, and BigQuery Data Viewer "
                "where the "
                "data is");
  }
  if (response.status == 400) throw Refused(error(ErrorKind::bad_gateway, "bq_upstream_error", message));
  throw error(response.status == 409 ? ErrorKind::conflict : ErrorKind::bad_gateway, "bq_upstream_error",
              message);
}

std::optional<object> Api::answer(const std::string& url, const http_client::Request& request) {
  const auto response = ask(url, request);
  if (response.status == 404) return std::nullopt;
  if (!response.ok()) refuse(response);
  boost::system::error_code failed;
  auto parsed = boost::json::parse(response.body, failed, {}, {.max_depth = 64});
  if (failed || !parsed.is_object())
    throw error(ErrorKind::bad_gateway, "bq_upstream_error",
                "BigQuery's answer is not a JSON object: is there a proxy between?");
  return std::move(parsed.get_object());
}

std::optional<object> Api::get(const std::string& path, const http_client::Params& params) {
  return answer(address_ + "/bigquery/v2/projects/" + http_client::with_params(path, params), {});
}

std::optional<object> Api::post(const std::string& path, const object& body) {
  http_client::Request request;
  request.method = "POST";
  request.headers = {{"Content-Type", "application/json"}};
  request.body = boost::json::serialize(body);
  return answer(address_ + "/bigquery/v2/projects/" + path, request);
}

std::optional<array> Api::list(const std::string& path, const std::string& key) {
  array out;
  std::string page;
  do {
    http_client::Params params{{"maxResults", kPageSize}};
    if (!page.empty()) params.emplace_back("pageToken", page);
    const auto answer = get(path, params);
    if (!answer) return std::nullopt;
    if (const auto* items = answer->if_contains(key); items != nullptr && items->is_array())
      for (const auto& item : items->get_array())
        if (item.is_object()) out.push_back(item);
    const auto* next = answer->if_contains("nextPageToken");
    const std::string following = next != nullptr && next->is_string() ? std::string(next->get_string()) : "";
    if (!following.empty() && following == page)
      throw error(ErrorKind::bad_gateway, "bq_upstream_error",
                  "BigQuery leads from a page of its list to the same page");
    page = following;
  } while (!page.empty());
  return out;
}

}  // namespace agnes::connectors::bigquery
