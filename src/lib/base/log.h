#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

// Structured log on standard error: one line an event, as text or as JSON. Thread-safe. Secrets are never
// passed in; line breaks and control characters in a message are escaped, so that no input can forge a line.
namespace agnes::log {

enum class Level { debug, info, warn, error, off };

// `level` as in LOG_LEVEL (debug, info, warning, error; any case; anything else means info).
void init(std::string_view level, bool json);
bool enabled(Level level);
// `request_id` becomes a field of its own in JSON; a text line holds what its message says.
void write(Level level, std::string_view message, std::string_view request_id = {});

template <class... Args>
void emit(Level level, fmt::format_string<Args...> format, Args&&... args) {
  if (enabled(level)) write(level, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::debug, format, std::forward<Args>(args)...);
}
template <class... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::info, format, std::forward<Args>(args)...);
}
template <class... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::warn, format, std::forward<Args>(args)...);
}
template <class... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  emit(Level::error, format, std::forward<Args>(args)...);
}

}  // namespace agnes::log
