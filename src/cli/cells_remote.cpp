#include <boost/json/parse.hpp>

#include "cli/cells.h"
#include "cli/json_text.h"

namespace agnes::cli {

namespace {
// Walks over JSON text and hands out the text of values, so that a number keeps all its digits.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  // Calls `each` at every member of an object, or item of an array (with an empty name); it must read or skip
  // it.
  template <class F>
  void object(F&& each) {
    list('{', '}', [&] {
      const std::string name = string();
      expect(':');
      each(name);
    });
  }
  template <class F>
  void array(F&& each) {
    list('[', ']', each);
  }
  std::string string() {
    const auto value = boost::json::parse(raw());
    if (!value.is_string()) fail();
    return std::string(value.get_string());
  }
  // The text of the next value, whatever it is.
  std::string_view raw() {
    space();
    const std::size_t begin = at_;
    if (peek() == '"') {
      skip_string();
    } else if (peek() == '{' || peek() == '[') {
      int depth = 0;
      do {
        const char c = peek();
        if (c == '"') {
          skip_string();
          continue;
        }
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        ++at_;
      } while (depth > 0);
    } else {
      while (at_ < text_.size() && std::string_view(",]} \t\r\n").find(text_[at_]) == std::string_view::npos)
        ++at_;
      if (at_ == begin) fail();
    }
    return text_.substr(begin, at_ - begin);
  }
  char next_kind() {
    space();
    return peek();
  }

 private:
  template <class F>
  void list(char open, char close, F&& each) {
    expect(open);
    space();
    if (peek() == close) {
      ++at_;
      return;
    }
    while (true) {
      each();
      space();
      if (peek() == close) {
        ++at_;
        return;
      }
      expect(',');
    }
  }
  void skip_string() {
    ++at_;
    while (peek() != '"') at_ += peek() == '\\' ? 2 : 1;
    ++at_;
  }
  void space() {
    while (at_ < text_.size() && std::string_view(" \t\r\n").find(text_[at_]) != std::string_view::npos)
      ++at_;
  }
  void expect(char c) {
    space();
    if (peek() != c) fail();
    ++at_;
  }
  char peek() {
    if (at_ >= text_.size()) fail();
    return text_[at_];
  }
  [[noreturn]] static void fail() {
    throw Error(ErrorKind::bad_gateway,
                "the server's answer is not a query result: is the address an Agnes server's?");
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

// The scanner trusts brackets and quotes: makes sure of them first.
std::string_view trusted(std::string_view body) {
  return is_json(body) ? body : "";
}

Cell read_cell(Scanner& scanner) {
  switch (scanner.next_kind()) {
    case '"':
      return {Cell::Kind::text, scanner.string()};
    case '{':
    case '[':
      return {Cell::Kind::nested, std::string(scanner.raw())};
    default:
      break;
  }
  const std::string_view raw = scanner.raw();
  if (raw == "null") return {};
  return {raw == "true" || raw == "false" ? Cell::Kind::boolean : Cell::Kind::number, std::string(raw)};
}
}  // namespace

ResultTable read_remote_result(std::string_view body) {
  ResultTable table;
  Scanner scanner(trusted(body));
  scanner.object([&](const std::string& name) {
    if (name == "columns")
      scanner.array([&] { table.columns.push_back(scanner.string()); });
    else if (name == "truncated")
      table.more = scanner.raw() == "true";
    else if (name == "rows")
      scanner.array([&] {
        auto& row = table.rows.emplace_back();
        scanner.array([&] { row.push_back(read_cell(scanner)); });
      });
    else
      scanner.raw();
  });
  for (auto& row : table.rows) row.resize(table.columns.size());
  return table;
}

ResultTable read_remote_sample(std::string_view body) {
  ResultTable table;
  Scanner scanner(trusted(body));
  scanner.object([&](const std::string& name) {
    if (name != "rows") {
      scanner.raw();
      return;
    }
    scanner.array([&] {
      auto& row = table.rows.emplace_back();
      std::size_t at = 0;
      scanner.object([&](const std::string& column) {
        // Mostly the next one.
        auto& columns = table.columns;
        if (at >= columns.size() || columns[at] != column)
          at = static_cast<std::size_t>(std::find(columns.begin(), columns.end(), column) - columns.begin());
        if (at == columns.size()) columns.push_back(column);
        row.resize(std::max(row.size(), at + 1));
        row[at++] = read_cell(scanner);
      });
    });
  });
  for (auto& row : table.rows) row.resize(table.columns.size());
  return table;
}

}  // namespace agnes::cli
