#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

// A cheap look at SQL text before DuckDB's parser sees it: where words, strings and brackets are. It decides
// nothing about rights; DuckDB's own parse tree does (authorise.h).
namespace agnes::query {

struct Token {
  enum class Kind { word, quoted, text, number, symbol };
  Kind kind;
  std::size_t begin, end;  // byte offsets, `end` past the last one
};

// The tokens, without comments. An unterminated string or comment ends with the text.
std::vector<Token> tokenize(std::string_view sql);

// True for an unquoted word equal to `lower_case`, in any case.
bool is_word(std::string_view sql, const Token& token, std::string_view lower_case);
// True for the one-character symbol.
bool is_symbol(std::string_view sql, const Token& token, char symbol);

// Limits on a statement's text. Beyond them DuckDB 1.5.5 takes minutes to parse or plan, or crashes;
// machine-made statements of real tools stay far below.
struct TextLimits {
  std::size_t bytes = 1'000'000;
  std::size_t tokens = 300'000;      // words, values and signs; DuckDB needs some 2 KB of memory for each
  std::size_t nesting = 200;         // brackets of any kind in brackets
  std::size_t conjunctions = 5'000;  // AND and OR; time grows with their square
  std::size_t unions = 2'000;        // UNION, EXCEPT and INTERSECT
  std::size_t path = 64;             // names in a.b.c
};

// Throws Error: too_large for a text over `bytes`, bad_request for the others, for bytes that are not UTF-8,
// for NUL. Returns the tokens.
std::vector<Token> check_text(std::string_view sql, const TextLimits& limits = {});

// "line 2, column 7" of a byte offset; columns count characters from 1.
std::string describe_position(std::string_view sql, std::size_t offset);

}  // namespace agnes::query
