#include "app/config/config.h"

#include <gtest/gtest.h>

#include "app/config/schema.h"
#include "lib/base/error.h"
#include "lib/base/files.h"

namespace agnes::config {
namespace {

using boost::json::value;

value set(const Config& config, std::string_view name) {
  return schema().in_force(config).at(name);
}

class ConfigFiles : public testing::Test {
 protected:
  void SetUp() override {
    places_.data = folder_.path() / "data";
    places_.config = folder_.path() / "config";
    places_.state = places_.data / "state";
    fs::create_directories(places_.config);
    fs::create_directories(places_.state);
  }
  Config load(const std::string& yaml, const std::string& overlay = "") {
    replace_file(places_.config / "instance.yaml", yaml);
    replace_file(places_.state / "instance.yaml", overlay);
    return Config::load(places_);
  }
  std::string refusal(const std::string& yaml) {
    try {
      load(yaml);
      return "(accepted)";
    } catch (const Error& error) {
      return error.what();
    }
  }

  TemporaryFolder folder_{fs::temp_directory_path()};
  Places places_;
};

TEST_F(ConfigFiles, DefaultsWithoutAnyFile) {
  const auto config = Config::load(places_);
  EXPECT_EQ(set(config, "instance.name"), "AI Data Analyst");
  EXPECT_EQ(set(config, "query.timeout_seconds"), 60);
  EXPECT_EQ(config.source(), "files");
  EXPECT_EQ(set(config, "data_source.files.auto_register"), true);
  EXPECT_EQ(set(config, "server.trusted_proxies"), nullptr);
  EXPECT_TRUE(config.unbuilt().empty());
}

TEST_F(ConfigFiles, TheOverlayWinsAndTheEnvironmentWinsOverBoth) {
  const auto config =
      load("instance: {name: Base, home_route: /kept}\ndata_source: {files: {tables: {a: one, b: two}}}",
           "instance: {name: Over}\ndata_source: {files: {tables: {a: three}}}");
  EXPECT_EQ(set(config, "instance.name"), "Over");
  EXPECT_EQ(set(config, "instance.home_route"), "/kept");
  EXPECT_EQ(set(config, "data_source.files.tables"), (value{{"a", "three"}, {"b", "two"}}));
  ::setenv("AGNES_HOME_ROUTE", "/outside", 1);
  EXPECT_EQ(set(load("instance: {home_route: /file}"), "instance.home_route"), "/outside");
  ::unsetenv("AGNES_HOME_ROUTE");
}

TEST_F(ConfigFiles, VariablesAreFilledIn) {
  ::setenv("AGNES_TEST_FOLDER", "/srv/files", 1);
  EXPECT_EQ(set(load("data_source: {files: {path: '${AGNES_TEST_FOLDER}/in'}}"), "data_source.files.path"),
            "/srv/files/in");
  ::unsetenv("AGNES_TEST_FOLDER");
  const auto said = refusal("data_source: {files: {path: '${AGNES_TEST_FOLDER}/in'}}");
  EXPECT_NE(said.find("AGNES_TEST_FOLDER"), std::string::npos) << said;
  EXPECT_NE(said.find("data_source.files.path"), std::string::npos) << said;
}

TEST_F(ConfigFiles, AnUnsetVariableOfAPartThatIsOffIsOnlyAWarning) {
  const auto config = load(
      "auth: {webapp_secret_key: '${AGNES_TEST_UNSET}'}\ndata_source: {keboola: {storage_token: "
      "'${AGNES_TEST_UNSET}'}}");
  EXPECT_EQ(config.warnings().size(), 2u);
  EXPECT_NE(refusal("data_source: {type: keboola, keboola: {storage_token: '${AGNES_TEST_UNSET}'}}")
                .find("storage_token"),
            std::string::npos);
}

TEST_F(ConfigFiles, TheEnvironmentOverlayFillsWhatIsUnset) {
  replace_file(places_.state / ".env_overlay",
               "# secrets\nexport AGNES_TEST_A='one two'\nAGNES_TEST_B=\"2\"\n");
  ::unsetenv("AGNES_TEST_A");
  const auto config = load("instance: {name: '${AGNES_TEST_A}-${AGNES_TEST_B}'}");
  EXPECT_EQ(set(config, "instance.name"), "one two-2");
}

TEST_F(ConfigFiles, RefusesInOneLineThatNamesTheSetting) {
  const std::pair<const char*, const char*> table[] = {
      {"instance: [", "instance.yaml, line"},
      {"- a\n- b", "a mapping of settings is expected"},
      {"instanc: {name: x}", "there is no setting instanc"},
      {"instance: {nmae: x}", "is instance.name meant?"},
      {"instance: {name: [x]}", "instance.name must be a text"},
      {"instance: text", "instance must be a mapping"},
      {"email: {smtp_port: abc}", "email.smtp_port must be a whole number"},
      {"query: {timeout_seconds: 1.5}", "query.timeout_seconds must be a whole number"},
      {"data_source: {type: oracle}", "must be one of"},
      {"data_source: {files: {auto_register: [1]}}", "true or false"},
      {"server: {trusted_proxies: {a: 1}}", "a list of texts"},
      {"instance: {name: a}\ninstance: {name: b}", "twice"},
      {"config_version: 2", "must be one of"},
      {"theme: text", "must be a mapping"},
      {"query: {timeout_seconds: 300}",
       "query.timeout_seconds is 300 and must be a whole number from 1 to 60"},
      {"query: {max_workers: 1}", "query.max_workers is 1 and must be a whole number from 2 to 1024"},
      {"instance: {home_route: 'https://example.com'}", "a path of this server"},
      {"instance: {home_route: //example.com}", "a path of this server"},
      {"data_source: {files: {auto_register: perhaps}}", "true or false"},
  };
  for (const auto& [yaml, expected] : table) {
    const auto said = refusal(yaml);
    EXPECT_NE(said.find(expected), std::string::npos) << yaml << " -> " << said;
    EXPECT_EQ(said.find('\n'), std::string::npos) << said;
  }
}

TEST_F(ConfigFiles, OnlyWhatAnAdministratorSavedIsHeldToPublicAddresses) {
  constexpr std::string_view kPath = "data_source.keboola.stack_url";
  const std::string here = "data_source: {keboola: {stack_url: 'http://127.0.0.1:1'}}";
  const std::string other = "data_source: {keboola: {stack_url: 'http://127.0.0.1:2'}}";
  ::unsetenv("KEBOOLA_STACK_URL");
  EXPECT_FALSE(load("").must_be_public(kPath));
  EXPECT_FALSE(load(here).must_be_public(kPath));
  EXPECT_TRUE(load("", here).must_be_public(kPath));
  EXPECT_TRUE(load(here, other).must_be_public(kPath));
  EXPECT_TRUE(load(here, "data_source: {keboola: {stack_url: '${AGNES_TEST_UNSET}'}}").must_be_public(kPath));
  EXPECT_FALSE(load(here, "instance: {name: x}").must_be_public(kPath));
  // The environment wins over both files, and is the operator's, but for what was saved beside the overlay.
  ::setenv("KEBOOLA_STACK_URL", "http://127.0.0.1:3", 1);
  EXPECT_FALSE(load("", here).must_be_public(kPath));
  ::unsetenv("KEBOOLA_STACK_URL");
  replace_file(places_.state / ".env_overlay", "KEBOOLA_STACK_URL=http://127.0.0.1:4\n");
  EXPECT_TRUE(load(here).must_be_public(kPath));
  EXPECT_TRUE(Config::read(places_).must_be_public(kPath));
  ::setenv("KEBOOLA_STACK_URL", "http://127.0.0.1:5", 1);
  EXPECT_FALSE(Config::read(places_).must_be_public(kPath));
  ::unsetenv("KEBOOLA_STACK_URL");
}

}  // namespace
}  // namespace agnes::config
