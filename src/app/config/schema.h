#pragma once

#include <deque>
#include <functional>

#include "app/config/config.h"
#include "app/config/settings.h"

namespace agnes::config {

// The settings of a program, collected from the structs that its modules declare.
class Schema {
 public:
  // Those of features that are not built are in it from the start.
  Schema();
  Schema(Schema&&) = default;
  Schema& operator=(Schema&&) = default;

  // Whose the structs are that follow. `name` must outlive the program.
  void module(std::string_view name) { module_ = name; }

  // Throws std::logic_error for a member without a rule, and a path or variable that is there already.
  template <detail::Struct T>
  void add() {
    const T defaults{};
    boost::mp11::mp_for_each<detail::Members<T>>([&](auto member) {
      using M = std::remove_cvref_t<decltype(defaults.*member.pointer)>;
      const Rule& rule = detail::rule_of(T::kRules, member.name);
      add_one(detail::path_of<T>(rule), rule, detail::kind_of<M>(),
              detail::value_of(defaults.*member.pointer), detail::limits_of<M>());
    });
    in_force_.push_back([](const Config& config, boost::json::object& out) {
      const T read = config.get<T>();
      boost::mp11::mp_for_each<detail::Members<T>>([&](auto member) {
        const Rule& rule = detail::rule_of(T::kRules, member.name);
        const auto path = detail::path_of<T>(rule);
        out[path.empty() ? rule.variable : std::string_view(path)] = detail::value_of(read.*member.pointer);
      });
    });
  }

  // A type that data_source.type may have; `help` is of the settings below data_source.<type>. Both must outlive the
  // program.
  void add_source(std::string_view type, std::string_view help);
  // A setting of the module that is taken and does nothing.
  void add_unbuilt(Setting setting);
  // See config::group_help.
  std::string_view group_help(std::string_view path) const;

  std::span<const Setting> settings() const { return settings_; }
  std::span<const Setting> variables() const { return variables_; }
  // What the structs hold that are read from `config`, by Setting::name().
  boost::json::object in_force(const Config& config) const;

 private:
  void add_one(std::string path, const Rule& rule, SettingKind kind, boost::json::value fallback,
               std::pair<std::int64_t, std::int64_t> limits);

  std::string_view module_ = "server";
  std::vector<std::pair<std::string, std::string_view>> groups_;  // path, help
  std::deque<std::string> paths_;                                 // what Setting::path points to
  std::vector<Setting> settings_, variables_;
  std::vector<std::function<void(const Config&, boost::json::object&)>> in_force_;
};

// Makes it the one that `settings()` and the rest of settings.h ask, before any configuration is read; not thread-safe.
// A test may install another one.
void use(Schema schema);
const Schema& schema();

}  // namespace agnes::config
