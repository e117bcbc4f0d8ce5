#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// Small functions on text that the standard library lacks.
namespace agnes {

std::string to_lower(std::string_view text);  // ASCII only; other bytes stay
std::string_view trim(std::string_view text);
std::vector<std::string> split(std::string_view text, char separator);  // "" gives one empty part
std::string join(const std::vector<std::string>& parts, std::string_view separator);
// With every `what`, from left to right, as `by`.
std::string replaced(std::string text, std::string_view what, std::string_view by);
// How many bytes must be put in, taken out or replaced to make `b` of `a`. Takes time in proportion to both lengths.
std::size_t edit_distance(std::string_view a, std::string_view b);
// Finds what somebody meant who wrote `word`: the candidate that is fewest bytes away, less than `below` of them and
// less than it has; "" when none is.
class Nearest {
 public:
  Nearest(std::string_view word, std::size_t below) : word_(word), least_(below) {}
  void offer(std::string_view candidate);
  std::string_view best() const { return best_; }

 private:
  std::string word_, best_;
  std::size_t least_;
};
bool iequals(std::string_view a, std::string_view b);  // ASCII, case-insensitive
// The character that a text, which has one, begins with, and how many bytes it has; 0 for bytes that are none.
std::pair<char32_t, std::size_t> first_character(std::string_view text);
// Control characters, C1, line ends of Unicode, and the marks that turn the direction of writing: what changes more than
// its own place of a line.
bool is_control(char32_t c);
// These as \n, \t, \xNN, \uNNNN: safe for a log line or a terminal.
std::string escape_control(std::string_view text);
bool is_utf8(std::string_view text);
// The whole text as a decimal number; nothing when it is anything else or does not fit.
std::optional<std::int64_t> parse_int(std::string_view text);
std::optional<double> parse_double(std::string_view text);
// 1536 -> "1.5 KB" (powers of 1024), for people.
std::string human_bytes(std::uint64_t bytes);
std::string with_thousands(std::int64_t number);  // 1234567 -> "1,234,567"

// A name that is safe as a table name, a file name and a path segment at once: [A-Za-z_][A-Za-z0-9_]{0,63}.
bool is_identifier(std::string_view name);
// The wider form of ids in existing deployments ("in.c-crm.orders"): letters, digits, '_', '.', '-', not
// starting with '.' or '-', no "..", 128 characters at most. Safe as a file name.
bool is_table_id(std::string_view id);

}  // namespace agnes
