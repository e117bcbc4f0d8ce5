#include "lib/base/env.h"

#include <cstdlib>

#include "lib/base/text.h"

namespace agnes {

std::optional<std::string> env(const char* name) {
  const char* value = std::getenv(name);
  if (value == nullptr || *value == '\0') return std::nullopt;
  return std::string(value);
}
std::string env_or(const char* name, std::string_view fallback) {
  return env(name).value_or(std::string(fallback));
}
bool is_truthy(std::string_view text) {
  const std::string lower = to_lower(trim(text));
  return lower == "1" || lower == "true" || lower == "yes" || lower == "on";
}

}  // namespace agnes
