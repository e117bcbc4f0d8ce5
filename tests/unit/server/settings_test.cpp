#include <set>

#include <gtest/gtest.h>

#include "app/config/check.h"
#include "app/config/schema.h"
#include "app/host.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "server/modules.h"
#include "server/settings_list.h"

// All settings of the server, as its modules declare them.
namespace agnes::config {
namespace {

class Declared : public testing::Environment {
 public:
  void SetUp() override { use(app::declared_settings(server::modules())); }
};
[[maybe_unused]] const auto* const kDeclared = testing::AddGlobalTestEnvironment(new Declared);

class Settings : public testing::Test {
 protected:
  std::vector<Setting> built() const {
    std::vector<Setting> out;
    for (const auto& setting : settings())
      if (setting.built) out.push_back(setting);
    for (const auto& setting : variables()) out.push_back(setting);
    return out;
  }
  Config load(const std::string& yaml) {
    replace_file(folder_.path() / "instance.yaml", yaml);
    return Config::read({folder_.path() / "data", folder_.path(), folder_.path() / "state"});
  }
  // With the setting set to `text` alone: by its variable when only that sets it.
  Config with(const Setting& setting, const std::string& text) {
    if (!setting.path.empty()) {
      std::string yaml, indent;
      std::string_view path = setting.path;
      for (auto dot = path.find('.'); dot != std::string_view::npos; dot = path.find('.')) {
        yaml += indent + std::string(path.substr(0, dot)) + ":\n";
        indent += ' ';
        path.remove_prefix(dot + 1);
      }
      return load(yaml + indent + std::string(path) + ": " + text + "\n");
    }
    const std::string name(setting.environment);
    ::setenv(name.c_str(), text.c_str(), 1);
    try {
      auto config = load("");
      ::unsetenv(name.c_str());
      return config;
    } catch (...) {
      ::unsetenv(name.c_str());
      throw;
    }
  }

  TemporaryFolder folder_{std::filesystem::temp_directory_path()};
};

std::string text_of(const Setting& setting, double number) {
  return setting.kind == SettingKind::integer ? std::to_string(static_cast<std::int64_t>(number))
                                              : fmt::format("{}", number);
}

TEST_F(Settings, EachIsDeclaredOnceWithAllThatPeopleNeed) {
  std::set<std::string_view> names, variables_;
  for (const auto& setting : built()) {
    EXPECT_TRUE(names.insert(setting.name()).second) << setting.name();
    EXPECT_FALSE(setting.help.empty()) << setting.name();
    EXPECT_FALSE(setting.module.empty()) << setting.name();
    EXPECT_TRUE(is_allowed(setting, setting.fallback)) << setting.name();
    if (!setting.environment.empty()) {
      EXPECT_TRUE(variables_.insert(setting.environment).second) << setting.environment;
    }
    if (!setting.same_as.empty()) {
      EXPECT_NE(find_setting(setting.same_as), nullptr) << setting.name();
    }
  }
  for (const auto name : unbuilt_variables()) EXPECT_FALSE(variables_.contains(name)) << name;
}

TEST_F(Settings, DefaultsAreInForce) {
  const auto in_force = schema().in_force(load(""));
  for (const auto& setting : built())
    EXPECT_EQ(in_force.at(setting.name()), setting.fallback) << setting.name();
}

TEST_F(Settings, WhatIsAcceptedIsInForceAndBeyondIsRefusedByName) {
  int edges = 0;
  const auto accepted = [&](const Setting& setting, double number) {
    const auto found = schema().in_force(with(setting, text_of(setting, number))).at(setting.name());
    EXPECT_DOUBLE_EQ(found.to_number<double>(), number) << setting.name();
    ++edges;
  };
  const auto refused = [&](const Setting& setting, double number) {
    try {
      with(setting, text_of(setting, number));
      ADD_FAILURE() << setting.name() << " takes " << number;
    } catch (const Error& error) {
      const std::string said = error.what();
      EXPECT_NE(said.find(setting.name()), std::string::npos) << said;
      EXPECT_NE(said.find(text_of(setting, number)), std::string::npos) << said;
      EXPECT_NE(said.find(described(setting)), std::string::npos) << said;
      EXPECT_EQ(said.find('\n'), std::string::npos) << said;
    }
  };
  for (const auto& setting : built()) {
    if (setting.kind != SettingKind::integer && setting.kind != SettingKind::number) continue;
    if (!setting.one_of.empty()) continue;
    EXPECT_TRUE(setting.ge || setting.le) << setting.name() << " has no range";
    const double step = setting.kind == SettingKind::integer ? 1 : 0.0001;
    if (setting.ge) {
      accepted(setting, *setting.ge);
      refused(setting, *setting.ge - step);
    }
    if (setting.le) {
      accepted(setting, *setting.le);
      refused(setting, *setting.le + (setting.kind == SettingKind::integer ? 1 : 1.5));
    }
  }
  EXPECT_GT(edges, 50);
}

TEST_F(Settings, ChoicesAreTakenInAnyCaseAndNothingElseIs) {
  for (const auto& setting : built()) {
    if (setting.one_of.empty() || setting.kind != SettingKind::text) continue;
    for (const auto choice : setting.one_of) {
      std::string upper(choice);
      for (auto& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
      if (!setting.path.empty()) upper = "'" + upper + "'";
      EXPECT_EQ(schema().in_force(with(setting, upper)).at(setting.name()), boost::json::value(choice))
          << setting.name();
    }
    EXPECT_THROW(with(setting, "another"), Error) << setting.name();
  }
}

TEST_F(Settings, AnOldFileStartsAndWhatDoesNothingIsNamed) {
  ::setenv("POSTHOG_API_KEY", "x", 1);
  const auto config = load(
      "jira: {domain: x.example.com, sites: [1]}\ntheme: {primary: '#fff'}\ninstance: {subtitle: s}\n"
      "api: {catalog_cache_ttl_seconds: 5}\n");
  ::unsetenv("POSTHOG_API_KEY");
  const auto& named = config.unbuilt();
  EXPECT_EQ(std::set<std::string>(named.begin(), named.end()),
            (std::set<std::string>{"jira", "theme", "api.catalog_cache_ttl_seconds", "POSTHOG_API_KEY"}));
  EXPECT_TRUE(config.warnings().empty());
}

TEST_F(Settings, TheListOfThemIsComplete) {
  const auto list = boost::json::parse(server::settings_json()).as_object();
  EXPECT_EQ(list.at("settings").as_array().size(), built().size());
  for (const auto& row : list.at("settings").as_array()) {
    EXPECT_FALSE(row.at("module").as_string().empty());
    EXPECT_FALSE(row.at("allowed").as_string().empty());
  }
  for (const auto& name : list.at("unbuilt").at("settings").as_array())
    EXPECT_FALSE(find_setting(name.as_string())->built) << name;
}

}  // namespace
}  // namespace agnes::config
