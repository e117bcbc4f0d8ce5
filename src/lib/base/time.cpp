#include "lib/base/time.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <ctime>

#include <fmt/format.h>

namespace agnes {

namespace {
std::atomic<std::int64_t> fake_micros = 0;  // 0: the clock of the machine

std::string format_with(Timestamp t, char separator) {
  std::int64_t whole = t.micros / 1'000'000, fraction = t.micros % 1'000'000;
  if (fraction < 0) {
    fraction += 1'000'000;
    --whole;
  }
  const auto clock = static_cast<std::time_t>(whole);
  std::tm parts{};
  ::gmtime_r(&clock, &parts);
  std::string out =
      fmt::format("{:04}-{:02}-{:02}{}{:02}:{:02}:{:02}", parts.tm_year + 1900, parts.tm_mon + 1,
                  parts.tm_mday, separator, parts.tm_hour, parts.tm_min, parts.tm_sec);
  if (fraction != 0) out += fmt::format(".{:06}", fraction);
  return out;
}

// Takes `count` digits off the front of `text`; -1 when they are not there.
int take_digits(std::string_view& text, std::size_t count) {
  if (text.size() < count) return -1;
  int value = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (text[i] < '0' || text[i] > '9') return -1;
    value = value * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return value;
}
bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}
}  // namespace

void FakeClock::set(Timestamp at) {
  fake_micros = at.micros;
}
void FakeClock::advance(std::int64_t seconds) {
  fake_micros += seconds * 1'000'000;
}
FakeClock::~FakeClock() {
  fake_micros = 0;
}

Timestamp now() {
  using namespace std::chrono;
  if (const auto fake = fake_micros.load(std::memory_order_relaxed); fake != 0) return {fake};
  return {duration_cast<microseconds>(system_clock::now().time_since_epoch()).count()};
}

std::string format_iso(Timestamp t) {
  return format_with(t, 'T');
}
std::string format_iso_utc(Timestamp t) {
  return format_with(t, 'T') + "+00:00";
}
std::string format_sql(Timestamp t) {
  return format_with(t, ' ');
}

std::optional<Timestamp> parse_timestamp(std::string_view text) {
  std::tm parts{};
  const int year = take_digits(text, 4);
  if (year < 0 || !take(text, '-')) return std::nullopt;
  const int month = take_digits(text, 2);
  if (month < 1 || month > 12 || !take(text, '-')) return std::nullopt;
  const int day = take_digits(text, 2);
  if (!std::chrono::year_month_day(std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                   std::chrono::day(static_cast<unsigned>(day)))
           .ok())
    return std::nullopt;
  parts.tm_year = year - 1900;
  parts.tm_mon = month - 1;
  parts.tm_mday = day;
  std::int64_t micros = 0;
  if (take(text, 'T') || take(text, ' ')) {
    parts.tm_hour = take_digits(text, 2);
    if (parts.tm_hour < 0 || parts.tm_hour > 24 || !take(text, ':')) return std::nullopt;
    parts.tm_min = take_digits(text, 2);
    if (parts.tm_min < 0 || parts.tm_min > 59) return std::nullopt;
    if (take(text, ':')) {
      parts.tm_sec = take_digits(text, 2);
      if (parts.tm_sec < 0 || parts.tm_sec > 60) return std::nullopt;
    }
    if (take(text, '.')) {
      std::int64_t scale = 100'000;
      if (text.empty() || text[0] < '0' || text[0] > '9') return std::nullopt;
      for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), scale /= 10)
        micros += scale * (text[0] - '0');
    }
  }
  std::int64_t offset = 0;
  if (!take(text, 'Z') && !text.empty()) {
    const bool west = text[0] == '-';
    if (!west && text[0] != '+') return std::nullopt;
    text.remove_prefix(1);
    const int hours = take_digits(text, 2);
    if (hours < 0 || hours > 23) return std::nullopt;
    take(text, ':');
    const int minutes = text.empty() ? 0 : take_digits(text, 2);
    if (minutes < 0 || minutes > 59) return std::nullopt;
    offset = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
  }
  if (!text.empty()) return std::nullopt;
  const std::int64_t whole = ::timegm(&parts);
  return Timestamp{(whole - offset) * 1'000'000 + micros};
}

}  // namespace agnes
