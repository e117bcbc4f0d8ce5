#include "lib/yaml/yaml.h"

#include <sstream>
#include <utility>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::yaml {

namespace {

constexpr int kMaxDepth = 32;
// Aliases make a short text a tree without end.
constexpr std::size_t kMaxNodes = 1'000'000;

Error too_deep(const std::string& name, const YAML::Mark& mark) {
  return {ErrorKind::invalid, fmt::format("{}, line {}: nested too deeply", name, mark.line + 1)};
}

// Looks at a text, which may come from anybody, before a tree is made of it. The parser calls itself for what
// lies in each other; and from a sign where none belongs it makes empty documents without end.
class Check : public YAML::EventHandler {
 public:
  explicit Check(const std::string& name) : name_(name) {}

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnSequenceEnd() override { --depth_; }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    enter(mark);
  }
  void OnMapEnd() override { --depth_; }
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (std::exchange(begun_, true))
      throw Error(ErrorKind::invalid,
                  fmt::format("{}, line {}: this follows the document's end; several documents are not taken",
                              name_, mark.line + 1));
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}

 private:
  void enter(const YAML::Mark& mark) {
    if (depth_++ > kMaxDepth) throw too_deep(name_, mark);
  }
  const std::string& name_;
  int depth_ = 0;
  bool begun_ = false;
};

void check(const std::string& text, const std::string& name) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  Check events(name);
  while (parser.HandleNextDocument(events)) continue;
}

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
  if (depth > kMaxDepth) throw too_deep(name, node.Mark());  // by aliases, which may lead around
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
        const auto [at, is_new] =
            out.emplace(pair.first.Scalar(), convert(pair.second, name, depth + 1, nodes));
        if (!is_new)
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
    check(text, name);
    std::size_t nodes = 0;
    return convert(YAML::Load(text), name, 0, nodes);
  } catch (const YAML::Exception& error) {
    throw Error(ErrorKind::invalid, fmt::format("{}, line {}: {}", name, error.mark.line + 1, error.msg));
  }
}

}  // namespace agnes::yaml
