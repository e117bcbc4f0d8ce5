#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/http_client/client.h"

// One request to an outside service by its whole address, for a server that speaks to several.
namespace agnes::http_client {

struct CallOptions {
  std::size_t largest_answer = 1 << 20;     // bytes
  std::chrono::seconds timeout{10};         // for the connection, and while nothing arrives
  bool direct = false;                      // whatever proxies the environment names
  std::chrono::milliseconds time_limit{0};  // for all of it, repeats included; 0: none
  std::vector<std::string> addresses = {};  // see Options
  Stop cancelled = {};                      // likewise
};

// `url` is the address with its query string; request.path and request.timeout are set from the arguments.
// Statuses are not judged. Throws TransportError as Client does, Error (bad_gateway) for an answer that is
// too large and Error (bad_request) for what is not an http or https address. Thread-safe.
Response call(const std::string& url, Request request, const CallOptions& options = {});

// The same, but hands out the body as it comes, whatever its size. What the callbacks throw comes out of
// here.
void call_streaming(const std::string& url, Request request, const CallOptions& options,
                    const std::function<void(const Head&)>& on_head,
                    const std::function<void(std::string_view)>& on_data);

struct RepeatOptions {
  int tries = 3;
  std::chrono::milliseconds longest_wait{5000};  // between two of them, whatever the service asks for
};
// The same, but asks again when the service is not available for a moment: 429, 5xx, no connection, half an
// answer. Waits as Retry-After says, else ever longer. Returns the last answer, or throws what ended the last
// try. For requests that may be repeated.
Response call_repeatedly(const std::string& url, const Request& request, const CallOptions& options = {},
                         const RepeatOptions& repeat = {});

// Whether a secret may be sent to `url`: it is an https address, or an http one of this machine.
bool may_carry_secrets(std::string_view url);

}  // namespace agnes::http_client
