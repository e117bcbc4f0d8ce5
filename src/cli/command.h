#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/error.h"

// What a command is, as data: the parser, the help texts and the test that compares both with docs/cli.md are
// made from it. One .cpp a command under commands/.
namespace agnes::cli {

// The parsed command line of one command. Names are an option's long name without dashes or an argument's
// name.
class Args {
 public:
  bool flag(std::string_view name) const { return values_.contains(std::string(name)); }
  std::optional<std::string> find(std::string_view name) const;
  std::string text(std::string_view name) const { return find(name).value_or(""); }
  // Throws Failure (exit code 2) when it is not a whole number.
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
};

struct Option {
  std::string names;  // "--limit" or "-f,--format"
  std::string value;  // what stands for the value in the help; empty: a flag
  std::string help;
  std::string fallback = {};  // the value when it is not given
  bool required = false;
  std::string environment = {};  // a variable that may hold it instead
};

struct Command {
  std::string name;
  std::string help;  // one line
  std::vector<Argument> arguments = {};
  std::vector<Option> options = {};
  std::function<void(const Args&)> run = {};
  std::vector<Command> commands = {};
  std::string example = {};  // a line or several, shown at the end of the help
  // What is asked before it runs, "Remove {USER}?", unless -y is given; {ARGUMENT} stands for its value.
  std::string question = {};
};

// An error with an exit code of its own; others end with 1.
class Failure : public Error {
 public:
  Failure(int exit_code, const std::string& message)
      : Error(ErrorKind::bad_request, message), exit_code_(exit_code) {}
  int exit_code() const { return exit_code_; }

 private:
  int exit_code_;
};

inline constexpr int kUsage = 2;

// All that was to be said has been said: ends the program with this code.
struct Exit {
  int code;
};

}  // namespace agnes::cli
