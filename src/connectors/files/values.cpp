#include "connectors/files/values.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

// Digits that a DOUBLE keeps of every number.
constexpr std::size_t kDoubleDigits = std::numeric_limits<double>::digits10;
constexpr int kSmallDecimal = 18, kLargeDecimal = 38;
constexpr std::int64_t kSecond = 1'000'000, kMinute = 60 * kSecond, kDay = 24 * 60 * kMinute;

// Scales have the bits from kScale + 1 on.
enum Bit : int {
  kBoolean,
  kBigint,
  kDouble,
  kTime,
  kDate,
  kTimestamp,
  kInstant,
  kSmall,  // no more digits than DECIMAL(18) has
  kScale,
};
constexpr TypeSet bit(int which) {
  return TypeSet{1} << which;
}

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

// A number taken apart: [sign] whole [. part] [e exponent].
struct Number {
  bool negative = false, plus = false, point = false, scientific = false;
  std::string_view whole, part, exponent;  // the exponent with its sign
};

std::optional<Number> split_number(std::string_view text) {
  Number out;
  const auto digits = [&] {
    std::size_t end = 0;
    while (end < text.size() && is_digit(text[end])) ++end;
    const auto found = text.substr(0, end);
    text.remove_prefix(end);
    return found;
  };
  if (!text.empty() && (text.front() == '-' || text.front() == '+')) {
    out.negative = text.front() == '-';
    out.plus = !out.negative;
    text.remove_prefix(1);
  }
  out.whole = digits();
  if (!text.empty() && text.front() == '.') {
    out.point = true;
    text.remove_prefix(1);
    out.part = digits();
  }
  if (out.whole.empty() && out.part.empty()) return std::nullopt;
  if (!text.empty() && (text.front() == 'e' || text.front() == 'E')) {
    out.scientific = true;
    const std::string_view rest = text.substr(1);
    text.remove_prefix(text.size() > 1 && (text[1] == '-' || text[1] == '+') ? 2 : 1);
    const auto found = digits();
    if (found.empty()) return std::nullopt;
    out.exponent = rest;
  }
  return text.empty() ? std::optional(out) : std::nullopt;
}

bool has_leading_zero(std::string_view whole) {
  return whole.size() > 1 && whole.front() == '0';
}
bool is_zero(const Number& number) {
  return number.whole.find_first_not_of('0') == std::string_view::npos &&
         number.part.find_first_not_of('0') == std::string_view::npos;
}
// Its digits are to be kept as they are.
bool is_decimal(const Number& number) {
  return !number.plus && !number.scientific && !number.whole.empty() && !number.part.empty() &&
         !has_leading_zero(number.whole) && !(number.negative && is_zero(number));
}
// As programs write floating-point numbers: no zero at the end but in ".0", one digit before the point of an
// exponent, and with that either a point or a sign. So versions (1.9, 1.10) and codes (1E3, 12E4) are none.
bool is_float(const Number& number) {
  if (number.plus) return false;
  if (number.scientific)
    return number.whole.size() == 1 && (!number.part.empty() || !is_digit(number.exponent[0]));
  if (has_leading_zero(number.whole)) return false;
  if (number.whole.empty()) return number.part.back() != '0';
  return number.part.empty() || number.part == "0" || number.part.back() != '0';
}

// Its digits without zeros at either end, and where the point stands: 0.0120 is "12" and -1.
struct Digits {
  std::string digits;
  std::int64_t point = 0;
};
Digits digits_of(const Number& number) {
  Digits out{std::string(number.whole) + std::string(number.part),
             static_cast<std::int64_t>(number.whole.size())};
  const auto first = std::min(out.digits.find_first_not_of('0'), out.digits.size());
  out.digits.erase(0, first);
  out.point -= static_cast<std::int64_t>(first);
  while (out.digits.ends_with('0')) out.digits.pop_back();
  if (number.scientific) {
    std::int64_t exponent = 0;
    const auto text = number.exponent.substr(number.exponent.starts_with('+') ? 1 : 0);
    std::from_chars(text.data(), text.data() + text.size(), exponent);
    out.point += exponent;
  }
  return out;
}

// The number of type T that says every digit of the text.
template <class T>
std::optional<T> exact_real(std::string_view text, const Number& number) {
  using Limits = std::numeric_limits<T>;
  // Of every number with so many digits, and none that is close to the ends, T keeps all.
  constexpr std::size_t kept_digits = Limits::digits10, printed_digits = Limits::max_digits10;
  const auto far_from_ends = [](T found) {
    return std::abs(found) > Limits::min() * 100 && std::abs(found) < Limits::max() / 100;
  };
  if (number.plus) text.remove_prefix(1);
  T value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (is_zero(number)) return value;
  if (number.whole.size() + number.part.size() <= kept_digits && far_from_ends(value)) return value;
  std::size_t count = number.whole.size() + number.part.size();
  for (const auto part : {number.whole, number.part}) {
    const auto first = part.find_first_not_of('0');
    count -= std::min(first, part.size());
    if (first != std::string_view::npos) break;
  }
  if (count <= kept_digits && far_from_ends(value)) return value;
  if (count > printed_digits) return std::nullopt;
  char printed[40];
  const auto done =
      std::to_chars(printed, printed + sizeof printed, std::abs(value), std::chars_format::scientific);
  const auto again = split_number({printed, static_cast<std::size_t>(done.ptr - printed)});
  const Digits said = digits_of(number), kept = digits_of(*again);
  return said.digits == kept.digits && said.point == kept.point ? std::optional(value) : std::nullopt;
}

// Without the seventh to ninth digit of a second: nanoseconds are microseconds and these.
std::string to_micros(std::string_view text) {
  std::string out(text);
  const auto point = out.rfind('.');
  if (point == std::string::npos) return out;
  std::size_t end = point + 1;
  while (end < out.size() && is_digit(out[end])) ++end;
  if (end > point + 7 && end <= point + 10) out.erase(point + 7, end - point - 7);
  return out;
}

std::optional<int> two_digits(std::string_view text, std::size_t at) {
  if (at + 2 > text.size() || !is_digit(text[at]) || !is_digit(text[at + 1])) return std::nullopt;
  return (text[at] - '0') * 10 + text[at + 1] - '0';
}

// 2024-02-29, and nothing after it.
std::optional<std::int32_t> plain_date(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
  const auto century = two_digits(text, 0), year = two_digits(text, 2), month = two_digits(text, 5),
             day = two_digits(text, 8);
  if (!century || !year || !month || !day || (*century == 0 && *year == 0)) return std::nullopt;
  const std::chrono::year_month_day found{std::chrono::year(*century * 100 + *year),
                                          std::chrono::month(static_cast<unsigned>(*month)),
                                          std::chrono::day(static_cast<unsigned>(*day))};
  if (!found.ok()) return std::nullopt;
  return std::chrono::sys_days(found).time_since_epoch().count();
}

// hh:mm[:ss[.ffffff]] at the beginning of the text, which is taken off it.
std::optional<std::int64_t> take_time(std::string_view& text, bool seconds_needed) {
  const auto hour = two_digits(text, 0), minute = two_digits(text, 3);
  if (!hour || !minute || text[2] != ':' || *hour > 23 || *minute > 59) return std::nullopt;
  std::int64_t out = *hour * 60 * kMinute + *minute * kMinute;
  text.remove_prefix(5);
  if (!text.starts_with(':')) return seconds_needed ? std::nullopt : std::optional(out);
  const auto second = two_digits(text, 1);
  if (!second || *second > 59) return std::nullopt;
  out += *second * kSecond;
  text.remove_prefix(3);
  if (!text.starts_with('.')) return out;
  std::size_t digits = 1;
  std::int64_t unit = kSecond;
  for (; digits < text.size() && is_digit(text[digits]); ++digits) out += (text[digits] - '0') * (unit /= 10);
  if (digits == 1 || digits > 7) return std::nullopt;  // nanoseconds are no microseconds
  text.remove_prefix(digits);
  return out;
}

// Z, +hh, +hhmm or +hh:mm, and nothing after it.
std::optional<std::int64_t> plain_offset(std::string_view text) {
  if (text == "Z") return 0;
  if (text.empty() || (text.front() != '+' && text.front() != '-')) return std::nullopt;
  const bool west = text.front() == '-';
  const auto hours = two_digits(text, 1);
  if (!hours || *hours > 15) return std::nullopt;
  text.remove_prefix(3);
  if (text.starts_with(':') && text.size() == 3) text.remove_prefix(1);
  const auto minutes = text.empty()       ? std::optional(0)
                       : text.size() == 2 ? two_digits(text, 0)
                                          : std::nullopt;
  if (!minutes || *minutes > 59) return std::nullopt;
  const std::int64_t out = *hours * 60 * kMinute + *minutes * kMinute;
  return west ? -out : out;
}

// A date, with a time or without; what stands behind is left in `text`.
std::optional<std::int64_t> take_timestamp(std::string_view& text, bool time_needed) {
  const auto day = plain_date(text.substr(0, 10));
  if (!day) return std::nullopt;
  text.remove_prefix(10);
  const std::int64_t midnight = *day * kDay;
  if (text.empty() && !time_needed) return midnight;
  if (!text.starts_with(' ') && !text.starts_with('T')) return std::nullopt;
  text.remove_prefix(1);
  const auto time = take_time(text, false);
  return time ? std::optional(midnight + *time) : std::nullopt;
}

TypeSet numbers(std::string_view text) {
  const auto number = split_number(text);
  if (!number) return 0;
  const auto digits = number->whole.size() + number->part.size();
  const bool small = digits <= kDoubleDigits && !number->scientific;
  TypeSet out = to_bigint(text) ? bit(kBigint) : 0;
  if (is_float(*number) && (small || exact_real<double>(text, *number))) out |= bit(kDouble);
  if (is_decimal(*number) && digits <= kLargeDecimal) {
    out |= bit(kScale + static_cast<int>(number->part.size()));
    if (digits <= kSmallDecimal) out |= bit(kSmall);
  }
  return out;
}

}  // namespace

namespace {

// d.m.yyyy, with any of . / - twice, and a time after it or none.
std::optional<std::string> plain_day(std::string_view text, std::string_view order) {
  const auto end = std::min(text.find_first_of(" T"), text.size());
  std::string_view left = text.substr(0, end);
  const auto mark = left.find_first_of("./-");
  if (mark == std::string_view::npos) return std::nullopt;
  const auto parts = split(left, left[mark]);
  if (parts.size() != 3) return std::nullopt;
  std::string day, month, year;
  for (std::size_t i = 0; i < 3; ++i) {
    const auto& part = parts[i];
    const bool is_year = order[i] == 'y';
    if (part.find_first_not_of("0123456789") != std::string::npos || part.empty() ||
        (is_year ? part.size() != 4 : part.size() > 2))
      return std::nullopt;
    (is_year ? year : order[i] == 'm' ? month : day) = part.size() == 1 ? "0" + part : part;
  }
  return fmt::format("{}-{}-{}{}", year, month, day, text.substr(end));
}

std::optional<std::string> plain_number(std::string_view text, const TextForms& forms) {
  const char point = forms.decimal == '\0' ? '.' : forms.decimal;
  const auto end = std::min(text.find_first_of(std::string{point, 'e', 'E'}), text.size());
  std::string out;
  std::size_t digits = 0, groups = 0;
  for (const char c : text.substr(0, end)) {
    if (c == forms.thousands && c != '\0') {
      if (groups == 0 ? digits == 0 || digits > 3 : digits != 3) return std::nullopt;
      ++groups;
      digits = 0;
    } else if (is_digit(c)) {
      ++digits;
      out += c;
    } else if ((c == '-' || c == '+') && out.empty()) {
      out += c;
    } else {
      return std::nullopt;
    }
  }
  if (groups > 0 && digits != 3) return std::nullopt;
  for (const char c : text.substr(end)) {
    if (c == '.' && point != '.') return std::nullopt;
    out += c == point ? '.' : c;
  }
  return split_number(out) ? std::optional(out) : std::nullopt;
}

}  // namespace

std::string plain_text(std::string_view text, const TextForms& forms) {
  const auto inner = trimmed(text);
  if (inner.empty()) return std::string(text);
  if (!forms.order.empty())
    if (auto day = plain_day(inner, forms.order)) return *day;
  if (forms.decimal == '\0' && forms.thousands == '\0') return std::string(text);
  if (auto number = plain_number(inner, forms)) return *number;
  return split_number(inner) ? "?" + std::string(text) : std::string(text);
}

TypeSet types_of(std::string_view text) {
  text = trimmed(text);
  if (text.empty()) return 0;
  if (!is_digit(text.front()) && text.front() != '-' && text.front() != '.')
    return to_boolean(text) ? bit(kBoolean) : 0;
  if (text.size() > 4 && text[4] == '-')
    return (to_date(text) ? bit(kDate) : 0) | (to_timestamp(text) ? bit(kTimestamp) : 0) |
           (to_instant(text) ? bit(kInstant) : 0) | numbers(text);
  if (text.size() > 2 && text[2] == ':') return to_time(text) ? bit(kTime) : 0;
  return numbers(text);
}

TypeSet numbers_of(std::string_view text) {
  if (text == "NaN" || text.ends_with("Infinity")) return bit(kDouble);
  // What nothing quotes is no code there: 1E3 is a number.
  const auto number = split_number(text);
  const bool exact =
      number && number->scientific && number->whole.size() == 1 && exact_real<double>(text, *number);
  return exact ? bit(kDouble) : numbers(text);
}

TypeSet moments_of(std::string_view text) {
  if (text.empty() || trimmed(text).size() != text.size()) return 0;
  auto out = types_of(text) & (bit(kTime) | bit(kDate) | bit(kTimestamp) | bit(kInstant));
  constexpr std::size_t seconds = 16;  // 2024-01-02T03:04:05Z
  if (text.size() <= seconds || text[seconds] != ':') out &= ~bit(kInstant);
  return out;
}

std::string type_of_all(TypeSet types) {
  if (types == kAnyType) return "VARCHAR";
  static constexpr std::pair<int, const char*> kTypes[] = {
      {kBoolean, "BOOLEAN"}, {kBigint, "BIGINT"},       {kTime, "TIME"},
      {kDate, "DATE"},       {kTimestamp, "TIMESTAMP"}, {kInstant, "TIMESTAMP WITH TIME ZONE"}};
  for (const auto& [which, name] : kTypes)
    if ((types & bit(which)) != 0) return name;
  for (int scale = 1; scale < kLargeDecimal; ++scale)
    if ((types & bit(kScale + scale)) != 0)
      return fmt::format("DECIMAL({},{})", (types & bit(kSmall)) != 0 ? kSmallDecimal : kLargeDecimal, scale);
  return (types & bit(kDouble)) != 0 ? "DOUBLE" : "VARCHAR";
}

std::optional<bool> to_boolean(std::string_view text) {
  text = trimmed(text);
  if (iequals(text, "true")) return true;
  if (iequals(text, "false")) return false;
  return std::nullopt;
}

std::optional<std::int64_t> to_bigint(std::string_view text) {
  text = trimmed(text);
  const std::string_view digits = text.substr(text.starts_with('-') ? 1 : 0);
  if (digits.empty() || has_leading_zero(digits) || (digits == "0" && digits.size() < text.size()))
    return std::nullopt;
  std::int64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(out) : std::nullopt;
}

std::optional<double> to_double(std::string_view text) {
  text = trimmed(text);
  const auto number = split_number(text);
  return number && is_float(*number) ? exact_real<double>(text, *number) : std::nullopt;
}

std::optional<std::int64_t> to_time(std::string_view text) {
  text = trimmed(text);
  const auto out = take_time(text, true);
  return text.empty() ? out : std::nullopt;
}

std::optional<std::int32_t> to_date(std::string_view text) {
  return plain_date(trimmed(text));
}

std::optional<std::int64_t> to_timestamp(std::string_view text) {
  text = trimmed(text);
  const auto out = take_timestamp(text, false);
  return text.empty() ? out : std::nullopt;
}

std::optional<std::int64_t> to_instant(std::string_view text) {
  text = trimmed(text);
  const auto local = take_timestamp(text, true);
  if (!local) return std::nullopt;
  const auto offset = plain_offset(text);
  return offset ? std::optional(*local - *offset) : std::nullopt;
}

std::optional<duck::Int128> to_decimal(std::string_view text, int width, int scale) {
  const auto number = split_number(trimmed(text));
  if (!number || !is_decimal(*number) || number->part.size() != static_cast<std::size_t>(scale) ||
      number->whole.size() + number->part.size() > static_cast<std::size_t>(width))
    return std::nullopt;
  duck::Int128 out = 0;
  for (const auto part : {number->whole, number->part})
    for (const char c : part) out = out * 10 + (c - '0');
  return number->negative ? -out : out;
}

bool has_form_of(std::string_view text, std::string_view type) {
  text = trimmed(text);
  const auto number = split_number(text);
  if (type.ends_with("INT") || type.ends_with("INTEGER") || type == "BIGNUM")
    return number && !number->scientific && !number->whole.empty() &&
           number->part.find_first_not_of('0') == std::string_view::npos;
  if (type.starts_with("DECIMAL(")) {
    const auto comma = type.find(',');
    const auto scale = parse_int(type.substr(comma + 1, type.size() - comma - 2)).value_or(0);
    return number && !number->scientific &&
           static_cast<std::int64_t>(number->part.find_last_not_of('0') + 1) <= scale;
  }
  const auto is_multiple = [&](std::int64_t unit) {
    const auto micros = to_timestamp(text);
    return micros && *micros % unit == 0;
  };
  if (type == "DOUBLE" || type == "FLOAT")
    return (number && (type == "DOUBLE" ? exact_real<double>(text, *number).has_value()
                                        : exact_real<float>(text, *number).has_value())) ||
           iequals(text, "nan") || iequals(text, "inf") || iequals(text, "-inf");
  if (type == "TIME") return take_time(text, false) && text.empty();
  if (type == "TIME WITH TIME ZONE") return take_time(text, false) && (text.empty() || plain_offset(text));
  if (type == "TIME_NS") return has_form_of(to_micros(text), "TIME");
  if (type == "TIMESTAMP_S") return is_multiple(kSecond);
  if (type == "TIMESTAMP_MS") return is_multiple(1000);
  if (type == "TIMESTAMP_NS") return to_timestamp(to_micros(text)).has_value();
  if (type == "DATE") return to_date(text).has_value();
  if (type == "TIMESTAMP") return to_timestamp(text).has_value();
  if (type == "TIMESTAMP WITH TIME ZONE") return to_instant(text) || to_timestamp(text);
  return true;
}

bool is_value(std::string_view text) {
  return split_number(trimmed(text)) || types_of(text) != 0 || has_form_of(text, "DOUBLE");
}

}  // namespace agnes::connectors::files
