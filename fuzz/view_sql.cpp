// The SQL of a view in somebody's extract: the files that it names, and its body for a FROM clause.
#include "core/extracts/view_sql.h"

#include "core/query/lexer.h"
#include "core/query/view_body.h"
#include "fuzz/target.h"
#include "lib/base/error.h"

namespace {

using namespace agnes;

void files(std::string_view sql) {
  const std::filesystem::path folder = "/extracts/source";
  for (const auto& path : extracts::view_files(sql).paths) {
    const auto inside = extracts::rebase(path, "source", folder);
    fuzz::expect(inside.empty() || inside.string().starts_with("/extracts/source/"),
                 "a file stays in its extract");
    fuzz::expect(inside.string().find("/../") == std::string::npos && !inside.string().ends_with("/.."),
                 "a file's path leads nowhere else");
  }
}

// Whatever the view says, what follows its body is read as such.
void body(std::string_view sql) {
  std::string from;
  try {
    from = query::view_body(sql);
  } catch (const Error&) {
    return;
  }
  const std::string whole = from + " tail 'x'";
  const auto tokens = query::tokenize(whole);
  fuzz::expect(tokens.size() >= 4, "there is a body");
  fuzz::expect(query::is_word(whole, tokens[tokens.size() - 2], "tail"),
               "what follows a body stands outside of it");
  int depth = 0;
  bool closed = false;
  for (const auto& token : tokens) {
    fuzz::expect(!query::is_symbol(whole, token, ';'), "a body is one statement");
    if (query::is_symbol(whole, token, '(')) {
      fuzz::expect(!closed || depth > 0 || from.find(" AS remote_view(") != std::string::npos,
                   "a body is one bracket");
      ++depth;
    }
    if (query::is_symbol(whole, token, ')') && --depth == 0) closed = true;
    fuzz::expect(depth >= 0, "brackets close what is open");
  }
  fuzz::expect(depth == 0, "all brackets are closed");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto sql = fuzz::text_of(data, size);
  files(sql);
  body(sql);
  return 0;
}
