// YAML text as JSON, and what is written of it.
#include "lib/yaml/yaml.h"

#include <boost/json/serialize.hpp>

#include "fuzz/target.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agnes;
  const std::string text(fuzz::text_of(data, size));
  if (!is_utf8(text)) return 0;
  try {
    const auto tree = yaml::parse(text, "file.yaml");
    if (!tree.is_object()) return 0;
    std::string written;
    try {
      written = yaml::to_text(tree.get_object());
      const auto again = yaml::parse(written, "written");
      fuzz::expect(again == tree, fmt::format("a tree that is written is read as the same: {} as {}",
                                              boost::json::serialize(tree), boost::json::serialize(again)));
    } catch (const Error& error) {
      fuzz::expect(false, fmt::format("what is written can be read: {}\n{}", error.what(), written));
    }
  } catch (const Error&) {
  }
  return 0;
}
