// Forms: the first line is the content type, the rest the body.
#include "fuzz/target.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/http/request.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agnes;
  const auto text = fuzz::text_of(data, size);
  const auto line = text.find('\n');
  http::Request request("POST", "/");
  request.add_header("Content-Type", std::string(text.substr(0, line)));
  request.set_body(line == std::string_view::npos ? std::string() : std::string(text.substr(line + 1)));
  const http::FormLimits limits{.fields = 20, .files = 5, .field_bytes = 1000};
  try {
    const auto form = request.form(limits);
    fuzz::expect(form.fields.size() <= limits.fields && form.files.size() <= limits.files,
                 "a form stays below its limits");
    for (const auto& [name, value] : form.fields)
      fuzz::expect(is_utf8(name) && is_utf8(value), "a field is UTF-8");
    const std::string_view body = request.body();
    for (const auto& [name, file] : form.files) {
      fuzz::expect(is_utf8(name) && is_utf8(file.filename), "a file's names are UTF-8");
      fuzz::expect(file.data.empty() || (file.data.data() >= body.data() &&
                                         file.data.data() + file.data.size() <= body.data() + body.size()),
                   "a file lies in the body");
    }
  } catch (const Error&) {
  }
  return 0;
}
