#include "lib/yaml/yaml.h"

#include <charconv>

#include <yaml-cpp/yaml.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::yaml {

namespace {

constexpr int kMaxDepth = 32;
// Aliases make a short text a tree without end.
constexpr std::size_t kMaxNodes = 1'000'000;

boost::json::value scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return boost::json::value(text);  // quoted: a text whatever it looks like
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return nullptr;
  for (const char* word : {"true", "True", "TRUE", "yes", "Yes", "on", "On"})
    if (text == word) return true;
  for (const char* word : {"false", "False", "FALSE", "no", "No", "off", "Off"})
    if (text == word) return false;
  if (const auto number = parse_int(text)) return *number;
  const bool number_like = text.find_first_not_of("0123456789+-.eE") == std::string::npos;
  if (const auto number = parse_double(text); number && number_like) return *number;
  return boost::json::value(text);
}

boost::json::value convert(const YAML::Node& node, const std::string& name, int depth, std::size_t& nodes) {
  if (++nodes > kMaxNodes)
    throw Error(ErrorKind::invalid, fmt::format("{}: more than {} values", name, kMaxNodes));
  if (depth > kMaxDepth)
    throw Error(ErrorKind::invalid,
                fmt::format("{}, line {}: nested too deeply", name, node.Mark().line + 1));
  switch (node.Type()) {
    case YAML::NodeType::Scalar:
      return scalar(node);
    case YAML::NodeType::Sequence: {
      boost::json::array out;
      for (const auto& item : node) out.push_back(convert(item, name, depth + 1, nodes));
      return out;
    }
    case YAML::NodeType::Map: {
      boost::json::object out;
      for (const auto& pair : node) {
        if (!pair.first.IsScalar())
          throw Error(ErrorKind::invalid,
                      fmt::format("{}, line {}: a key must be a text", name, pair.first.Mark().line + 1));
        const auto [at, fresh] =
            out.emplace(pair.first.Scalar(), convert(pair.second, name, depth + 1, nodes));
        if (!fresh)
          throw Error(ErrorKind::invalid,
                      fmt::format("{}, line {}: {} is there twice", name, pair.first.Mark().line + 1,
                                  std::string_view(at->key())));
      }
      return out;
    }
    default:
      return nullptr;
  }
}

}  // namespace

boost::json::value parse(const std::string& text, const std::string& name) {
  try {
    const auto documents = YAML::LoadAll(text);
    if (documents.size() > 1)
      throw Error(ErrorKind::invalid,
                  fmt::format("{}: {} documents; one is expected", name, documents.size()));
    std::size_t nodes = 0;
    return documents.empty() ? boost::json::value() : convert(documents[0], name, 0, nodes);
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::invalid, fmt::format("{}, line {}: {}", name, error.mark.line + 1, error.msg));
  }
}

}  // namespace agnes::yaml
