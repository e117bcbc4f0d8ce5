#include "core/extracts/view_sql.h"

#include <fnmatch.h>

#include "lib/base/text.h"

namespace agnes::extracts {

namespace fs = std::filesystem;

namespace {
struct Literal {
  char mark;
  std::string text;
};

// 'texts' and "names" of a statement, with doubled marks undone.
std::vector<Literal> literals(std::string_view sql) {
  std::vector<Literal> out;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char mark = sql[i];
    if (mark != '\'' && mark != '"') continue;
    Literal literal{mark, ""};
    for (++i; i < sql.size(); ++i) {
      if (sql[i] != mark)
        literal.text += sql[i];
      else if (i + 1 < sql.size() && sql[i + 1] == mark)
        literal.text += sql[i++];
      else
        break;
    }
    out.push_back(std::move(literal));
  }
  return out;
}

// Lower case, runs of white space as one, texts and quoted names left out: what is left is the statement's
// shape.
std::string shape(std::string_view sql) {
  std::string out;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (c == '\'' || c == '"') {
      for (++i; i < sql.size() && !(sql[i] == c && !(i + 1 < sql.size() && sql[i + 1] == c)); ++i)
        if (sql[i] == c) ++i;
      out += c == '"' ? "n" : "''";
    } else if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      if (!out.empty() && out.back() != ' ') out += ' ';
    } else {
      out += static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    }
  }
  while (!out.empty() && (out.back() == ' ' || out.back() == ';')) out.pop_back();
  return out;
}

bool names_a_file(const std::string& text) {
  return text.find('/') != std::string::npos || text.ends_with(".parquet");
}
}  // namespace

ViewFiles view_files(std::string_view create_view) {
  ViewFiles out;
  for (auto& literal : literals(create_view))
    if (names_a_file(literal.text)) out.paths.push_back(std::move(literal.text));
  const std::string form = shape(create_view);
  const auto body = form.find(" as select * from ");
  // A list of columns before AS would give them other names.
  if (body == std::string::npos || form.find('(') < body) return out;
  std::string_view rest = std::string_view(form).substr(body + 18);
  for (const std::string_view function : {"read_parquet(", "parquet_scan("}) {
    if (!rest.starts_with(function)) continue;
    rest.remove_prefix(function.size());
    // To the closing parenthesis: only texts, lists of texts and options may stand there, and nothing after
    // it.
    std::size_t depth = 1, i = 0;
    for (; i < rest.size() && depth > 0; ++i) {
      if (rest[i] == '(') ++depth;
      if (rest[i] == ')') --depth;
    }
    const std::string_view arguments = rest.substr(0, i);
    out.plain = depth == 0 && i == rest.size() && arguments.find("select") == std::string_view::npos;
    // DuckDB prints the option's value as CAST('t' AS BOOLEAN).
    out.union_by_name = arguments.find("union_by_name") != std::string_view::npos &&
                        create_view.find("union_by_name = CAST('f'") == std::string_view::npos;
    return out;
  }
  out.plain = rest == "n" && out.paths.size() == 1;  // FROM 'file.parquet' is printed as a name
  return out;
}

fs::path rebase(const std::string& path, const std::string& source, const fs::path& folder) {
  std::string inside;
  const auto after_last = [&](const std::string& mark) {
    const auto at = path.rfind(mark);
    if (at == std::string::npos) return false;
    inside = path.substr(at + mark.size());
    return true;
  };
  if (path.starts_with(folder.string() + "/"))
    inside = path.substr(folder.string().size() + 1);
  else if (path.starts_with("/")) {
    if (!after_last("/" + source + "/")) {
      if (!after_last("/data/")) return {};
      inside = "data/" + inside;
    }
  } else {
    inside = path;
  }
  const fs::path whole = (folder / inside).lexically_normal();
  return whole.string().starts_with(folder.string() + "/") ? whole : fs::path();
}

std::vector<fs::path> expand(const fs::path& pattern) {
  std::vector<fs::path> out;
  std::error_code error;
  if (fs::is_regular_file(pattern, error)) return {pattern};
  const std::string name = pattern.filename();
  if (name.find_first_of("*?[") == std::string::npos) return out;
  for (const auto& entry : fs::directory_iterator(pattern.parent_path(), error)) {
    const std::string found = entry.path().filename();
    if (::fnmatch(name.c_str(), found.c_str(), FNM_PERIOD) == 0 && entry.is_regular_file(error))
      out.push_back(entry.path());
  }
  std::sort(out.begin(), out.end());
  return out;
}

}  // namespace agnes::extracts
