#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

#include "http_client/client.h"

// One request to an outside service by its whole address, for a server that speaks to several.
namespace agnes::http_client {

struct CallOptions {
  std::size_t largest_answer = 1 << 20;  // bytes
  std::chrono::seconds patience{10};     // for the connection, and while nothing arrives
  bool direct = false;                   // whatever proxies the environment names
};

// `url` is the address with its query string; request.path and request.patience are set from the arguments.
// Statuses are not judged. Throws TransportError as Client does, Error (bad_gateway) for an answer that is
// too large and Error (bad_request) for what is no http or https address. Thread-safe.
Response call(const std::string& url, Request request, const CallOptions& options = {});

// Whether a secret may be sent to `url`: it is an https address, or an http one of this machine.
bool may_carry_secrets(std::string_view url);

}  // namespace agnes::http_client
