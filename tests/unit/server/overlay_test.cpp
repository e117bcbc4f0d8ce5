#include "app/config/overlay.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "app/config/check.h"
#include "app/config/form.h"
#include "app/config/masks.h"
#include "app/config/schema.h"
#include "lib/base/error.h"
#include "lib/base/files.h"

namespace agnes::config {
namespace {

using boost::json::object;
using boost::json::value;

class OverlayFiles : public testing::Test {
 protected:
  void SetUp() override {
    places_.data = folder_.path() / "data";
    places_.config = folder_.path() / "config";
    places_.state = places_.data / "state";
    fs::create_directories(places_.config);
    fs::create_directories(places_.state);
  }
  void base(const std::string& yaml) { replace_file(places_.config / "instance.yaml", yaml); }
  void overlay(const std::string& yaml) { replace_file(places_.state / "instance.yaml", yaml); }
  std::string overlay_text() const { return read_file(places_.state / "instance.yaml").value_or(""); }
  std::string secrets_text() const { return read_file(places_.state / ".env_overlay").value_or(""); }
  Overlay::SaveResult save(const value& sections) { return Overlay(places_).save(sections.as_object()); }
  std::string refusal(const value& sections) {
    try {
      save(sections);
      return "(accepted)";
    } catch (const Error& error) {
      return error.what();
    }
  }
  object shown(const char* section) { return shown_sections(Overlay(places_)).at(section).as_object(); }

  TemporaryFolder folder_{fs::temp_directory_path()};
  Places places_;
};

TEST_F(OverlayFiles, HoldsOnlyWhatWasChangedAndMergesDeep) {
  base("instance: {name: Base, subtitle: Kept}\ntheme: {primary: '#fff'}\n");
  EXPECT_EQ(save({{"instance", {{"name", "Over"}}}}).diff.size(), 1u);
  EXPECT_EQ(save({{"instance", {{"name", "Over"}}}}).diff.size(), 0u);
  EXPECT_EQ(overlay_text(), "instance:\n  name: Over\n");
  EXPECT_EQ(shown("instance"), (object{{"name", "Over"}, {"subtitle", "Kept"}}));
  save({{"theme", {{"radius", "6px"}}}});
  EXPECT_EQ(shown("theme"), (object{{"primary", "#fff"}, {"radius", "6px"}}));
}

TEST_F(OverlayFiles, KeepsWhatItDoesNotKnow) {
  overlay(
      "instance: {name: Old, from_another_version: {deep: [1, null]}}\nlater: {a: '1', b: 1.0, c: 'yes', d: "
      "\"x\\ny\"}\n");
  save({{"instance", {{"name", "New"}}}});
  const auto now = yaml::parse(overlay_text(), "overlay");
  EXPECT_EQ(now.at("instance").at("from_another_version"), (value{{"deep", {1, nullptr}}}));
  EXPECT_EQ(now.at("later"), (value{{"a", "1"}, {"b", 1.0}, {"c", "yes"}, {"d", "x\ny"}}));
  const auto config = Config::load(places_);
  EXPECT_EQ(schema().in_force(config).at("instance.name"), "New");
  EXPECT_EQ(config.warnings().size(), 2u);
}

TEST_F(OverlayFiles, ACorruptOverlayIsRefusedAndLeftAsItIs) {
  for (const char* text : {"instance: [", "- a\n- b\n", "a: 1\n\tb: 2\n", "a: {}\na: {}\n"}) {
    overlay(text);
    const auto said = refusal({{"instance", {{"name", "New"}}}});
    EXPECT_NE(said.find("instance.yaml in the folder state"), std::string::npos) << said;
    EXPECT_EQ(overlay_text(), text);
    EXPECT_EQ(secrets_text(), "");
  }
}

TEST_F(OverlayFiles, SecretsGoToAFileOfTheirOwn) {
  save({{"email", {{"smtp_password", "hunter2"}, {"smtp_host", "mail"}}}, {"ai", {{"api_key", "sk-1"}}}});
  EXPECT_EQ(overlay_text(),
            "email:\n  smtp_password: \"${SMTP_PASSWORD}\"\n  smtp_host: mail\nai:\n  api_key: "
            "\"${AGNES_SECRET_AI_API_KEY}\"\n");
  EXPECT_EQ(secrets_text(), "AGNES_SECRET_AI_API_KEY=sk-1\nSMTP_PASSWORD=hunter2\n");
  for (const char* name : {"instance.yaml", ".env_overlay"}) {
    struct stat found {};
    ASSERT_EQ(::stat((places_.state / name).c_str(), &found), 0);
    EXPECT_EQ(found.st_mode & 0777, 0600u) << name;
  }
  EXPECT_EQ(shown("email"), (object{{"smtp_password", "***"}, {"smtp_host", "mail"}}));
  // Masked is unchanged, another one is another one, an empty one is none.
  EXPECT_EQ(save({{"ai", {{"api_key", "***"}}}}).diff.size(), 0u);
  const auto saved = save({{"ai", {{"api_key", "sk-2"}}}});
  ASSERT_EQ(saved.diff.size(), 1u);
  EXPECT_EQ(saved.diff[0], (value{{"path", "ai.api_key"}, {"before", "***"}, {"after", "***"}}));
  EXPECT_EQ(secrets_text(), "SMTP_PASSWORD=hunter2\nAGNES_SECRET_AI_API_KEY_2=sk-2\n");
  EXPECT_EQ(save({{"email", {{"smtp_password", ""}}}}).diff.size(), 1u);
  EXPECT_EQ(secrets_text(), "AGNES_SECRET_AI_API_KEY_2=sk-2\n");
  EXPECT_EQ(shown("email").at("smtp_password"), "<empty>");
  Config::load(places_);
  EXPECT_EQ(outside("AGNES_SECRET_AI_API_KEY_2"), "sk-2");
  ::unsetenv("AGNES_SECRET_AI_API_KEY_2");
}

TEST_F(OverlayFiles, MaskedSecretsInListsStay) {
  save({{"jira", {{"sites", {{{"name", "a"}, {"token", "ta"}}, {{"name", "b"}, {"token", "tb"}}}}}}});
  const auto token_of = [&](const char* name) -> std::string {
    const auto secrets = SecretFile(places_.state).read();
    const auto written = Overlay(places_).written();
    for (const auto& site : written.at("jira").at("sites").as_array())
      if (site.at("name") == name) {
        const std::string reference(site.at("token").as_string());
        return secrets.at(reference.substr(2, reference.size() - 3));
      }
    return "";
  };
  EXPECT_EQ(token_of("b"), "tb");
  // Turned round, one renamed in its place, one added, one left out.
  const auto sites = [&](value list) { return save({{"jira", {{"sites", std::move(list)}}}}); };
  sites({{{"name", "b"}, {"token", "***"}}, {{"name", "a"}, {"token", "***"}}});
  EXPECT_EQ(token_of("a") + token_of("b"), "tatb");
  sites({{{"name", "b"}, {"token", "***"}}, {{"name", "renamed"}, {"token", "***"}}});
  EXPECT_EQ(token_of("renamed") + token_of("b"), "tatb");
  sites({{{"name", "b"}, {"token", "***"}},
         {{"name", "renamed"}, {"token", "***"}},
         {{"name", "c"}, {"token", "tc"}}});
  EXPECT_EQ(token_of("renamed") + token_of("b") + token_of("c"), "tatbtc");
  EXPECT_EQ(sites({{{"name", "c"}, {"token", "***"}}}).diff.size(), 1u);
  EXPECT_EQ(token_of("c"), "tc");
  EXPECT_EQ(SecretFile(places_.state).read().size(), 1u);
  const auto said = refusal(
      {{"jira", {{"sites", {{{"name", "c"}, {"token", "***"}}, {{"name", "new"}, {"token", "***"}}}}}}});
  EXPECT_NE(said.find("jira.sites[1].token is masked"), std::string::npos) << said;
}

TEST_F(OverlayFiles, EachWrongFieldIsNamed) {
  const std::pair<value, const char*> table[] = {
      {{{"instance", {{"bogus", 1}}}}, "instance.bogus is not a setting"},
      {{{"instance", {{"nmae", "x"}}}}, "is instance.name meant?"},
      {{{"instance", {{"name", 5}}}}, "instance.name must be a text"},
      {{{"instance", {{"name", {{"a", 1}}}}}}, "instance.name must be a text"},
      {{{"email", {{"smtp_port", "587"}}}}, "email.smtp_port must be a whole number from 1 to 65535"},
      {{{"email", {{"smtp_port", 0}}}}, "email.smtp_port must be"},
      {{{"email", {{"smtp_port", 1.5}}}}, "email.smtp_port must be"},
      {{{"materialize", {{"lock_ttl_seconds", true}}}}, "from 60 to 604800"},
      {{{"materialize", {{"lock_ttl_seconds", 1e300}}}}, "from 60 to 604800"},
      {{{"openmetadata", {{"verify_ssl", "yes"}}}}, "openmetadata.verify_ssl must be true or false"},
      {{{"ai", {{"structured_output", "loose"}}}}, "one of: strict, json, auto"},
      {{{"ai", {{"base_url", "ftp://x"}}}}, "ai.base_url must be an http or https address"},
      {{{"ai", {{"base_url", "http://u:p@x"}}}}, "user name or password"},
      {{{"data_source", {{"type", "oracle"}}}}, "data_source.type must be one of"},
      {{{"data_source", {{"keboola", "disabled"}}}}, "data_source.keboola must be a mapping"},
      {{{"data_source", {{"keboola", {{"stack_url", 5}}}}}}, "data_source.keboola.stack_url must be"},
      {{{"data_source", {{"files", {{"exclude", {1}}}}}}}, "a list of texts"},
      {{{"server", {{"trusted_proxies", {{"a", 1}}}}}}, "a list of texts"},
      {{{"corporate_memory", {{"confidence", {{"base", {{"a", "high"}}}}}}}}, "a mapping of numbers"},
      {{{"corporate_memory", {{"domain_owners", {{"a", "b"}}}}}}, "a mapping of lists"},
      {{{"instance", {{"name", "${JWT_SECRET_KEY}"}}}}, "must not show the secret JWT_SECRET_KEY"},
      {{{"email", {{"smtp_password", "two\nlines"}}}}, "one line without control characters"},
  };
  for (const auto& [sections, expected] : table) {
    const auto said = refusal(sections);
    EXPECT_NE(said.find(expected), std::string::npos) << boost::json::serialize(sections) << " -> " << said;
    EXPECT_EQ(overlay_text() + secrets_text(), "");
  }
  const auto both = refusal({{"instance", {{"name", 5}, {"bogus", 1}}}});
  EXPECT_NE(both.find("instance.name"), std::string::npos);
  EXPECT_NE(both.find("instance.bogus"), std::string::npos);
}

TEST_F(OverlayFiles, NothingIsSavedWithWhichTheServerCouldNotStart) {
  const auto said = refusal(
      {{"data_source", {{"type", "keboola"}, {"keboola", {{"storage_token", "${AGNES_TEST_UNSET}"}}}}}});
  EXPECT_NE(said.find("AGNES_TEST_UNSET"), std::string::npos) << said;
  EXPECT_EQ(overlay_text(), "");
}

TEST_F(OverlayFiles, SaysWhatTheEnvironmentOverrides) {
  ::setenv("SMTP_HOST", "outside", 1);
  EXPECT_EQ(save({{"email", {{"smtp_host", "mine"}, {"smtp_port", 25}}}}).overridden,
            std::vector<std::string>{"email.smtp_host (SMTP_HOST)"});
  ::unsetenv("SMTP_HOST");
  EXPECT_TRUE(save({{"email", {{"smtp_host", "mine"}}}}).overridden.empty());
}

TEST_F(OverlayFiles, AVariableKeptFromBeforeDoesNotHideWhatIsSaved) {
  replace_file(places_.state / ".env_overlay",
               "# kept\nKEBOOLA_STACK_URL=https://old.example.com\nOTHER=1\n");
  save({{"data_source", {{"keboola", {{"stack_url", ""}}}}}});
  EXPECT_EQ(secrets_text(), "# kept\nOTHER=1\n");
}

TEST_F(OverlayFiles, TellsWhetherAStartIsDue) {
  Overlay overlay(places_);
  EXPECT_FALSE(overlay.restart_pending());
  overlay.save({{"email", {{"smtp_password", "a"}}}});
  EXPECT_TRUE(overlay.restart_pending());
  EXPECT_FALSE(Overlay(places_).restart_pending());
}

TEST_F(OverlayFiles, AKillAtAnyMomentLeavesOneOfTheTwo) {
  const auto sections = [](const std::string& name) {
    return object{{"instance", {{"name", name}, {"subtitle", std::string(20'000, name[0])}}},
                  {"ai", {{"api_key", name}}}};
  };
  for (int round = 0; round < 20; ++round) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = ::fork();
    if (child == 0) {
      Overlay overlay(places_);
      for (int i = 0;; ++i) {
        overlay.save(sections(i % 2 == 0 ? "even" : "odd"));
        if (::write(ends[1], "x", 1) != 1) ::_exit(1);
      }
    }
    char done = 0;
    for (int i = 0; i <= round % 3; ++i) ASSERT_EQ(::read(ends[0], &done, 1), 1);
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    ::close(ends[0]);
    ::close(ends[1]);
    // In a process of its own: loading puts the secrets into the environment.
    const pid_t reader = ::fork();
    if (reader == 0) {
      const auto config = Config::load(places_);
      const std::string name(schema().in_force(config).at("instance.name").as_string());
      const auto written = Overlay(places_).written();
      const auto key = reference(written.at("ai").at("api_key"));
      const bool whole = (name == "even" || name == "odd") && key && outside(*key) == name &&
                         written.at("instance").at("subtitle").as_string() == std::string(20'000, name[0]) &&
                         config.warnings().empty();
      ::_exit(whole ? 0 : 1);
    }
    ::waitpid(reader, &status, 0);
    EXPECT_EQ(status, 0) << overlay_text().substr(0, 200) << secrets_text();
  }
}

TEST(Masks, WhatIsASecret) {
  for (const char* path :
       {"email.smtp_password", "ai.api_key", "jira.x.API_KEY", "jira.clientSecret", "theme.token"})
    EXPECT_TRUE(is_secret(path, value("x"))) << path;
  for (const char* path : {"email.smtp_user", "data_source.keboola.token_env", "jira.domain"})
    EXPECT_FALSE(is_secret(path, value("x"))) << path;
  EXPECT_FALSE(is_secret("ai.max_tokens", value(100)));
  EXPECT_TRUE(is_secret("ai.secret_number", value(5)));
  EXPECT_EQ(masked(value{{"api_key.prod", "k"}, {"tokens", {"a", "b"}}, {"use_token", true}}, "ai"),
            (value{{"api_key.prod", "***"}, {"tokens", "***"}, {"use_token", true}}));
}

TEST(Yaml, WhatIsWrittenIsReadBack) {
  const object tree{{"plain", "text-1_a.b/c@d"},
                    {"yes", "no"},
                    {"y", "null"},
                    {"empty", ""},
                    {"number", "5"},
                    {"date", "2026-01-01"},
                    {"space", " a: b #c "},
                    {"quote", "a\"b'c\\d"},
                    {"lines", "a\nb\tc\r\u0001\u007f"},
                    {"wide", "\u0085\u2028\u00e9\u00a0\ufeff\U0001F600"},
                    {"a b: c", 1},
                    {"", 2},
                    {"null", nullptr},
                    {"flags", {true, false}},
                    {"big", 9223372036854775807},
                    {"tiny", 1e-300},
                    {"huge", 1e300},
                    {"whole", 5.0},
                    {"map", object{}},
                    {"list", boost::json::array{}},
                    {"deep", {{"a", {{"b", {{{"c", {1, "x"}}}}}}}}}};
  EXPECT_EQ(yaml::parse(yaml::to_text(tree), "test"), value(tree)) << yaml::to_text(tree);
}

}  // namespace
}  // namespace agnes::config
