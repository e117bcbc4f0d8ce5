#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "lib/http_client/client.h"

// When to try again, and how long to wait before.
namespace agnes::http_client {

// 0.3 s, 1 s, 3 s, then doubling up to 30 s; `failures` counts from 1.
std::chrono::milliseconds backoff(int failures);
// Seconds or an HTTP date; at most a minute, nothing when it is neither.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value);
// 429 and 5xx but 501 and 507: the same request may succeed later.
bool is_retryable_status(int status);
bool is_retryable(const TransportError& error);
// Throws Cancelled as soon as `cancelled` says so.
void wait(std::chrono::milliseconds time, const Stop& cancelled);

}  // namespace agnes::http_client
