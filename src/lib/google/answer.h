#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

#include "lib/base/json.h"

// Inside google/: answers to read. Errors never show an answer, which holds secrets.
namespace agnes::google {

// The JSON text as a T. Throws Error (bad_gateway) naming `what` was asked for.
template <class T>
T answer_of(const std::string& body, std::string_view what) {
  try {
    return json::from_json<T>(json::parse(body));
  } catch (const std::exception&) {
    throw Error(ErrorKind::bad_gateway, fmt::format("Google's answer holds no {}", what));
  }
}

// " (reason)" from the body of an error: "error_description" or "error" of OAuth (RFC 6749, 5.2), or the
// message of a Google API; "" when there is none. Printable ASCII, 200 characters at most.
std::string reason_in(const std::string& body);

}  // namespace agnes::google
