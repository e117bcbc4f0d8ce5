#include "cli/sql_text.h"

#include "lib/base/text.h"

namespace agnes::cli {

namespace {
bool is_blank(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}
bool is_word(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || (c & 0x80) != 0;
}
std::size_t after(std::string_view sql, std::string_view end, std::size_t from) {
  const auto at = sql.find(end, from);
  return at == sql.npos ? sql.size() : at + end.size();
}

std::size_t after_block_comment(std::string_view sql, std::size_t at) {
  int depth = 0;
  do {
    if (sql.substr(at, 2) == "/*") {
      ++depth;
      at += 2;
    } else if (sql.substr(at, 2) == "*/") {
      --depth;
      at += 2;
    } else {
      ++at;
    }
  } while (depth > 0 && at < sql.size());
  return at;
}

// A doubled quote ends one part and begins the next; E'...' has backslashes besides.
std::size_t after_quoted(std::string_view sql, std::size_t at) {
  const char quote = sql[at];
  const bool escapes = quote == '\'' && at > 0 && (sql[at - 1] == 'e' || sql[at - 1] == 'E') &&
                       (at < 2 || !is_word(sql[at - 2]));
  for (++at; at < sql.size() && sql[at] != quote; ++at)
    if (escapes && sql[at] == '\\') ++at;
  return std::min(at + 1, sql.size());
}

// $$...$$ or $tag$...$tag$; a $1 is none.
std::size_t after_dollar(std::string_view sql, std::size_t at) {
  auto end = at + 1;
  while (end < sql.size() && is_word(sql[end])) ++end;
  const bool tag = end < sql.size() && sql[end] == '$' && (at == 0 || !is_word(sql[at - 1]));
  return tag ? after(sql, sql.substr(at, end + 1 - at), end + 1) : at + 1;
}
}  // namespace

std::optional<std::string_view> only_statement(std::string_view sql) {
  std::optional<std::size_t> end;  // of the first statement
  for (std::size_t at = 0; at < sql.size();) {
    const char c = sql[at];
    if (is_blank(c)) {
      ++at;
    } else if (sql.substr(at, 2) == "--") {
      at = after(sql, "\n", at);
    } else if (sql.substr(at, 2) == "/*") {
      at = after_block_comment(sql, at);
    } else if (c == ';') {
      if (!end) end = at;
      ++at;
    } else if (end) {
      return std::nullopt;
    } else {
      at = c == '\'' || c == '"' ? after_quoted(sql, at) : c == '$' ? after_dollar(sql, at) : at + 1;
    }
  }
  return sql.substr(0, end.value_or(sql.size()));
}

}  // namespace agnes::cli
