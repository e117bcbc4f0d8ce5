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
    throw Failure(kUsage, fmt::format("--{} takes a whole number, not '{}'", name, escape_control(*text)));
  return number;
}

namespace {

std::string long_name(const std::string& names) {
  return names.substr(names.rfind("--") + 2);
}

// Where the parser puts the values.
struct Chosen {
  std::map<std::string, std::string> texts;
  std::map<std::string, bool> flags;
};

class HelpFormat : public ::CLI::Formatter {
 public:
  explicit HelpFormat(std::string path) : path_(std::move(path)) {
    column_width(34);
    label("Positionals", "Arguments");
  }
  std::string make_option_opts(const ::CLI::Option* option) const override {
    if (option->get_type_size() == 0 || option->get_positional()) return "";
    return " " + option->get_type_name();
  }
  std::string make_usage(const ::CLI::App* app, std::string) const override {
    std::string out = "\nUsage: " + path_;
    if (!app->get_subcommands({}).empty())
      out += " COMMAND";
    else if (!app->get_options({}).empty())
      out += " [OPTIONS]";
    for (const auto* option : app->get_options([](const ::CLI::Option* o) { return o->get_positional(); }))
      out += option->get_required() ? " " + option->get_name() : " [" + option->get_name() + "]";
    return out + "\n";
  }
  std::string make_footer(const ::CLI::App* app) const override {
    return app->get_footer().empty() ? "" : "\n" + app->get_footer();
  }

 private:
  std::string path_;
};

void add(::CLI::App& app, const Command& command, Chosen& chosen) {
  app.set_help_flag("-h,--help", "Show this help and exit");
  for (const auto& argument : command.arguments) {
    auto* option = app.add_option(argument.name, chosen.texts[argument.name], argument.help);
    option->required(argument.required)->type_name("");
  }
  for (const auto& option : command.options) {
    const std::string name = long_name(option.names);
    if (option.value.empty()) {
      app.add_flag(option.names, chosen.flags[name], option.help);
      continue;
    }
    std::string help = option.help;
    if (!option.fallback.empty()) help += fmt::format(" [default: {}]", option.fallback);
    if (!option.environment.empty()) help += fmt::format(" [or ${}]", option.environment);
    if (option.required) help += " [required]";
    app.add_option(option.names, chosen.texts[name], help)
        ->type_name(option.value)
        ->multi_option_policy(::CLI::MultiOptionPolicy::TakeLast);
  }
  if (!command.question.empty()) app.add_flag("-y,--yes", chosen.flags["yes"], "Do not ask");
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
      throw Failure(kUsage, fmt::format("unknown command '{}' of {}; {}", escape_control(args.front()), path,
                                        hint.empty() ? fmt::format("see: {} --help", path)
                                                     : fmt::format("did you mean: {} {}", path, hint)));
    }
    chain.push_back(&*found);
    args.erase(args.begin());
  }
  return chain;
}

// Ends the command unless its question is answered with yes.
void ask_first(const Command& command, const Args& args) {
  std::string question = command.question;
  for (const auto& argument : command.arguments) {
    const std::string place = "{" + argument.name + "}";
    if (const auto at = question.find(place); at != question.npos)
      question.replace(at, place.size(), escape_control(args.text(argument.name)));
  }
  if (!confirm(question)) throw Failure(1, "nothing was changed");
}

}  // namespace

void parse_and_run(const Command& root, const std::vector<std::string>& all) {
  std::vector<std::string> args = split_empty_values(all);
  const auto chain = find_command(root, args);
  const Command& command = *chain.back();
  std::string path;
  for (const auto* c : chain) path += (path.empty() ? "" : " ") + c->name;

  Chosen chosen;
  ::CLI::App app(command.help, path);
  app.formatter(std::make_shared<HelpFormat>(path));
  app.name(path.size() > root.name.size() ? path.substr(root.name.size() + 1) : "");
  add(app, command, chosen);
  const bool is_root = chain.size() == 1;
  if (is_root) app.add_flag("-V,--version", chosen.flags["version"], "Show the version and exit");

  try {
    std::vector<std::string> reversed(args.rbegin(), args.rend());
    app.parse(std::move(reversed));
  } catch (const ::CLI::CallForHelp&) {
    out(help_of(app));
    return;
  } catch (const ::CLI::ParseError& error) {
    std::string message = error.what();
    if (const auto line = message.find('\n'); line != message.npos) message.resize(line);
    throw Failure(kUsage, fmt::format("{}; see: {} --help", escape_control(message), path));
  }
  if (is_root && chosen.flags["version"]) {
    out("agnes " AGNES_VERSION "\n");
    return;
  }
  if (!command.run) {
    err(help_of(app));
    throw Exit{kUsage};
  }

  Args values;
  for (const auto& argument : command.arguments)
    if (app.get_option(argument.name)->count() > 0) values.set(argument.name, chosen.texts[argument.name]);
  for (const auto& option : command.options) {
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
      throw Failure(kUsage, fmt::format("--{} is required; see: {} --help", name, path));
  }
  if (!command.question.empty() && !chosen.flags["yes"]) ask_first(command, values);
  command.run(values);
}

}  // namespace agnes::cli
