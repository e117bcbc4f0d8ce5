#include "app/config/schema.h"

#include <gtest/gtest.h>

#include "app/public_address.h"
#include "lib/base/error.h"
#include "lib/base/files.h"

namespace agnes::config {
namespace {

struct LampSettings {
  static constexpr std::string_view kSection = "lamp";
  std::int64_t watts = 40;
  std::chrono::seconds delay{5};
  std::optional<int> dim;
  double price = 1.5;
  bool on = true;
  std::string colour = "white", name;
  std::vector<std::string> rooms{"hall"};
  std::string token;
  static constexpr Rule kRules[] = {
      {.member = "watts", .variable = "LAMP_WATTS", .ge = 1, .le = 100, .help = "h"},
      {.member = "delay", .key = "lamp.times.delay", .ge = 0, .help = "h"},
      {.member = "dim", .help = "h"},
      {.member = "price", .ge = 0, .help = "h"},
      {.member = "on", .help = "h"},
      {.member = "colour", .one_of = {"white", "red"}, .help = "h"},
      {.member = "name", .same_as = "lamp.colour", .help = "h"},
      {.member = "rooms", .help = "h"},
      {.member = "token", .variable = "LAMP_TOKEN", .variable_only = true, .secret = true, .help = "h"},
  };
};
BOOST_DESCRIBE_STRUCT(LampSettings, (), (watts, delay, dim, price, on, colour, name, rooms, token))

struct NoRule {
  int a = 1;
  static constexpr Rule kRules[] = {{.member = "b", .variable = "B", .help = "h"}};
};
BOOST_DESCRIBE_STRUCT(NoRule, (), (a))

struct LightSettings {
  static constexpr std::string_view kSection = "data_source.light";
  std::int64_t most = 7;
  std::string token, token_env;
  static constexpr Rule kRules[] = {
      {.member = "most", .shown = true, .help = "h"},
      {.member = "token", .variable = "LIGHT_TOKEN", .named_by = "data_source.light.token_env", .help = "h"},
      {.member = "token_env", .help = "h"},
  };
};
BOOST_DESCRIBE_STRUCT(LightSettings, (), (most, token, token_env))

class SchemaOfStructs : public testing::Test {
 protected:
  void SetUp() override {
    Schema schema;
    schema.module("lights");
    schema.add<LampSettings>();
    use(std::move(schema));
  }
  void TearDown() override { use({}); }
  LampSettings lamp(const std::string& yaml) {
    replace_file(folder_.path() / "instance.yaml", yaml);
    return Config::read({folder_.path() / "data", folder_.path(), folder_.path() / "state"})
        .get<LampSettings>();
  }
  std::string refusal(const std::string& yaml) {
    try {
      lamp(yaml);
      return "(accepted)";
    } catch (const Error& error) {
      return error.what();
    }
  }
  TemporaryFolder folder_{std::filesystem::temp_directory_path()};
};

TEST_F(SchemaOfStructs, ASettingIsAMember) {
  const auto* watts = find_setting("lamp.watts");
  ASSERT_NE(watts, nullptr);
  EXPECT_EQ(watts->kind, SettingKind::integer);
  EXPECT_EQ(watts->fallback, 40);
  EXPECT_EQ(watts->module, "lights");
  EXPECT_EQ(find_setting("lamp.times.delay")->fallback, 5);
  EXPECT_EQ(find_setting("lamp.dim")->fallback, nullptr);
  EXPECT_EQ(find_setting("lamp.dim")->le, 2147483647.0) << "what the member can hold";
  EXPECT_EQ(find_setting("lamp.token"), nullptr);
  EXPECT_TRUE(find_variable("LAMP_TOKEN")->secret);
}

TEST_F(SchemaOfStructs, WhatIsSetElseTheDefault) {
  const auto given =
      lamp("lamp: {watts: 7, dim: 3, price: 2, on: 'off', colour: RED, rooms: [a, b], times: {delay: 9}}");
  EXPECT_EQ(given.watts, 7);
  EXPECT_EQ(given.delay, std::chrono::seconds(9));
  EXPECT_EQ(given.dim, 3);
  EXPECT_EQ(given.price, 2);
  EXPECT_FALSE(given.on);
  EXPECT_EQ(given.colour, "red");
  EXPECT_EQ(given.name, "red") << "same as the colour";
  EXPECT_EQ(given.rooms, (std::vector<std::string>{"a", "b"}));
  const auto none = lamp("lamp: {watts: null, on: '', rooms: null}");
  EXPECT_EQ(none.watts, 40);
  EXPECT_EQ(none.dim, std::nullopt);
  EXPECT_TRUE(none.on);
  EXPECT_EQ(none.name, "") << "nothing is set that it could be the same as";
  EXPECT_EQ(none.rooms, std::vector<std::string>{"hall"});
}

TEST_F(SchemaOfStructs, TheEnvironmentWins) {
  ::setenv("LAMP_WATTS", "9", 1);
  ::setenv("LAMP_TOKEN", "t", 1);
  EXPECT_EQ(lamp("lamp: {watts: 7}").watts, 9);
  EXPECT_EQ(lamp("").token, "t");
  ::setenv("LAMP_WATTS", "101", 1);
  EXPECT_EQ(
      refusal(""),
      "the environment variable LAMP_WATTS (lamp.watts) is \"101\" and must be a whole number from 1 to 100");
  ::unsetenv("LAMP_WATTS");
  ::unsetenv("LAMP_TOKEN");
}

TEST_F(SchemaOfStructs, RefusesWithSettingValueAndRange) {
  EXPECT_NE(refusal("lamp: {watts: 0}").find("lamp.watts is 0 and must be a whole number from 1 to 100"),
            std::string::npos);
  EXPECT_NE(refusal("lamp: {colour: blue}").find("one of: white, red"), std::string::npos);
  EXPECT_NE(refusal("lamp: {dim: 3000000000}").find("lamp.dim"), std::string::npos);
  EXPECT_NE(refusal("lamp: {token: t}").find("no setting lamp.token"), std::string::npos);
}

TEST_F(SchemaOfStructs, FaultsOfOursAreFoundAtOnce) {
  Schema schema;
  EXPECT_THROW(schema.add<NoRule>(), std::logic_error);
  schema.add<LampSettings>();
  EXPECT_THROW(schema.add<LampSettings>(), std::logic_error);
  use({});
  replace_file(folder_.path() / "instance.yaml", "");
  EXPECT_THROW(lamp(""), std::logic_error) << "nobody has declared it";
}

struct TypeSettings {
  std::string type = "local";
  static constexpr Rule kRules[] = {
      {.member = "type", .key = "data_source.type", .one_of = {"local"}, .help = "h"}};
};
BOOST_DESCRIBE_STRUCT(TypeSettings, (), (type))

TEST_F(SchemaOfStructs, ASourceBringsItsTypeAndItsSettings) {
  Schema schema;
  schema.add<TypeSettings>();
  schema.add<LightSettings>();
  schema.add_source("light", "A lamp");
  schema.add_unbuilt({.path = "data_source.light.old", .kind = SettingKind::text, .help = "h"});
  use(std::move(schema));
  EXPECT_EQ(find_setting("data_source.type")->one_of, (std::vector<std::string_view>{"local", "light"}));
  EXPECT_EQ(group_help("data_source.light"), "A lamp");
  replace_file(folder_.path() / "instance.yaml",
               "data_source: {type: light, light: {token: t, token_env: NAMED_TOKEN, old: x}}");
  const Places places{folder_.path() / "data", folder_.path(), folder_.path() / "state"};
  EXPECT_EQ(Config::read(places).unbuilt(), std::vector<std::string>{"data_source.light.old"});
  EXPECT_EQ(Config::read(places).source(), "light");
  ::setenv("LIGHT_TOKEN", "its own", 1);
  EXPECT_EQ(Config::read(places).get<LightSettings>().token, "its own");
  ::setenv("NAMED_TOKEN", "named", 1);
  EXPECT_EQ(Config::read(places).get<LightSettings>().token, "named");
  ::unsetenv("LIGHT_TOKEN");
  ::unsetenv("NAMED_TOKEN");
}

TEST(PublicAddress, OneForAll) {
  using app::PublicAddress;
  EXPECT_FALSE(PublicAddress(app::AddressSettings{}).known());
  EXPECT_EQ(PublicAddress(app::AddressSettings{.hostname = "a.example.com", .url = {}}).url(),
            "https://a.example.com");
  EXPECT_EQ(
      PublicAddress(app::AddressSettings{.hostname = "a.example.com", .url = "http://b.example.com/x//"})
          .url(),
      "http://b.example.com/x");
  EXPECT_THROW(PublicAddress(app::AddressSettings{.hostname = {}, .url = "b.example.com"}), Error);
}

}  // namespace
}  // namespace agnes::config
