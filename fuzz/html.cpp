// HTML of administrators. What is made safe stays as it is when it is made safe again, and holds nothing that runs.
#include "fuzz/target.h"
#include "lib/html/sanitize.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agnes;
  const auto html = fuzz::text_of(data, size);
  const std::string safe = html::sanitize(html);
  fuzz::expect(html::sanitize(safe) == safe, "it is the same when it is made safe again");
  bool in_tag = false, quoted = false;
  std::string names;
  for (const char c : safe) {
    if (!in_tag && c == '<') {
      in_tag = true;
      names.clear();
    } else if (in_tag && c == '"') {
      quoted = !quoted;
    } else if (in_tag && !quoted && c == '>') {
      in_tag = false;
      for (const char* bad : {"<script", "<style", "<svg", " on", " style", " srcdoc", "<object", "<base"})
        fuzz::expect(names.find(bad) == names.npos, "no tag runs anything");
    } else if (in_tag && !quoted) {
      fuzz::expect(c != '<', "a tag ends before the next");
      names += c;
    } else if (in_tag) {
      fuzz::expect(c != '<' && c != '>', "values are escaped");
    } else {
      fuzz::expect(c != '>', "text is escaped");
    }
  }
  fuzz::expect(!in_tag && !quoted, "tags are whole");
  fuzz::expect(html::plain_text(safe, 20).size() <= 20 * 4 + 3, "a preview is short");
  return 0;
}
