// SQL text before DuckDB sees it.
#include "core/query/lexer.h"
#include "fuzz/target.h"
#include "lib/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agnes;
  const auto sql = fuzz::text_of(data, size);
  std::size_t end = 0;
  for (const auto& token : query::tokenize(sql)) {
    fuzz::expect(token.begin >= end && token.end > token.begin && token.end <= sql.size(),
                 "tokens follow each other");
    end = token.end;
    query::describe_position(sql, token.begin);
  }
  try {
    query::check_text(
        sql, {.bytes = 2000, .tokens = 200, .nesting = 10, .conjunctions = 10, .unions = 5, .path = 4});
  } catch (const Error&) {
  }
  return 0;
}
