#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace agnes {

// The environment variable's value; nothing when it is unset or empty (as in the contract, empty means
// unset).
std::optional<std::string> env(const char* name);
std::string env_or(const char* name, std::string_view fallback);
// 1, true, yes, on in any case.
bool is_truthy(std::string_view text);

}  // namespace agnes
