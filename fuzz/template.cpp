// Templates that people write, filled in with values of each kind.
#include "lib/templates/template.h"

#include <boost/json/parse.hpp>

#include "fuzz/target.h"
#include "lib/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agnes;
  static const boost::json::object kValues = boost::json::parse(R"({
    "user": {"name": "Ana", "groups": ["a", "b"], "is_admin": true}, "n": 3, "half": 0.5, "nobody": null,
    "tables": [{"name": "orders", "owner": {"name": "Ana"}}, {"name": "costs", "owner": {"name": ""}}], "none": []})")
                                                 .as_object();
  const templates::Limits limits{.output = 10'000, .steps = 20'000};
  try {
    const auto parsed = templates::Template::parse(fuzz::text_of(data, size));
    const std::string text = parsed.render(kValues, limits);
    fuzz::expect(text.size() <= limits.output, "the text is bounded");
    fuzz::expect(text == parsed.render(kValues, limits), "it is the same each time");
  } catch (const Error& error) {
    const std::string_view said = error.what();
    fuzz::expect(said.starts_with("line ") && said.find('\n') == said.npos,
                 "an error is one line and names its line");
  }
  return 0;
}
