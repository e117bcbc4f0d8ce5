#include "lib/base/json.h"

#include <gtest/gtest.h>

namespace agnes::json {
namespace {

namespace bj = boost::json;

enum class Color { red, class_ };
BOOST_DESCRIBE_ENUM(Color, red, class_)

struct Inner {
  int x;
};
BOOST_DESCRIBE_STRUCT(Inner, (), (x))

struct All {
  bool yes;
  int small;
  std::int64_t wide;
  std::uint64_t unsigned_;
  double real;
  std::string text;
  Timestamp when;
  Color color;
  Inner inner;
  std::optional<std::string> maybe;
  std::vector<Inner> list;
  std::map<std::string, int> map;
  bj::value any;
  bj::object object;
  bj::array array;
};
BOOST_DESCRIBE_STRUCT(All, (),
                      (yes, small, wide, unsigned_, real, text, when, color, inner, maybe, list, map, any,
                       object, array))

constexpr std::string_view kAll =
    R"({"yes":true,"small":-5,"wide":9007199254740993,"unsigned":18446744073709551615,
  "real":1.5,"text":"\u00e9","when":"2026-01-02T03:04:05","color":"class","inner":{"x":1},"maybe":null,
  "list":[{"x":2},{"x":3}],"map":{"a":1},"any":[1,"b",null],"object":{"k":[]},"array":[{}]})";

struct Base {
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Base, (), (id))
struct Derived : Base {
  int n = 1;
  static constexpr Rule rules[] = {{.field = "n", .key = "count", .has_default = true, .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(Derived, (Base), (n))

struct Patch {
  Field<std::string> name;
  Field<int> size;
  static constexpr Rule rules[] = {{.field = "size", .not_null = true, .ge = 0}};
};
BOOST_DESCRIBE_STRUCT(Patch, (), (name, size))

std::string no_spaces(std::string_view text) {
  return text.find(' ') == text.npos ? "" : "No spaces please";
}
struct Ruled {
  std::string word;
  std::vector<std::string> tags;
  std::map<std::string, int> map;
  std::optional<double> share;
  static constexpr Rule rules[] = {
      {.field = "word", .min_length = 2, .max_length = 3, .check = no_spaces},
      {.field = "tags", .has_default = true, .min_length = 1, .max_length = 2, .one_of = {"a", "b"}},
      {.field = "map", .has_default = true, .max_length = 1},
      {.field = "share", .ge = 0, .le = 0.5},
  };
};
BOOST_DESCRIBE_STRUCT(Ruled, (), (word, tags, map, share))

struct Tree {
  int value;
  std::vector<Tree> children;
};
BOOST_DESCRIBE_STRUCT(Tree, (), (value, children))

template <class T>
std::string problems(std::string_view text) {
  try {
    from_json<T>(bj::parse(text));
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::invalid);
    std::string out;
    for (const auto& problem : error.detail().as_array()) {
      out += out.empty() ? "" : " ";
      out += std::string(problem.at("type").as_string()) + bj::serialize(problem.at("loc"));
    }
    return out;
  }
  return "";
}

TEST(Json, GoesThereAndBack) {
  const All all = from_json<All>(parse(kAll));
  EXPECT_EQ(all.wide, 9007199254740993);
  EXPECT_EQ(all.unsigned_, 18446744073709551615u);
  EXPECT_EQ(all.text, "\xc3\xa9");
  EXPECT_EQ(all.color, Color::class_);
  EXPECT_EQ(all.list[1].x, 3);
  EXPECT_EQ(to_json(all), parse(kAll));
}

TEST(Json, NamesEveryMissingField) {
  EXPECT_EQ(
      problems<All>(R"({"yes":1,"map":{"a":"x"},"list":[{}],"inner":[]})"),
      R"(bool_type["body","yes"] missing["body","small"] missing["body","wide"] missing["body","unsigned"] )"
      R"(missing["body","real"] missing["body","text"] missing["body","when"] missing["body","color"] )"
      R"(model_attributes_type["body","inner"] missing["body","list",0,"x"] int_parsing["body","map","a"] )"
      R"(missing["body","any"] missing["body","object"] missing["body","array"])");
}

TEST(Json, ReadsNumbersAsTheContractDoes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"1", ""},
      {"1.0", ""},
      {"\"12\"", ""},
      {"\" -7 \"", ""},
      {"\"+7\"", ""},
      {"2147483647", ""},
      {"2147483648", "int_parsing_size"},
      {"-2147483649", "int_parsing_size"},
      {"1e300", "int_parsing_size"},
      {"18446744073709551615", "int_parsing_size"},
      {"1.5", "int_from_float"},
      {"\"1.5\"", "int_parsing"},
      {"\"\"", "int_parsing"},
      {"\"+-7\"", "int_parsing"},
      {"true", "int_type"},
      {"null", "int_type"},
      {"[]", "int_type"},
  };
  for (const auto& [input, expected] : cases)
    EXPECT_EQ(problems<Inner>("{\"x\":" + std::string(input) + "}"),
              expected.empty() ? "" : std::string(expected) + R"(["body","x"])")
        << input;
}

TEST(Json, KnowsLeftOutFromNull) {
  const Patch none = from_json<Patch>(parse("{}"));
  EXPECT_TRUE(none.name.omitted());
  EXPECT_EQ(none.name.over("old"), "old");
  const Patch null = from_json<Patch>(parse(R"({"name":null})"));
  EXPECT_TRUE(null.name.is_null());
  EXPECT_EQ(null.name.over("old"), std::nullopt);
  const Patch given = from_json<Patch>(parse(R"({"name":"new","size":"3"})"));
  EXPECT_EQ(*given.name, "new");
  EXPECT_EQ(given.name.over("old"), "new");
  EXPECT_EQ(*given.size, 3);
  EXPECT_EQ(problems<Patch>(R"({"size":null})"), R"(int_type["body","size"])");
  EXPECT_EQ(problems<Patch>(R"({"size":-1})"), R"(greater_than_equal["body","size"])");
  EXPECT_EQ(to_text(none), "{}");
  EXPECT_EQ(to_text(null), R"({"name":null})");
}

TEST(Json, HoldsToTheRules) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {R"({"word":"ab"})", ""},
      {"{\"word\":\"\xc3\xa9\xc3\xa9\xc3\xa9\"}", ""},
      {R"({"word":"a"})", R"(string_too_short["body","word"])"},
      {R"({"word":"abcd"})", R"(string_too_long["body","word"])"},
      {R"({"word":"a b"})", R"(value_error["body","word"])"},
      {R"({"word":"ab","tags":[]})", R"(too_short["body","tags"])"},
      {R"({"word":"ab","tags":["a","a","b"]})", R"(too_long["body","tags"])"},
      {R"({"word":"ab","tags":["a","c"]})", R"(literal_error["body","tags",1])"},
      {R"({"word":"ab","tags":null})", R"(list_type["body","tags"])"},
      {R"({"word":"ab","map":{"a":1,"b":2}})", R"(too_long["body","map"])"},
      {R"({"word":"ab","share":"0.51"})", R"(less_than_equal["body","share"])"},
      {R"({"word":"ab","share":-0.1})", R"(greater_than_equal["body","share"])"},
      {R"({"word":"ab","share":null})", ""},
      {R"({"word":"ab","share":"nan"})", R"(float_parsing["body","share"])"},
      {R"({"word":"ab","share":{}})", R"(float_type["body","share"])"},
  };
  for (const auto& [input, expected] : cases) EXPECT_EQ(problems<Ruled>(input), expected) << input;
}

TEST(Json, ReadsInheritedMembersAndOtherKeys) {
  const auto derived = from_json<Derived>(parse(R"({"id":"a","count":7,"n":8})"));
  EXPECT_EQ(derived.id, "a");
  EXPECT_EQ(derived.n, 7);
  EXPECT_EQ(to_text(derived), R"({"id":"a","count":7})");
}

TEST(Json, WritesNothingThatIsNoJson) {
  EXPECT_EQ(to_text(std::vector<double>{1.5, std::nan(""), HUGE_VAL}), "[1.5E0,null,null]");
  EXPECT_EQ(to_text(std::optional<int>()), "null");
}

TEST(Json, ParsesStrictly) {
  for (std::string_view bad :
       {"", " ", "{", "[1,]", "{\"a\":1,}", "'a'", "01", "1 2", "nul", "\"\\x\"", "\"\xff\"",
        "\"\xed\xa0\x80\"", "\"\x01\"", "// c\n1", "Infinity", "\xef\xbb\xbf{}", "1e999999999999"})
    EXPECT_THROW(parse(bad), Error) << bad;
  EXPECT_THROW(parse(std::string(65, '[') + std::string(65, ']')), Error);
  EXPECT_NO_THROW(parse(std::string(60, '[') + std::string(60, ']')));
  EXPECT_EQ(parse(" {\"a\":1,\"a\":2} \n"), (bj::value{{"a", 2}}));
  try {
    parse("{not json", {"body"});
    FAIL();
  } catch (const Error& error) {
    const auto& problem = error.detail().as_array().at(0);
    EXPECT_EQ(problem.at("type"), bj::value("json_invalid"));
    EXPECT_EQ(problem.at("loc"), (bj::value{"body", 1}));
    EXPECT_TRUE(problem.at("ctx").as_object().contains("error"));
  }
}

TEST(Json, SaysInOneLineWhatIsWrong) {
  try {
    from_json<Tree>(parse(R"({"children":[{"value":1,"children":[{"children":[]}]}]})"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "value: Field required (and 1 more)");
  }
}

TEST(Json, WhatIsWrongStaysSmall) {
  const auto problems = [](const bj::value& value) {
    try {
      from_json<std::vector<Inner>>(value);
    } catch (const Error& error) {
      return error.detail().as_array();
    }
    return bj::array();
  };
  EXPECT_EQ(problems(bj::array(100'000, bj::value(1))).size(), 100u);
  EXPECT_EQ(problems({bj::object{{"y", std::string(1000, 'x')}}})[0].at("input").at("y").as_string().size(),
            1000u);
  EXPECT_TRUE(problems({bj::object{{"y", std::string(5000, 'x')}}})[0].at("input").is_null());
  EXPECT_TRUE(problems({bj::object{{std::string(5000, 'x'), 1}}})[0].at("input").is_null());
  EXPECT_TRUE(problems({bj::object{{"y", bj::array(5000, bj::value(1))}}})[0].at("input").is_null());
}

TEST(Json, DescribesTypes) {
  Components components;
  EXPECT_EQ(schema<std::vector<Tree>>(components),
            parse(R"({"type":"array","items":{"$ref":"#/components/schemas/json.Tree"}})"));
  EXPECT_EQ(components.schemas().at("json.Tree"),
            parse(R"({"type":"object","properties":{"value":{"type":"integer"},"children":{"type":"array",
                      "items":{"$ref":"#/components/schemas/json.Tree"}}},"required":["value","children"]})"));
  EXPECT_EQ(
      detail::make_struct_schema<Ruled>(components).at("properties").at("tags"),
      parse(
          R"({"type":"array","items":{"type":"string","enum":["a","b"]},"minItems":1,"maxItems":2,"default":[]})"));
  EXPECT_EQ(
      detail::make_struct_schema<Patch>(components).at("properties"),
      parse(
          R"({"name":{"anyOf":[{"type":"string"},{"type":"null"}]},"size":{"type":"integer","minimum":0}})"));
}

struct Sparse {
  std::optional<int> number;
  bj::value any;
  Field<int> field;
  static constexpr Rule rules[] = {{.field = "*", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(Sparse, (), (number, any, field))

TEST(Json, TextIsWhatTheValueSays) {
  const auto same = [](const auto& item) {
    EXPECT_EQ(parse(to_text(item)), to_json(item)) << to_text(item);
    const std::vector several{item, item};
    EXPECT_EQ(parse(to_text(several)), to_json(several));
  };
  auto all = from_json<All>(parse(kAll));
  same(all);
  all.small = std::numeric_limits<int>::min();
  all.real = -1.25e-7;
  all.text = std::string("a\"\\/\b\n\x1f\0\x7f\u017e", 11);
  all.maybe = "";
  all.map = {{"k\"", 1}, {"", 2}};
  all.list.clear();
  same(all);
  all.real = std::numeric_limits<double>::infinity();
  same(all);
  same(Derived{});
  same(Tree{1, {Tree{2, {}}}});
  for (const auto& field : {Field<int>(), Field<int>(7), Field<int>::null()}) {
    same(Patch{.name = {}, .size = field});
    same(Sparse{.number = {}, .any = {}, .field = field});
  }
  same(Sparse{.number = 1, .any = true, .field = {}});
  std::string out = "before ";
  append_text(out, std::string("a\"\\\n\x1f\0z", 7));
  EXPECT_EQ(out, "before \"a\\\"\\\\\\n\\u001f\\u0000z\"");
}

}  // namespace
}  // namespace agnes::json
