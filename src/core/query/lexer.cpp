#include "core/query/lexer.h"

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::query {

namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool starts_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<unsigned char>(c) >= 0x80;
}
bool continues_word(char c) {
  return starts_word(c) || is_digit(c) || c == '$';
}

// What separates words: ASCII space, and the Unicode spaces that DuckDB takes for one (0 when there is none).
std::size_t space_at(std::string_view sql, std::size_t at) {
  const char c = sql[at];
  if (c == ' ' || (c >= '\t' && c <= '\r')) return 1;
  const auto here = sql.substr(at, 3);
  if (here.starts_with("\xc2\xa0")) return 2;
  if (here.size() == 3 && here.starts_with("\xe2\x80") && static_cast<unsigned char>(here[2]) <= 0x8b)
    return 3;
  for (const std::string_view wide :
       {"\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80", "\xef\xbb\xbf", "\xe2\x81\xa0"})
    if (here == wide) return 3;
  return 0;
}

class Scanner {
 public:
  explicit Scanner(std::string_view sql) : sql_(sql) {}

  std::vector<Token> all() {
    std::vector<Token> out;
    out.reserve(sql_.size() / 5 + 8);
    while (at_ < sql_.size()) {
      if (const std::size_t space = space_at(sql_, at_)) {
        at_ += space;
      } else if (next_is("--")) {
        at_ = std::min(sql_.find_first_of("\n\r", at_), sql_.size());  // as DuckDB ends it
      } else if (next_is("/*")) {
        skip_comment();
      } else {
        const std::size_t begin = at_;
        const auto kind = token();
        out.push_back({kind, begin, at_});
      }
    }
    return out;
  }

 private:
  bool next_is(std::string_view text) const { return sql_.substr(at_, text.size()) == text; }
  std::size_t find(std::string_view text, std::size_t from) const {
    return std::min(sql_.find(text, from), sql_.size());
  }

  void skip_comment() {
    std::size_t depth = 0;
    while (at_ < sql_.size()) {
      if (next_is("/*")) {
        ++depth;
        at_ += 2;
      } else if (next_is("*/")) {
        at_ += 2;
        if (--depth == 0) return;
      } else {
        ++at_;
      }
    }
  }

  // From the opening quote to past the closing one; a doubled quote stands for itself.
  void skip_quoted(char quote, bool backslashes) {
    for (++at_; at_ < sql_.size(); ++at_) {
      if (backslashes && sql_[at_] == '\\') {
        ++at_;
      } else if (sql_[at_] == quote) {
        if (at_ + 1 < sql_.size() && sql_[at_ + 1] == quote)
          ++at_;
        else
          break;
      }
    }
    at_ = std::min(at_ + 1, sql_.size());
  }

  // "$$" or "$tag$" at the position; empty when there is none.
  std::string_view dollar_quote() const {
    std::size_t end = at_ + 1;
    if (end < sql_.size() && starts_word(sql_[end]))
      while (end < sql_.size() && (starts_word(sql_[end]) || is_digit(sql_[end]))) ++end;
    if (end >= sql_.size() || sql_[end] != '$') return {};
    return sql_.substr(at_, end + 1 - at_);
  }

  Token::Kind token() {
    const char c = sql_[at_];
    const char after = at_ + 1 < sql_.size() ? sql_[at_ + 1] : '\0';
    if (c == '\'') {
      skip_quoted('\'', false);
      return Token::Kind::text;
    }
    if ((c == 'e' || c == 'E') && after == '\'') {
      ++at_;
      skip_quoted('\'', true);
      return Token::Kind::text;
    }
    if (c == '"') {
      skip_quoted('"', false);
      return Token::Kind::quoted;
    }
    if (c == '$') {
      if (const auto mark = dollar_quote(); !mark.empty()) {
        at_ = std::min(find(mark, at_ + mark.size()) + mark.size(), sql_.size());
        return Token::Kind::text;
      }
    }
    if (starts_word(c)) {
      while (at_ < sql_.size() && continues_word(sql_[at_]) && space_at(sql_, at_) == 0) ++at_;
      return Token::Kind::word;
    }
    if (is_digit(c)) {
      while (at_ < sql_.size() &&
             (is_digit(sql_[at_]) || (starts_word(sql_[at_]) && space_at(sql_, at_) == 0)))
        ++at_;
      return Token::Kind::number;
    }
    ++at_;
    return Token::Kind::symbol;
  }

  std::string_view sql_;
  std::size_t at_ = 0;
};

void refuse(std::string_view sql, std::size_t at, const std::string& why) {
  throw Error(ErrorKind::bad_request, fmt::format("{} ({})", why, describe_position(sql, at)));
}

}  // namespace

std::vector<Token> tokenize(std::string_view sql) {
  return Scanner(sql).all();
}

bool is_word(std::string_view sql, const Token& token, std::string_view lower_case) {
  return token.kind == Token::Kind::word &&
         iequals(sql.substr(token.begin, token.end - token.begin), lower_case);
}

bool is_symbol(std::string_view sql, const Token& token, char symbol) {
  return token.kind == Token::Kind::symbol && sql[token.begin] == symbol;
}

std::vector<Token> check_text(std::string_view sql, const TextLimits& limits) {
  if (sql.size() > limits.bytes)
    throw Error(
        ErrorKind::too_large,
        fmt::format(
            "The statement has {}; {} are the limit. Put long lists into a table or a shorter condition.",
            human_bytes(sql.size()), human_bytes(limits.bytes)));
  if (sql.find('\0') != std::string_view::npos)
    throw Error(ErrorKind::bad_request, "The statement has a NUL character; remove it.");
  if (!is_utf8(sql))
    throw Error(ErrorKind::bad_request, "The statement is not valid UTF-8; send it as UTF-8.");

  auto tokens = tokenize(sql);
  if (tokens.size() > limits.tokens)
    throw Error(
        ErrorKind::too_large,
        fmt::format(
            "The statement has {} words and signs; {} are the limit. Put long lists into a table or a "
            "shorter condition.",
            tokens.size(), limits.tokens));
  std::size_t depth = 0, conjunctions = 0, unions = 0, path = 0;
  bool was_dot = false;
  for (const auto& token : tokens) {
    if (token.kind == Token::Kind::symbol) {
      const char c = sql[token.begin];
      if (c == '(' || c == '[' || c == '{') ++depth;
      if ((c == ')' || c == ']' || c == '}') && depth > 0) --depth;
      if (depth > limits.nesting)
        refuse(sql, token.begin,
               fmt::format("The statement nests brackets more than {} deep; flatten it", limits.nesting));
      // A path goes on as long as dots and names take turns.
      if (c == '.') {
        if (++path > limits.path)
          refuse(sql, token.begin, fmt::format("A name has more than {} parts; shorten it", limits.path));
      } else {
        path = 0;
      }
      was_dot = c == '.';
      continue;
    }
    if (!was_dot) path = 0;
    was_dot = false;
    if (token.kind != Token::Kind::word) continue;
    const auto is = [&](std::string_view word) { return is_word(sql, token, word); };
    if ((is("or") || is("and")) && ++conjunctions > limits.conjunctions)
      refuse(sql, token.begin,
             fmt::format("The statement has more than {} AND and OR; use IN (...) or a join",
                         limits.conjunctions));
    if ((is("union") || is("except") || is("intersect")) && ++unions > limits.unions)
      refuse(sql, token.begin,
             fmt::format("The statement has more than {} UNION, EXCEPT and INTERSECT; use VALUES",
                         limits.unions));
  }
  return tokens;
}

std::string describe_position(std::string_view sql, std::size_t offset) {
  offset = std::min(offset, sql.size());
  std::size_t line = 1, column = 1;
  for (std::size_t i = 0; i < offset; ++i) {
    if (sql[i] == '\n') {
      ++line;
      column = 1;
    } else if ((static_cast<unsigned char>(sql[i]) & 0xc0) != 0x80) {
      ++column;
    }
  }
  return fmt::format("line {}, column {}", line, column);
}

}  // namespace agnes::query
