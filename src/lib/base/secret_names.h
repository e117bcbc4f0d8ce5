#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "lib/base/text.h"

namespace agnes {

// Whether a field, parameter or variable of this name holds a secret, by the words in it: what somebody sent in it is
// never said back.
inline bool names_secret(std::string_view name) {
  static constexpr std::string_view kWords[] = {"token",  "secret",      "password",   "passwd",
                                                "pwd",    "credential",  "access_key", "api_key",
                                                "apikey", "private_key", "signature"};
  const std::string lower = to_lower(name);
  return std::any_of(std::begin(kWords), std::end(kWords),
                     [&](std::string_view word) { return lower.find(word) != std::string::npos; });
}

}  // namespace agnes
