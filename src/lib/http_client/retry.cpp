#include "lib/http_client/retry.h"

#include <ctime>

#include "lib/base/text.h"
#include "lib/http_client/curl_api.h"

namespace agnes::http_client {

using std::chrono::milliseconds;

milliseconds backoff(int failures) {
  constexpr milliseconds kFirst[] = {milliseconds(300), milliseconds(1000), milliseconds(3000)};
  if (failures <= 3) return kFirst[std::max(failures, 1) - 1];
  return std::min(milliseconds(3000) * (1 << std::min(failures - 3, 5)), milliseconds(30000));
}

std::optional<milliseconds> parse_retry_after(std::string_view value) {
  constexpr std::int64_t kMost = 60;
  if (const auto seconds = parse_int(trim(value)))
    return milliseconds(1000) * std::clamp<std::int64_t>(*seconds, 0, kMost);
  const auto at = curl().getdate(std::string(value).c_str(), nullptr);
  if (at < 0) return std::nullopt;
  return milliseconds(1000) * std::clamp<std::int64_t>(at - std::time(nullptr), 0, kMost);
}

bool is_retryable_status(int status) {
  return status == 429 || (status >= 500 && status != 501 && status != 507);
}
bool is_retryable(const TransportError& error) {
  return error.cause() != TransportError::Cause::untrusted;
}

void wait(milliseconds time, const Stop& cancelled) {
  const auto end = std::chrono::steady_clock::now() + time;
  while (true) {
    if (cancelled && cancelled()) throw Cancelled();
    const auto left = end - std::chrono::steady_clock::now();
    if (left <= left.zero()) return;
    std::this_thread::sleep_for(std::min<std::chrono::nanoseconds>(left, milliseconds(50)));
  }
}

}  // namespace agnes::http_client
