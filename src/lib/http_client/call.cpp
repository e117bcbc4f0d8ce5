#include "lib/http_client/call.h"

#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/http_client/retry.h"

namespace agnes::http_client {

namespace {
// However long an answer may be waited for.
constexpr std::chrono::seconds kConnectTimeout{30};
}  // namespace

void call_streaming(const std::string& url, Request request, const CallOptions& options,
                    const std::function<void(const Head&)>& on_head,
                    const std::function<void(std::string_view)>& on_data) {
  const auto scheme_end = url.find("://");
  const auto path = scheme_end == url.npos ? url.npos : url.find_first_of("/?#", scheme_end + 3);
  request.path = path == url.npos ? "/" : url.substr(path);
  if (!request.path.starts_with('/')) request.path.insert(0, "/");
  request.timeout = options.timeout;
  request.time_limit = options.time_limit;
  Client client({.server = url.substr(0, path),
                 .token = {},
                 .user_agent = "agnes-server/" AGNES_VERSION,
                 .connect_timeout = std::min(options.timeout, kConnectTimeout),
                 .cancelled = options.cancelled,
                 .direct = options.direct,
                 .addresses = options.addresses});
  client.stream(request, on_head, on_data);
}

Response call(const std::string& url, Request request, const CallOptions& options) {
  Response response;
  call_streaming(
      url, std::move(request), options, [&](const Head& head) { static_cast<Head&>(response) = head; },
      [&](std::string_view piece) {
        if (response.body.size() + piece.size() > options.largest_answer)
          throw Error(ErrorKind::bad_gateway,
                      fmt::format("the answer of {} is larger than {}", url.substr(0, url.find('?')),
                                  human_bytes(options.largest_answer)));
        response.body.append(piece);
      });
  return response;
}

Response call_repeatedly(const std::string& url, const Request& request, const CallOptions& options,
                         const RepeatOptions& repeat) {
  using std::chrono::milliseconds;
  const auto started = std::chrono::steady_clock::now();
  const auto left = [&] {
    if (options.time_limit.count() == 0) return milliseconds::max();
    return options.time_limit -
           std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - started);
  };
  for (int tried = 1;; ++tried) {
    CallOptions once = options;
    if (options.time_limit.count() != 0) once.time_limit = std::max(left(), milliseconds(1));
    auto pause = backoff(tried);
    const auto last = [&] { return tried >= repeat.tries || std::min(pause, repeat.longest_wait) >= left(); };
    try {
      auto response = call(url, request, once);
      if (const auto after = response.header("retry-after"))
        pause = parse_retry_after(*after).value_or(pause);
      if (!is_retryable_status(response.status) || last()) return response;
    } catch (const TransportError& error) {
      if (!is_retryable(error) || last()) throw;
    }
    wait(std::min(pause, repeat.longest_wait), options.cancelled);
  }
}

bool may_carry_secrets(std::string_view url) {
  if (url.starts_with("https://")) return true;
  if (!url.starts_with("http://")) return false;
  auto host = url.substr(7);
  host = host.substr(0, host.find_first_of("/?#"));
  if (host.find('@') != host.npos) return false;
  if (host == "[::1]" || host.starts_with("[::1]:")) return true;
  host = host.substr(0, host.find(':'));
  return host == "localhost" || host == "127.0.0.1";
}

}  // namespace agnes::http_client
