// JSON files row by row, compared with another parser. The first byte says whether it is a list or JSON lines.
#include <boost/json/parse.hpp>

#include "connectors/files/json_text.h"
#include "connectors/files/source_error.h"
#include "connectors/files/values.h"
#include "fuzz/memory_file.h"
#include "lib/base/text.h"

namespace {

using namespace agnes;
using namespace agnes::connectors::files;

// The rows that a list has for another parser; nothing where it is no list, or no JSON.
std::optional<std::size_t> rows_of(std::string_view text) {
  boost::json::error_code error;
  const auto value = boost::json::parse(text, error, {}, {.max_depth = kMaxJsonDepth + 1});
  if (error || !value.is_array()) return std::nullopt;
  return value.as_array().size();
}

std::size_t read(JsonRows& rows) {
  std::size_t count = 0;
  std::string space;
  while (rows.next()) {
    ++count;
    const auto& tokens = rows.tokens();
    fuzz::expect(!tokens.empty() && tokens[0].next == tokens.size(), "a row is one value");
    for (std::size_t i = 0; i < tokens.size(); ++i) {
      const auto& token = tokens[i];
      fuzz::expect(token.begin <= token.end && token.end <= rows.row_bytes(), "a token lies in its row");
      fuzz::expect(token.next > i && token.next <= tokens.size(), "the token after one comes after it");
      fuzz::expect(rows.line_of(token) >= rows.line(), "a token stands behind its row's beginning");
      if (token.kind == JsonKind::string || token.kind == JsonKind::key)
        fuzz::expect(is_utf8(rows.content(token, space)), "a string is UTF-8");
      if (token.kind == JsonKind::string) moments_of(rows.content(token, space));
      if (token.kind == JsonKind::whole || token.kind == JsonKind::decimal) numbers_of(rows.raw(token));
    }
  }
  return count;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  static const fuzz::MemoryFile memory;
  const auto text = fuzz::text_of(data + 1, size - 1);
  memory.put(text);
  SourceFile file;
  file.path = memory.path();
  file.relative = "a.json";
  file.format = data[0] % 2 == 0 ? Format::json : Format::json_lines;
  const auto expected = rows_of(text);
  try {
    JsonRows rows(file);
    const auto found = read(rows);
    if (file.format == Format::json && expected)
      fuzz::expect(found == *expected, fmt::format("a list of {} has {} rows", *expected, found));
  } catch (const SourceError& error) {
    fuzz::expect(error.line().has_value() || error.problem_kind() == "damaged",
                 fmt::format("what is wrong has a line: {}", error.what()));
    if (file.format == Format::json && expected)
      fuzz::expect(false, fmt::format("JSON is read: {}", error.what()));
  }
  return 0;
}
