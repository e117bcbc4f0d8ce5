// Random JSON files, read back equal: whatever is in them, no value is lost and none changes.
#include <random>

#include "connectors/files/json_text.h"
#include "connectors/files/values.h"
#include "connectors/files_fixture.h"

namespace agnes::connectors::files {
namespace {

// A number in one form: its digits, and where the point is among them.
std::string plain_number(std::string_view text) {
  std::string digits;
  long exponent = 0;
  bool point = false;
  const bool negative = text.starts_with('-');
  for (std::size_t i = negative ? 1 : 0; i < text.size(); ++i) {
    if (text[i] == 'e' || text[i] == 'E') {
      exponent += std::atol(std::string(text.substr(i + 1)).c_str());
      break;
    }
    if (text[i] == '.') {
      point = true;
      continue;
    }
    digits += text[i];
    exponent -= point ? 1 : 0;
  }
  digits.erase(0, std::min(digits.find_first_not_of('0'), digits.size()));
  while (digits.ends_with('0')) {
    digits.pop_back();
    ++exponent;
  }
  if (digits.empty()) return negative ? "-0" : "0";
  return fmt::format("{}{}e{}", negative ? "-" : "", digits, exponent);
}

// A number or true in a column of texts is its text, a date in one of timestamps its midnight.
std::string plain_text(std::string_view text) {
  const auto from = text.starts_with('-') ? 1u : 0u;
  if (text.size() > from && text.find_first_not_of("0123456789.e-", from) == std::string_view::npos &&
      text.find('-', from) == std::string_view::npos)
    return plain_number(text);
  if (text == "true" || text == "false") return std::string(text);
  return fmt::format("'{}{}'", text, to_date(text) ? " 00:00:00" : "");
}

// One text for all ways to write a value: keys in order, those without a value left out, numbers in one form.
std::string plain(const JsonRows& rows, std::size_t at) {
  const auto& token = rows.tokens()[at];
  std::string space;
  if (token.kind == JsonKind::whole || token.kind == JsonKind::decimal) return plain_number(rows.raw(token));
  if (token.kind == JsonKind::string) return plain_text(rows.content(token, space));
  if (token.kind == JsonKind::list) {
    std::string out;
    for (auto inner = at + 1; inner < token.next; inner = rows.tokens()[inner].next)
      out += (out.empty() ? "" : ",") + plain(rows, inner);
    return "[" + out + "]";
  }
  if (token.kind != JsonKind::object) return std::string(rows.raw(token));
  std::map<std::string, std::string> values;
  for (auto key = at + 1; key < token.next; key = rows.tokens()[key + 1].next)
    if (rows.tokens()[key + 1].kind != JsonKind::null)
      values[std::string(rows.content(rows.tokens()[key], space))] = plain(rows, key + 1);
  std::string out;
  for (const auto& [key, value] : values) out += fmt::format("{}'{}':{}", out.empty() ? "" : ",", key, value);
  return "{" + out + "}";
}

class RandomJson : public Files {
 protected:
  int upto(int most) { return static_cast<int>(random_() % static_cast<unsigned>(most + 1)); }
  template <class T>
  const T& one_of(const std::vector<T>& choices) {
    return choices[random_() % choices.size()];
  }
  std::string space() { return one_of(std::vector<std::string>{"", "", "", " ", "\t", "  "}); }

  std::string digits(int most) {
    std::string out(1, static_cast<char>('1' + upto(8)));
    for (int i = upto(most - 1); i > 0; --i) out += static_cast<char>('0' + upto(9));
    return out;
  }
  std::string number(int kind) {
    const std::string sign = upto(3) == 0 ? "-" : "";
    switch (kind) {
      case 0:
        return sign + digits(15);
      case 1:
        return sign + digits(40);
      case 2:
        return sign + digits(7) + "." + digits(7);
      case 3:
        return fmt::format("{}{}.{}{}", sign, digits(4), upto(9), upto(9));
      case 4:
        return fmt::format("{}{}.{}e{}", sign, upto(9), digits(5), upto(20));
      default:
        return sign + digits(20) + "." + digits(20);
    }
  }
  std::string character() {
    const std::vector<std::string> characters = {"a",
                                                 "Z",
                                                 " ",
                                                 "'",
                                                 ".",
                                                 "$",
                                                 "/",
                                                 "~",
                                                 "\\\\",
                                                 "\\\"",
                                                 "\\n",
                                                 "\\u0001",
                                                 "\\u00e9",
                                                 "\xc3\xa9",
                                                 "\\ud83d\\ude00",
                                                 "\xe2\x82\xac",
                                                 "{",
                                                 "]",
                                                 ",",
                                                 ":",
                                                 "\\/",
                                                 "0"};
    return one_of(characters);
  }
  std::string text(int kind) {
    std::string out;
    switch (kind) {
      case 0:
        for (int i = upto(8); i > 0; --i) out += character();
        break;
      case 1:
        return fmt::format("\"{:04}-{:02}-{:02}\"", 1 + upto(9998), 1 + upto(11), 1 + upto(27));
      case 2:
        return fmt::format("\"{:04}-{:02}-{:02} {:02}:{:02}:{:02}\"", 1 + upto(9998), 1 + upto(11),
                           1 + upto(27), upto(23), upto(59), upto(59));
      case 3:
        return fmt::format("\"{:02}:{:02}:{:02}\"", upto(23), upto(59), upto(59));
      case 4:
        return fmt::format("\"{:02}-{:02}-{:02}\"", upto(31), upto(12), upto(99));
      default:
        return fmt::format("\"{}\"", digits(12));
    }
    return "\"" + out + "\"";
  }

  // A value of one kind, where the kind decides about a whole column: plain, nested, or anything.
  std::string value(int kind, int depth) {
    if (upto(9) == 0) return "null";
    if (kind < 6) return number(depth > 0 && kind != 3 ? 0 : kind);
    if (kind < 12) return text(kind - 6);
    if (kind == 12) return upto(1) == 0 ? "true" : "false";
    if (kind == 13 && depth < 4) return list(upto(14), depth + 1);
    if (kind == 14 && depth < 4) return object(depth + 1);
    return value(upto(depth < 3 ? 14 : 12), depth);
  }
  std::string list(int kind, int depth) {
    std::string out;
    for (int i = upto(3); i > 0; --i)
      out += (out.empty() ? "" : ",") + space() + value(kind, depth) + space();
    return "[" + out + "]";
  }
  std::string object(int depth) {
    std::string out;
    for (const char* key : {"a", "b.c", "d'", "\\u0065", "A"})
      if (upto(2) > 0 && (key[0] != 'A' || upto(6) == 0))
        out += fmt::format("{}{}\"{}\"{}:{}{}", out.empty() ? "" : ",", space(), key, space(), space(),
                           value(upto(14), depth));
    return "{" + out + "}";
  }

  std::mt19937 random_{20240102};
};

TEST_F(RandomJson, FilesAreReadBackEqual) {
  constexpr int kTables = 80;
  std::vector<std::vector<std::string>> expected(kTables);
  std::vector<std::vector<std::string>> keys(kTables);
  const std::vector<std::string> some_keys = {"id",  "Name", "b.c",      "q\\\"", "\\u0001",
                                              "$.x", "/~1",  "\xc3\xa9", "a b",   "0"};
  for (int t = 0; t < kTables; ++t) {
    const bool list = upto(1) == 0;
    std::vector<int> kinds;
    for (std::size_t k = 0; k < some_keys.size(); ++k) kinds.push_back(upto(16));
    const auto columns = 1 + static_cast<std::size_t>(upto(9));
    std::string content = upto(4) == 0 ? "\xEF\xBB\xBF" : "";
    if (list) content += space() + "[";
    const int rows = 1 + upto(20);
    for (int r = 0; r < rows; ++r) {
      std::string row;
      for (std::size_t k = 0; k < columns; ++k)
        if (r == 0 || upto(5) > 0)
          row += fmt::format("{}{}\"{}\"{}:{}{}{}", row.empty() ? "" : ",", space(), some_keys[k], space(),
                             space(), value(kinds[k], 0), space());
      content += fmt::format("{}{{{}}}{}", r > 0 && list ? "," : "", row, list ? space() : "\n");
    }
    if (list) content += "]" + space();
    const std::string name = fmt::format("t{}.{}", t, list ? "json" : "jsonl");
    put(name, content);

    SourceFile file;
    file.path = source() / name;
    file.relative = name;
    file.format = list ? Format::json : Format::json_lines;
    JsonRows text(file);
    while (text.next()) expected[static_cast<std::size_t>(t)].push_back(plain(text, 0));
  }

  const Outcome outcome = run();
  ASSERT_EQ(messages(outcome), "");
  duck::Database memory({{}, {{"threads", "1"}}});
  auto connection = memory.connect();
  for (int t = 0; t < kTables; ++t) {
    const std::string table = fmt::format("t{}", t);
    // Values that stand alone as their texts, nested ones as DuckDB writes them in JSON.
    std::string object;
    for (const auto& column : result(outcome, table).columns) {
      const std::string name = duck::quote_identifier(column.name);
      const bool quoted = column.type != "JSON" && column.type != "BIGINT" && column.type != "DOUBLE" &&
                          column.type != "BOOLEAN" && !column.type.starts_with("DECIMAL") &&
                          !column.type.starts_with("STRUCT") && !column.type.ends_with("[]");
      const bool nested = column.type.starts_with("STRUCT") || column.type.ends_with("[]");
      object += fmt::format(
          "{}to_json({})::VARCHAR || ':' || coalesce({}, 'null')", object.empty() ? "" : " || ',' || ",
          duck::quote_literal(column.name),
          quoted ? fmt::format("to_json({}::VARCHAR)::VARCHAR", name)
                 : (nested ? fmt::format("to_json({})::VARCHAR", name) : fmt::format("{}::VARCHAR", name)));
    }
    std::string read;
    for (const auto& row :
         connection
             .execute(
                 fmt::format("SELECT '{{' || {} || '}}' FROM read_parquet({})", object,
                             duck::quote_literal((extract_dir() / "data" / (table + ".parquet")).string())))
             .rows())
      read += std::get<std::string>(row.at(0)) + "\n";
    const fs::path file = root() / "read.jsonl";
    std::ofstream(file, std::ios::binary) << read;
    SourceFile source_file;
    source_file.path = file;
    source_file.relative = "read.jsonl";
    source_file.format = Format::json_lines;
    JsonRows text(source_file);
    std::size_t r = 0;
    for (; text.next(); ++r) {
      ASSERT_LT(r, expected[static_cast<std::size_t>(t)].size());
      EXPECT_EQ(plain(text, 0), expected[static_cast<std::size_t>(t)][r]) << table;
    }
    EXPECT_EQ(r, expected[static_cast<std::size_t>(t)].size());
  }
}

}  // namespace
}  // namespace agnes::connectors::files
