#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "cli/json_text.h"
#include "cli/outcome.h"
#include "cli/output.h"
#include "lib/base/json.h"
#include "lib/base/text.h"

// What a command is, as data: the parser, the help texts, docs/cli.md and completion are made from it. One .cpp a command
// under commands/.
namespace agnes::cli {

// The parsed command line of one command. Names are an option's long name without dashes or an argument's
// name.
class Args {
 public:
  bool flag(std::string_view name) const { return values_.contains(std::string(name)); }
  bool json() const { return flag("json"); }
  std::optional<std::string> find(std::string_view name) const;
  std::string text(std::string_view name) const { return find(name).value_or(""); }
  // Throws Failure (usage) when it is not a whole number.
  std::optional<std::int64_t> find_number(std::string_view name) const;
  std::int64_t number(std::string_view name) const { return find_number(name).value_or(0); }
  void set(const std::string& name, std::string value) { values_[name] = std::move(value); }

 private:
  std::map<std::string, std::string> values_;
};

struct Argument {
  std::string name;
  std::string help;
  bool required = true;
  bool many = false;                      // several words, which Args has with blanks between
  std::vector<std::string> choices = {};  // what it may be; anything when there are none
};

struct Option {
  std::string names;  // "--limit" or "-f,--format"
  std::string value;  // what stands for the value in the help; empty: a flag
  std::string help;
  std::string fallback = {};  // the value when it is not given
  bool required = false;
  std::string environment = {};  // a variable that may hold it instead
  std::vector<std::string> choices = {};
};

// What a command does. Each has --json: what it answers is a described type, which --json prints and docs/cli.md shows; people
// get it as text. Made by `answers`, or by `prints` for what cannot wait until all of it is there.
class Run {
 public:
  using Shape = boost::json::object (*)(json::Components&);
  struct Form {
    std::string when;  // the options that it needs: "--metrics"
    Shape shape;
  };
  Run() = default;
  Run(std::function<void(const Args&)> work, std::vector<Form> forms)
      : work_(std::move(work)), forms_(std::move(forms)) {}
  explicit operator bool() const { return work_ != nullptr; }
  void operator()(const Args& args) const { work_(args); }
  const std::vector<Form>& forms() const { return forms_; }

 private:
  std::function<void(const Args&)> work_;
  std::vector<Form> forms_;
};

// `work(args)` makes the answer, `show(answer, args)` shows it to people. `after(answer, args)` comes behind either: it says
// what failed, and ends the command with Exit or a Failure.
template <class Work, class Show, class After = std::nullptr_t>
Run answers(Work work, Show show, After after = nullptr) {
  using Answer = std::invoke_result_t<Work, const Args&>;
  const auto call = [](auto& function, const Answer& answer, const Args& args) {
    using Function = std::remove_cvref_t<decltype(function)>;
    if constexpr (std::is_invocable_v<Function, const Answer&, const Args&>)
      function(answer, args);
    else if constexpr (std::is_invocable_v<Function, const Answer&>)
      function(answer);
  };
  return {[=](const Args& args) {
            const Answer answer = work(args);
            if (args.json())
              print_json(json::to_json(answer));
            else
              call(show, answer, args);
            call(after, answer, args);
          },
          {{"", &json::schema<Answer>}}};
}
// `work(args)` prints by itself, with args.json() a T.
template <class T>
Run prints(void (*work)(const Args&)) {
  return {work, {{"", &json::schema<T>}}};
}

// What a command answers that changed something and has no more to tell.
struct Done {
  std::string action;  // "deleted"
  std::string kind;    // "group"
  std::string name;
  std::optional<std::string> group;  // of a member or a grant
  static constexpr json::Rule rules[] = {{.field = "group", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(Done, (), (action, kind, name, group))
void show_done(const Done& done);  // "Deleted the group sales."

// The hint for a name that is none: what may have been meant, else `otherwise`.
std::string meant(const Nearest& nearest, const std::string& otherwise);

struct Command {
  std::string name;
  std::string help;  // one line
  std::vector<Argument> arguments = {};
  std::vector<Option> options = {};
  Run run = {};
  std::vector<Command> commands = {};
  std::string example = {};  // a line or several, shown at the end of the help
  // What is asked before it runs, "Remove {USER}?", unless -y is given; {ARGUMENT} stands for its value.
  std::string question = {};
};

}  // namespace agnes::cli
