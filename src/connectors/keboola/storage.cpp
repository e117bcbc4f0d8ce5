#include "connectors/keboola/storage.h"

#include <cmath>

#include <fcntl.h>

#include "app/config/address.h"
#include "connectors/source_error.h"
#include "lib/base/files.h"
#include "lib/base/text.h"
#include "lib/http_client/call.h"
#include "lib/http_client/retry.h"

namespace agnes::connectors::keboola {

namespace {

constexpr std::string_view kAddress = "data_source.keboola.stack_url";
constexpr std::string_view kToken = "data_source.keboola.storage_token";
// 100,000 tables with their columns.
constexpr std::size_t kLargestAnswer = 256u << 20;
constexpr std::size_t kShownOfAnAnswer = 200;

// Keboola's own words, where it gave any: {"error": "Invalid access token", "code": 401, "exceptionId": ...}.
std::string said_in(const std::string& body) {
  boost::system::error_code error;
  const auto parsed = boost::json::parse(body, error);
  if (!error && parsed.is_object())
    for (const char* key : {"error", "message"})
      if (const auto* text = parsed.get_object().if_contains(key); text != nullptr && text->is_string())
        return fmt::format(" ({})",
                           escape_control(std::string_view(text->get_string()).substr(0, kShownOfAnAnswer)));
  return "";
}

[[noreturn]] void refuse(const http_client::Response& response, const std::string& path) {
  const auto said = said_in(response.body);
  if (response.status == 401 || response.status == 403)
    throw source_error(
        ErrorKind::bad_gateway, "auth_failed",
        fmt::format("Keboola does not take the token: HTTP {}{}", response.status, said),
        fmt::format("Check {} (KEBOOLA_STORAGE_TOKEN): whether it is of this stack, has not expired and "
                    "may read Storage",
                    kToken));
  if (response.status == 429 || response.status == 503) {
    const auto after = response.header("retry-after");
    throw source_error(ErrorKind::bad_gateway, "throttled",
                       fmt::format("Keboola has no time: HTTP {}{}", response.status, said),
                       after ? fmt::format("It asks to wait: {}", escape_control(after->substr(0, 40)))
                             : "Try again in a minute");
  }
  throw source_error(ErrorKind::bad_gateway, "upstream_error",
                     fmt::format("Keboola answered HTTP {} to {}{}", response.status, path, said),
                     response.status >= 300 && response.status < 400
                         ? fmt::format("It sends callers on to another address: check {}", kAddress)
                         : "");
}

}  // namespace

Storage::Storage(const config::Config& config, CallLimits limits)
    : settings_(config.get<KeboolaSettings>()),
      address_(settings_.stack_url),
      token_(settings_.storage_token),
      limits_(limits) {
  const auto not_configured = [](const std::string& message) {
    return source_error(ErrorKind::bad_request, "not_configured", message);
  };
  if (address_.empty())
    throw not_configured(
        fmt::format("{} is not set: https://connection.keboola.com or your stack's address", kAddress));
  if (token_.empty())
    throw not_configured(fmt::format(
        "{} is not set: a Storage API token of the project, in KEBOOLA_STORAGE_TOKEN for one", kToken));
  // It becomes part of a header.
  if (!std::all_of(token_.begin(), token_.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; }))
    throw not_configured(fmt::format("{} has characters that no token has: copy it again", kToken));
  try {
    address_ = http_client::normalize_server(address_);
  } catch (const Error&) {
    throw not_configured(fmt::format("{} is not an http or https address", kAddress));
  }
  must_be_public_ = config.must_be_public(kAddress);
  if (must_be_public_) resolved_ = config::public_addresses_of(address_, kAddress);
}

std::optional<boost::json::value> Storage::find(const std::string& path,
                                                const http_client::Params& params) const {
  return ask(http_client::with_params(path, params), {});
}

boost::json::value Storage::post(const std::string& path, const http_client::Params& form) const {
  if (auto found = ask(path, http_client::form_request(form))) return std::move(*found);
  throw source_error(ErrorKind::bad_gateway, "upstream_error",
                     fmt::format("Keboola has no such table, or the token may not read it: {}", path));
}

std::optional<boost::json::value> Storage::ask(const std::string& path,
                                               const http_client::Request& what) const {
  auto request = what;
  request.headers.emplace_back("X-StorageApi-Token", token_);
  http_client::Response response;
  try {
    response = http_client::call_repeatedly(address_ + path, request,
                                            {.largest_answer = kLargestAnswer,
                                             .timeout = std::chrono::seconds(30),
                                             .time_limit = limits_.time_limit,
                                             .addresses = resolved_,
                                             .cancelled = limits_.cancelled},
                                            {.tries = limits_.tries, .longest_wait = limits_.longest_wait});
  } catch (const http_client::TransportError& error) {
    if (error.cause() == http_client::TransportError::Cause::silent)
      throw source_error(ErrorKind::gateway_timeout, "timeout", error.what());
    throw source_error(ErrorKind::bad_gateway, "unreachable", error.what(),
                       fmt::format("The setting is {}", kAddress));
  }
  if (response.status == 404) return std::nullopt;
  if (!response.ok()) refuse(response, path.substr(0, path.find('?')));
  try {
    return response.json();
  } catch (const Error&) {
    throw source_error(ErrorKind::bad_gateway, "upstream_error",
                       fmt::format("{} answers {} with something else than JSON", address_, path),
                       fmt::format("Check that {} is a Keboola stack", kAddress));
  }
}

boost::json::value Storage::get(const std::string& path, const http_client::Params& params) const {
  if (auto found = find(path, params)) return std::move(*found);
  throw source_error(ErrorKind::bad_gateway, "upstream_error", fmt::format("{} knows no {}", address_, path),
                     fmt::format("Check that {} is a Keboola stack", kAddress));
}

void Storage::download(const CloudRequest& wanted, const std::filesystem::path& file,
                       const Fetching& fetching) const {
  http_client::Request request;
  request.compressed = false;  // packed files stay packed
  request.headers = wanted.headers;
  const std::string host = config::host_of_address(wanted.url, "the export's address");
  http_client::CallOptions options{.timeout = std::chrono::ceil<std::chrono::seconds>(
                                       std::chrono::duration<double>(settings_.slice_timeout)),
                                   .cancelled = fetching.cancelled};
  if (must_be_public_) options.addresses = config::public_addresses_of(wanted.url, "the export's address");

  for (int failures = 0;;) {
    std::string why;
    bool passes = false;
    try {
      UniqueFd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
      if (!out) throw system_error("cannot create a file for the export", errno);
      int status = 0;
      http_client::call_streaming(
          wanted.url, request, options, [&](const http_client::Head& head) { status = head.status; },
          [&](std::string_view piece) {
            fetching.wait({});
            if (status == 200) write_or_throw(out.get(), piece, "the file of the export");
          });
      if (status == 200) return;
      why = fmt::format("HTTP {}", status);
      passes = http_client::is_retryable_status(status);
    } catch (const http_client::TransportError& error) {
      why = error.what();
      passes = http_client::is_retryable(error);
    }
    if (!passes || ++failures >= limits_.tries)
      throw source_error(ErrorKind::bad_gateway, "upstream_error",
                         fmt::format("the export was not fetched from {}: {}", host, why));
    fetching.wait(http_client::backoff(failures));
  }
}

}  // namespace agnes::connectors::keboola
