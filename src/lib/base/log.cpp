#include "lib/base/log.h"

#include <atomic>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "lib/base/files.h"
#include "lib/base/text.h"
#include "lib/base/time.h"

namespace agnes::log {

namespace {
std::atomic<Level> threshold{Level::info};
std::atomic<bool> as_json{false};

constexpr std::string_view kNames[] = {"debug", "info", "warning", "error", "off"};
}  // namespace

void init(std::string_view level, bool json) {
  const std::string wanted = to_lower(level);
  Level found = Level::info;
  for (std::size_t i = 0; i < std::size(kNames); ++i)
    if (wanted == kNames[i]) found = static_cast<Level>(i);
  if (wanted == "warn") found = Level::warn;
  if (wanted == "critical") found = Level::error;
  threshold = found;
  as_json = json;
}

bool enabled(Level level) {
  return level >= threshold.load(std::memory_order_relaxed);
}

void write(Level level, std::string_view message, std::string_view request_id) {
  const auto name = kNames[static_cast<std::size_t>(level)];
  const std::string time = format_iso(now());
  std::string line;
  if (as_json) {
    boost::json::object entry{{"time", time}, {"level", name}, {"message", message}};
    if (!request_id.empty()) entry["request_id"] = request_id;
    line = boost::json::serialize(entry);
  } else {
    line = fmt::format("{} {} {}", time, name, escape_control(message));
  }
  line += '\n';
  write_all(2, line);  // one write a line: lines of different threads and processes do not mix
}

}  // namespace agnes::log
