#include "connectors/files/text_kinds.h"

#include <optional>

namespace agnes::connectors::files {

namespace {

class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  bool done() const { return text_.empty(); }
  bool take(char c) {
    if (text_.empty() || text_.front() != c) return false;
    text_.remove_prefix(1);
    return true;
  }
  std::optional<int> number(std::size_t digits) {
    if (text_.size() < digits) return std::nullopt;
    int out = 0;
    for (std::size_t i = 0; i < digits; ++i) {
      if (text_[i] < '0' || text_[i] > '9') return std::nullopt;
      out = out * 10 + (text_[i] - '0');
    }
    text_.remove_prefix(digits);
    return out;
  }

  bool day() {
    const auto year = number(4);
    if (!year || *year < 1 || !take('-')) return false;
    const auto month = number(2);
    if (!month || *month < 1 || *month > 12 || !take('-')) return false;
    const auto day = number(2);
    if (!day) return false;
    constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = *year % 4 == 0 && (*year % 100 != 0 || *year % 400 == 0);
    return *day >= 1 && *day <= days[*month - 1] + (leap && *month == 2 ? 1 : 0);
  }
  bool minutes() {
    const auto hour = number(2);
    if (!hour || *hour > 23 || !take(':')) return false;
    const auto minute = number(2);
    return minute && *minute <= 59;
  }
  // False when what stands there is not seconds; `:05`, `:05.25`.
  bool seconds() {
    if (!take(':')) return false;
    const auto second = number(2);
    if (!second || *second > 59) return false;
    if (!take('.')) return true;
    int digits = 0;
    while (digits < 6 && number(1)) ++digits;
    return digits > 0;
  }
  bool offset() {
    if (take('Z')) return true;
    if (!take('+') && !take('-')) return false;
    const auto hours = number(2);
    if (!hours || *hours > 15) return false;
    if (done()) return true;
    take(':');
    const auto minute = number(2);
    return minute && *minute <= 59;
  }
  bool at(char c) const { return !text_.empty() && text_.front() == c; }

 private:
  std::string_view text_;
};

}  // namespace

unsigned text_kinds(std::string_view text) {
  // DuckDB takes a space behind seconds, and behind a day that is to be a DATE.
  const bool space_behind = text.ends_with(' ');
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  if (text.size() < 8 || text[0] < '0' || text[0] > '9') return kNoKind;
  Scanner scan(text);
  if (text[2] == ':') return scan.minutes() && scan.seconds() && scan.done() ? kTime : kNoKind;
  if (!scan.day()) return kNoKind;
  if (scan.done()) return space_behind ? kDate : kDate | kTimestamp;
  if ((!scan.take('T') && !scan.take(' ')) || !scan.minutes()) return kNoKind;
  const bool exact = scan.at(':');
  if (exact && !scan.seconds()) return kNoKind;
  if (scan.done()) return exact || !space_behind ? kTimestamp : kNoKind;
  return exact && scan.offset() && scan.done() ? kInstant : kNoKind;
}

}  // namespace agnes::connectors::files
