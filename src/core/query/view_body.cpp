#include "core/query/view_body.h"

#include "core/query/lexer.h"
#include "lib/base/error.h"

namespace agnes::query {

std::string view_body(std::string_view sql) {
  const auto unreadable = [] {
    return Error(ErrorKind::bad_gateway, "its extract describes the table with a view that cannot be read");
  };
  std::vector<Token> tokens;
  try {
    tokens = check_text(sql);
  } catch (const Error&) {
    throw unreadable();
  }
  std::size_t at = 0;
  const auto is = [&](char symbol) { return at < tokens.size() && is_symbol(sql, tokens[at], symbol); };
  const auto word = [&](std::string_view text) {
    return at < tokens.size() && is_word(sql, tokens[at], text);
  };
  for (const auto* expected : {"create", "view"}) {
    if (!word(expected)) throw unreadable();
    ++at;
  }
  // The name, perhaps with its schema.
  for (++at; is('.'); at += 2) continue;
  std::string columns;
  if (is('(')) {
    // Names with commas between them, nothing else.
    const auto begin = tokens[at].begin;
    do {
      ++at;
      if (at == tokens.size() ||
          (tokens[at].kind != Token::Kind::word && tokens[at].kind != Token::Kind::quoted))
        throw unreadable();
      ++at;
    } while (is(','));
    if (!is(')')) throw unreadable();
    columns = sql.substr(begin, tokens[at].end - begin);
    ++at;
  }
  if (!word("as") || ++at == tokens.size()) throw unreadable();
  auto end = tokens.size();
  if (is_symbol(sql, tokens[end - 1], ';')) --end;
  int depth = 0;
  for (auto i = at; i < end; ++i) {
    if (is_symbol(sql, tokens[i], '(')) ++depth;
    if (is_symbol(sql, tokens[i], ')')) --depth;
    if (depth < 0 || is_symbol(sql, tokens[i], ';')) throw unreadable();
  }
  if (at == end || depth != 0) throw unreadable();
  std::string out = "(";
  out += sql.substr(tokens[at].begin, tokens[end - 1].end - tokens[at].begin);
  // A comment in between ends before the parenthesis.
  out += "\n)";
  if (!columns.empty()) out += " AS remote_view" + columns;
  // A text or a name that does not end would take in what follows.
  const std::string followed = out + " x";
  if (!is_word(followed, tokenize(followed).back(), "x")) throw unreadable();
  return out;
}

}  // namespace agnes::query
