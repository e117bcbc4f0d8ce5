#include "core/extracts/table_read.h"

#include "lib/duck/attach.h"

namespace agnes::extracts {

namespace {
// Objects and lists in each other that a row may have: more than a source of JSON takes.
constexpr std::size_t kMaxDepth = 1'000;

std::string attach(duck::Connection& connection, const SampleRequest& request) {
  if (request.attach_file.empty()) return read_parquet_sql(request.files, request.union_by_name);
  duck::attach_read_only(connection, request.attach_file, "extract");
  duck::check_plain_table(connection, "extract", request.table);
  return "extract." + duck::quote_identifier(request.table);
}
std::vector<Column> columns_of(duck::Connection& connection, const std::string& from) {
  std::vector<Column> out;
  for (const auto& row : connection.execute("DESCRIBE SELECT * FROM " + from).rows())
    out.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1))});
  return out;
}
// DuckDB writes numbers that JSON has no text for as nan and inf.
std::string without_nan(std::string_view text) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::string out;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted || c == '"') {
      out += c;
      if (quoted && c == '\\' && i + 1 < text.size())
        out += text[++i];
      else if (c == '"')
        quoted = !quoted;
    } else if (is_letter(c) || (c == '-' && i + 1 < text.size() && is_letter(text[i + 1]))) {
      std::size_t end = i + 1;
      while (end < text.size() && is_letter(text[end])) ++end;
      const std::string_view word = text.substr(i, end - i);
      out += word == "true" || word == "false" ? word : "null";
      i = end - 1;
    } else {
      out += c;
      // The exponent of a number is not a word.
      if (c >= '0' && c <= '9' && i + 1 < text.size() && (text[i + 1] == 'e' || text[i + 1] == 'E'))
        out += text[++i];
    }
  }
  return out;
}
}  // namespace

boost::json::array json_rows(duck::Connection& connection, const std::string& select) {
  boost::json::array out;
  for (const auto& row :
       connection.execute("SELECT CAST(to_json(t) AS VARCHAR) FROM (" + select + ") t").rows()) {
    const auto& text = std::get<std::string>(row.at(0));
    boost::json::error_code error;
    auto value = boost::json::parse(text, error, {}, {.max_depth = kMaxDepth});
    out.push_back(error ? boost::json::parse(without_nan(text), {}, {.max_depth = kMaxDepth})
                        : std::move(value));
  }
  return out;
}

Sample read_sample(const SampleRequest& request) {
  auto engine = open_engine({"", 256u << 20, 1});
  auto connection = engine.connect();
  const std::string from = attach(connection, request);
  Sample out{columns_of(connection, from), {}};
  out.rows = json_rows(connection, fmt::format("SELECT {} * FROM {} LIMIT {}",
                                               request.distinct ? "DISTINCT" : "", from, request.rows));
  return out;
}

std::vector<Column> read_columns(const SampleRequest& request) {
  auto engine = open_engine({"", 256u << 20, 1});
  auto connection = engine.connect();
  return columns_of(connection, attach(connection, request));
}

}  // namespace agnes::extracts
