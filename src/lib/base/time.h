#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace agnes {

// A moment: microseconds since 1970-01-01 00:00 UTC, as DuckDB's TIMESTAMP holds it.
struct Timestamp {
  std::int64_t micros = 0;
  auto operator<=>(const Timestamp&) const = default;
};

Timestamp now();
// For tests: while it lives, `now()` is what it says, in every thread of the program. One at a time; thread-safe.
class FakeClock {
 public:
  explicit FakeClock(Timestamp at) { set(at); }
  ~FakeClock();
  FakeClock(const FakeClock&) = delete;
  FakeClock& operator=(const FakeClock&) = delete;
  void set(Timestamp at);  // after 1970
  void advance(std::int64_t seconds);
};

inline std::int64_t seconds(Timestamp t) {
  return t.micros / 1'000'000;
}
inline Timestamp plus_seconds(Timestamp t, std::int64_t s) {
  return {t.micros + s * 1'000'000};
}

// "2026-01-02T03:04:05.000006" (fraction left out when zero), UTC without an offset: the contract's form of
// times that come out of the database.
std::string format_iso(Timestamp t);
// The same with "+00:00" at the end: the contract's form of times that the server makes while it answers.
std::string format_iso_utc(Timestamp t);
// "2026-01-02 03:04:05.000006": DuckDB's own text form.
std::string format_sql(Timestamp t);
// Reads all of the above, with ' ' or 'T', with 'Z' or an offset, with or without time and fraction.
std::optional<Timestamp> parse_timestamp(std::string_view text);

}  // namespace agnes
