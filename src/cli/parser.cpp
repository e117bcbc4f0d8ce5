#include "cli/parser.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>

#include "cli/output.h"
#include "lib/base/env.h"
#include "lib/base/text.h"

namespace agnes::cli {

std::optional<std::string> Args::find(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  if (found == values_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> Args::find_number(std::string_view name) const {
  const auto text = find(name);
  if (!text) return std::nullopt;
  const auto number = parse_int(*text);
  if (!number)
    throw Failure(Cause::usage,
                  fmt::format("--{} takes a whole number, not '{}'", name, escape_control(*text)));
  return number;
}

void show_done(const Done& done) {
  std::string action = done.action;
  action[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(action[0])));
  print("{} the {} {}{}.", action, done.kind, escape_control(done.name),
        done.group ? " of the group " + escape_control(*done.group) : "");
}

std::string meant(const Nearest& nearest, const std::string& otherwise) {
  return nearest.best().empty() ? otherwise : fmt::format("did you mean {}?", escape_control(nearest.best()));
}

namespace {

std::string long_name(const std::string& names) {
  return names.substr(names.rfind("--") + 2);
}

// Where the parser puts the values.
struct Chosen {
  std::map<std::string, std::string> texts;
  std::map<std::string, std::vector<std::string>> lists;
  std::map<std::string, bool> flags;
};

// All that the help says of it.
std::string help_of(const Option& option) {
  std::string help = option.help;
  if (!option.fallback.empty()) help += fmt::format(" [default: {}]", option.fallback);
  if (!option.environment.empty()) help += fmt::format(" [or ${}]", option.environment);
  if (option.required) help += " [required]";
  return help;
}

std::string usage_of(const Command& command, const std::string& path) {
  std::string out = path;
  if (!command.commands.empty())
    out += command.run ? " [COMMAND]" : " COMMAND";
  else
    out += " [OPTIONS]";
  for (const auto& argument : command.arguments)
    out +=
        (argument.required ? " " + argument.name : " [" + argument.name + "]") + (argument.many ? "..." : "");
  return out;
}

const Option kJson{.names = "--json", .value = "", .help = "Print the answer, and errors, as JSON"};
const Option kYes{.names = "-y,--yes", .value = "", .help = "Do not ask"};
const Option kVersion{.names = "-V,--version", .value = "", .help = "Show the version and exit"};

}  // namespace

std::vector<Option> options_of(const Command& command, bool is_root) {
  std::vector<Option> out = command.options;
  if (!command.question.empty()) out.push_back(kYes);
  if (command.run || is_root) out.push_back(kJson);
  if (is_root) out.push_back(kVersion);
  return out;
}

namespace {
class HelpFormat : public ::CLI::Formatter {
 public:
  explicit HelpFormat(std::string usage) : usage_(std::move(usage)) {
    column_width(34);
    label("Positionals", "Arguments");
  }
  std::string make_option_opts(const ::CLI::Option* option) const override {
    if (option->get_type_size() == 0 || option->get_positional()) return "";
    return " " + option->get_type_name();
  }
  std::string make_usage(const ::CLI::App*, std::string) const override {
    return "\nUsage: " + usage_ + "\n";
  }
  std::string make_footer(const ::CLI::App* app) const override {
    return app->get_footer().empty() ? "" : "\n" + app->get_footer();
  }

 private:
  std::string usage_;
};

void add(::CLI::App& app, const Command& command, const std::vector<Option>& options, Chosen& chosen) {
  app.set_help_flag("-h,--help", "Show this help and exit");
  for (const auto& argument : command.arguments) {
    auto* option = argument.many ? app.add_option(argument.name, chosen.lists[argument.name], argument.help)
                                 : app.add_option(argument.name, chosen.texts[argument.name], argument.help);
    option->required(argument.required)->type_name("");
  }
  for (const auto& option : options) {
    const std::string name = long_name(option.names);
    if (option.value.empty())
      app.add_flag(option.names, chosen.flags[name], option.help);
    else
      app.add_option(option.names, chosen.texts[name], help_of(option))
          ->type_name(option.value)
          ->multi_option_policy(::CLI::MultiOptionPolicy::TakeLast);
  }
  if (!command.example.empty()) app.footer("Example:\n" + command.example);
  // For the list in the help; the chosen one has been found already.
  for (const auto& child : command.commands) app.add_subcommand(child.name, child.help)->group("Commands");
}

std::string help_of(const ::CLI::App& app) {
  std::string text = app.help();
  for (auto at = text.find("\n\n\n"); at != text.npos; at = text.find("\n\n\n", at)) text.erase(at, 1);
  while (text.ends_with("\n\n")) text.pop_back();
  return text;
}

// The help of a command and of all below it, as data.
boost::json::object reference(const Command& command, const std::string& path, bool is_root) {
  boost::json::array arguments, options, commands;
  for (const auto& argument : command.arguments)
    arguments.push_back({{"name", argument.name}, {"help", argument.help}, {"required", argument.required}});
  for (const auto& option : options_of(command, is_root))
    options.push_back({{"names", option.names}, {"value", option.value}, {"help", help_of(option)}});
  for (const auto& child : command.commands)
    commands.push_back(reference(child, path + " " + child.name, false));
  boost::json::object out{
      {"name", path},           {"help", command.help}, {"usage", usage_of(command, path)},
      {"arguments", arguments}, {"options", options},   {"example", command.example},
      {"commands", commands}};
  if (command.run) {
    json::Components components;
    boost::json::array answers;
    for (const auto& form : command.run.forms())
      answers.push_back({{"when", form.when}, {"shape", form.shape(components)}});
    out["answers"] = std::move(answers);
    out["schemas"] = components.schemas();
  }
  return out;
}

// "--query=" gives an empty value; CLI11 would take the next argument instead.
std::vector<std::string> split_empty_values(const std::vector<std::string>& args) {
  std::vector<std::string> out;
  bool options_over = false;
  for (const auto& arg : args) {
    if (arg == "--") options_over = true;
    const bool empty_value = !options_over && arg.size() > 3 && arg.starts_with("--") && arg.ends_with('=') &&
                             arg.find('=') == arg.size() - 1 && arg.find_first_of(" \n") == arg.npos;
    out.push_back(empty_value ? arg.substr(0, arg.size() - 1) : arg);
    if (empty_value) out.emplace_back();
  }
  return out;
}

// "'nonsense' is not a command; did you mean ...?" names commands that differ by a letter or two.
std::string nearest_command(const Command& parent, const std::string& word) {
  Nearest nearest(word, 3);
  for (const auto& child : parent.commands) nearest.offer(child.name);
  return std::string(nearest.best());
}

// The chain of commands down to the one that the leading words name; `args` is left with the rest.
std::vector<const Command*> find_command(const Command& root, std::vector<std::string>& args) {
  std::vector<const Command*> chain{&root};
  while (!chain.back()->commands.empty() && !args.empty() && !args.front().starts_with('-')) {
    const auto& children = chain.back()->commands;
    const auto found = std::find_if(children.begin(), children.end(),
                                    [&](const Command& child) { return child.name == args.front(); });
    if (found == children.end()) {
      std::string path;
      for (const auto* command : chain) path += (path.empty() ? "" : " ") + command->name;
      const std::string hint = nearest_command(*chain.back(), args.front());
      throw Failure(Cause::usage,
                    fmt::format("unknown command '{}' of {}; {}", escape_control(args.front()), path,
                                hint.empty() ? fmt::format("see: {} --help", path)
                                             : fmt::format("did you mean: {} {}", path, hint)));
    }
    chain.push_back(&*found);
    args.erase(args.begin());
  }
  return chain;
}

void check_choice(const std::string& name, const std::string& value,
                  const std::vector<std::string>& choices) {
  if (choices.empty() || std::find(choices.begin(), choices.end(), value) != choices.end()) return;
  Nearest nearest(value, 3);
  for (const auto& choice : choices) nearest.offer(choice);
  throw Failure(Cause::usage,
                fmt::format("{} is {}, not '{}'", name, join(choices, ", "), escape_control(value)),
                meant(nearest, "choose one of them"));
}

// What the command line has besides what the command takes: a misspelt option rather than what stands behind it.
Failure too_much(const std::vector<std::string>& rest, const Command& command,
                 const std::vector<Option>& options, const std::string& path) {
  if (!command.run && std::find(rest.begin(), rest.end(), "--json") != rest.end())
    return {Cause::usage, path + " takes a command", fmt::format("see: {} --help", path)};
  for (const auto& word : rest) {
    if (word.size() < 2 || !word.starts_with('-') || word.find_first_of(" \n") != word.npos) continue;
    const std::string name = word.substr(0, word.find('='));
    std::vector<std::string> names{"--help"};
    for (const auto& option : options) names.push_back("--" + long_name(option.names));
    Nearest nearest(name, 3);
    for (const auto& known : names) nearest.offer(known);
    return {Cause::usage, fmt::format("{} has no option {}", path, escape_control(name)),
            meant(nearest, fmt::format("see: {} --help", path))};
  }
  return {Cause::usage, fmt::format("'{}' is one word too many", escape_control(rest.front())),
          fmt::format("what has blanks goes into quotes; see: {} --help", path)};
}

// Ends the command unless its question is answered with yes.
void ask_first(const Command& command, const Args& args) {
  std::string question = command.question;
  for (const auto& argument : command.arguments) {
    const std::string place = "{" + argument.name + "}";
    if (const auto at = question.find(place); at != question.npos)
      question.replace(at, place.size(), escape_control(args.text(argument.name)));
  }
  if (!confirm(question)) throw Failure(Cause::failed, "nothing was changed");
}

}  // namespace

void parse_and_run(const Command& root, const std::vector<std::string>& all, std::string& path) {
  std::vector<std::string> args = split_empty_values(all);
  const auto chain = find_command(root, args);
  const Command& command = *chain.back();
  for (const auto* c : chain) path += (path.empty() ? "" : " ") + c->name;

  const bool is_root = chain.size() == 1;
  const auto options = options_of(command, is_root);
  Chosen chosen;
  ::CLI::App app(command.help, path);
  app.formatter(std::make_shared<HelpFormat>(usage_of(command, path)));
  app.name(path.size() > root.name.size() ? path.substr(root.name.size() + 1) : "");
  add(app, command, options, chosen);

  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(std::move(reversed));
  } catch (const ::CLI::CallForHelp&) {
    if (json_output())
      print_json(reference(command, path, is_root));
    else
      out(help_of(app));
    return;
  } catch (const ::CLI::ExtrasError&) {
    throw too_much(app.remaining(), command, options, path);
  } catch (const ::CLI::ParseError& error) {
    std::string message = error.what();
    if (const auto line = message.find('\n'); line != message.npos) message.resize(line);
    throw Failure(Cause::usage, fmt::format("{}; see: {} --help", escape_control(message), path));
  }
  if (is_root && chosen.flags["version"]) {
    if (json_output())
      print_json(boost::json::object{{"version", AGNES_VERSION}});
    else
      out("agnes " AGNES_VERSION "\n");
    return;
  }
  if (!command.run) {
    if (json_output())
      throw Failure(Cause::usage, fmt::format("{} takes a command; see: {} --help", path, path));
    err(help_of(app));
    throw Exit{Cause::usage};
  }

  Args values;
  for (const auto& argument : command.arguments)
    if (app.get_option(argument.name)->count() > 0)
      values.set(argument.name,
                 argument.many ? join(chosen.lists[argument.name], " ") : chosen.texts[argument.name]);
  for (const auto& option : options) {
    const std::string name = long_name(option.names);
    if (option.value.empty()) {
      if (chosen.flags[name]) values.set(name, "1");
      continue;
    }
    if (app.get_option("--" + name)->count() > 0) {
      values.set(name, chosen.texts[name]);
      continue;
    }
    const auto from_environment = option.environment.empty() ? std::nullopt : env(option.environment.c_str());
    if (from_environment)
      values.set(name, *from_environment);
    else if (!option.fallback.empty())
      values.set(name, option.fallback);
    else if (option.required)
      throw Failure(Cause::usage, fmt::format("--{} is required; see: {} --help", name, path));
  }
  for (const auto& argument : command.arguments)
    if (const auto value = values.find(argument.name)) check_choice(argument.name, *value, argument.choices);
  for (const auto& option : options)
    if (const auto value = values.find(long_name(option.names)))
      check_choice("--" + long_name(option.names), *value, option.choices);
  if (!command.question.empty() && !values.flag("yes")) ask_first(command, values);
  command.run(values);
}

}  // namespace agnes::cli
