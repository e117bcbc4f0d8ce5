#include "lib/yaml/yaml.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace agnes::yaml {
namespace {

// What parse() says of a text that it refuses; "" when it reads it.
std::string refusal(const std::string& text) {
  try {
    parse(text, "f.yaml");
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Yaml, ReadsWhatIsNestedUpToALimit) {
  EXPECT_EQ(refusal(repeated("[", 33) + repeated("]", 33)), "");
  EXPECT_EQ(refusal(repeated("{a: ", 32) + "1" + repeated("}", 32)), "");
  EXPECT_EQ(refusal("\n" + repeated("[", 34) + repeated("]", 34)), "f.yaml, line 2: nested too deeply");
  EXPECT_EQ(refusal(repeated("[", 33) + "1" + repeated("]", 33)), "f.yaml, line 1: nested too deeply");
}

// A tree is not even begun: its parser would call itself as often as the text says.
TEST(Yaml, RefusesWhatIsNestedWithoutEnd) {
  for (const char* opening :
       {"[", "{", "{a: ", "[a, ", "- ", "? ", "- - ", "[{", "[? ", "!t [", "&a [", "- ? "})
    EXPECT_EQ(refusal(repeated(opening, 100'000)), "f.yaml, line 1: nested too deeply") << opening;
  std::string block;
  for (int i = 0; i < 2000; ++i) block += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  EXPECT_EQ(refusal(block), "f.yaml, line 34: nested too deeply");
}

TEST(Yaml, OneDocument) {
  EXPECT_TRUE(parse("", "f.yaml").is_null());
  EXPECT_TRUE(parse("# nothing\n", "f.yaml").is_null());
  EXPECT_EQ(parse("--- a\n...\n# end\n", "f.yaml"), boost::json::value("a"));
  const std::string why = "this follows the document's end; several documents are not taken";
  EXPECT_EQ(refusal("a: 1\n---\nb: 2\n"), "f.yaml, line 2: " + why);
  // Of each of these yaml-cpp makes documents without end.
  EXPECT_EQ(refusal("- a\n, 'y']\n- b\n"), "f.yaml, line 2: " + why);
  for (const char* text : {",", "]", "}", "a: 1\n]", "a: 1\n}", "[1] , 2", "- 1\n, 2"})
    EXPECT_NE(refusal(text), "") << text;
}

TEST(Yaml, AliasesThatLeadAroundEnd) {
  EXPECT_EQ(refusal("a: &a [*a]\n"), "f.yaml, line 1: nested too deeply");
  std::string bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n";
  for (int i = 1; i < 9; ++i) {
    bomb += fmt::format("a{}: &a{} [", i, i);
    for (int j = 0; j < 10; ++j) bomb += fmt::format("{}*a{}", j == 0 ? "" : ", ", i - 1);
    bomb += "]\n";
  }
  EXPECT_EQ(refusal(bomb), "f.yaml: more than 1000000 values");
}

TEST(Yaml, WhatIsWrittenIsReadAsTheSame) {
  for (const char* text : {
           "{}",
           "a: {}\nb: []\n",
       }) {
    const auto tree = parse(text, "f.yaml");
    EXPECT_EQ(parse(to_text(tree.as_object()), "written"), tree) << text;
  }
  const std::string key(2000, 'k'), odd = repeated("\x13", 200);
  const boost::json::object long_keys{
      {"a", {{key, {{odd, 1}, {"b", {{key, {2, {{key, 3}, {odd, 4}}}}}}}}, {odd, "x"}, {"c", 5}}}};
  EXPECT_EQ(parse(to_text(long_keys), "written"), boost::json::value(long_keys)) << to_text(long_keys);
}

}  // namespace
}  // namespace agnes::yaml
