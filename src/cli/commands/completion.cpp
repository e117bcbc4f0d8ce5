#include "cli/commands/commands.h"
#include "cli/parser.h"
#include "lib/base/text.h"

// agnes completion: a script for the shell, made from the commands' own descriptions.
namespace agnes::cli {

namespace {
struct Word {
  std::string word, help;
  std::string letter = {};  // of an option that has a short name: "f"
};
// What may follow the words of a command.
struct Place {
  std::string path;  // "agnes admin group"
  std::vector<Word> words;
  std::vector<std::string> choices;                                      // of its argument
  std::vector<std::pair<std::string, std::vector<std::string>>> values;  // "--format" and what it may be
};

void collect(const Command& command, const std::string& path, std::vector<Place>& places) {
  Place place{.path = path, .words = {}, .choices = {}, .values = {}};
  for (const auto& child : command.commands) place.words.push_back({child.name, child.help});
  for (const auto& argument : command.arguments)
    place.choices.insert(place.choices.end(), argument.choices.begin(), argument.choices.end());
  auto options = options_of(command, places.empty());
  options.push_back({.names = "-h,--help", .value = "", .help = "Show this help and exit"});
  for (const auto& option : options) {
    const auto names = split(option.names, ',');
    place.words.push_back({names.back(), option.help, names.size() > 1 ? names.front().substr(1) : ""});
    if (!option.choices.empty())
      for (const auto& name : names) place.values.emplace_back(name, option.choices);
  }
  places.push_back(std::move(place));
  for (const auto& child : command.commands) collect(child, path + " " + child.name, places);
}

std::vector<Place> places() {
  std::vector<Place> out;
  collect(main_command(), "agnes", out);
  return out;
}

// 'it'\''s'
std::string quoted(const std::string& text) {
  return "'" + replaced(text, "'", "'\\''") + "'";
}

// A function that sets `place` to the longest path of commands that the words before the cursor begin with.
std::string walk(const std::vector<Place>& all, std::string_view words) {
  std::vector<std::string> paths;
  for (const auto& place : all)
    if (place.path != "agnes") paths.push_back(quoted(place.path));
  return fmt::format(
      "  local place=agnes word\n  for word in {}; do\n    case \"$place $word\" in\n      {}) "
      "place=\"$place $word\" ;;\n    esac\n  done\n",
      words, join(paths, "|"));
}

// What is suggested after an option with given values, then at each place. `set` gives the statement that says so.
std::string cases(const std::vector<Place>& all, std::string_view before,
                  const std::function<std::string(const std::vector<std::string>& choices,
                                                  const std::vector<Word>& words)>& set) {
  std::string out = fmt::format("  case \"$place {}\" in\n", before);
  for (const auto& place : all)
    for (const auto& [option, choices] : place.values)
      out += fmt::format("    {}) {}; place= ;;\n", quoted(place.path + " " + option), set(choices, {}));
  out += "  esac\n  case $place in\n";
  for (const auto& place : all)
    out += fmt::format("    {}) {} ;;\n", quoted(place.path), set(place.choices, place.words));
  return out + "  esac\n";
}

std::string bash_script() {
  const auto all = places();
  std::string out = "# agnes completion bash: put it into ~/.local/share/bash-completion/completions/agnes\n";
  out += "_agnes() {\n  local cur=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words=\n";
  out += walk(all, "\"${COMP_WORDS[@]:1:COMP_CWORD-1}\"");
  out += cases(all, "$before", [](std::vector<std::string> items, const std::vector<Word>& words) {
    for (const auto& word : words) items.push_back(word.word);
    return "words=" + quoted(join(items, " "));
  });
  out += "  COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n}\n";
  return out + "complete -o bashdefault -o default -F _agnes agnes\n";
}

std::string zsh_script() {
  const auto all = places();
  std::string out = "#compdef agnes\n# agnes completion zsh: put it as _agnes into a folder of $fpath\n";
  out += "_agnes() {\n  local -a found\n";
  out += walk(all, "\"${(@)words[2,CURRENT-1]}\"");
  out +=
      cases(all, "${words[CURRENT-1]}", [](std::vector<std::string> items, const std::vector<Word>& words) {
        for (const auto& [word, help, letter] : words)
          items.push_back(quoted(replaced(word, ":", "\\:") + ":" + help));
        return fmt::format("found=({})", join(items, " "));
      });
  out += "  _describe agnes found || _files\n}\n";
  return out + "if [ \"$funcstack[1]\" = _agnes ]; then _agnes \"$@\"; else compdef _agnes agnes; fi\n";
}

std::string fish_script() {
  const auto all = places();
  // Quotes of fish take a backslash before a quote.
  const auto fish_quoted = [](const std::string& text) {
    return "'" + replaced(replaced(text, "\\", "\\\\"), "'", "\\'") + "'";
  };
  std::string out = "# agnes completion fish: put it into ~/.config/fish/completions/agnes.fish\n";
  out +=
      "function __agnes_place\n  set -l place agnes\n  for word in (commandline -opc)[2..-1]\n"
      "    switch \"$place $word\"\n      case";
  for (const auto& place : all)
    if (place.path != "agnes") out += " " + fish_quoted(place.path);
  out += "\n        set place \"$place $word\"\n    end\n  end\n  test \"$place\" = \"$argv\"\nend\n";
  for (const auto& place : all) {
    const std::string at =
        fmt::format("complete -c agnes -n {} ", fish_quoted("__agnes_place " + place.path));
    for (const auto& [word, help, letter] : place.words) {
      const auto value = std::find_if(place.values.begin(), place.values.end(),
                                      [&, name = word](const auto& item) { return item.first == name; });
      if (!word.starts_with('-'))
        out += fmt::format("{}-f -a {} -d {}\n", at, word, fish_quoted(help));
      else
        out +=
            fmt::format("{}-l {}{}{} -d {}\n", at, word.substr(2), letter.empty() ? "" : " -s " + letter,
                        value == place.values.end() ? "" : " -x -a " + fish_quoted(join(value->second, " ")),
                        fish_quoted(help));
    }
    if (!place.choices.empty()) out += fmt::format("{}-f -a {}\n", at, fish_quoted(join(place.choices, " ")));
  }
  return out;
}

struct Completion {
  std::string shell, script;
};
BOOST_DESCRIBE_STRUCT(Completion, (), (shell, script))

Completion completion(const Args& args) {
  const std::string shell = args.text("SHELL");
  return {shell, shell == "bash" ? bash_script() : shell == "zsh" ? zsh_script() : fish_script()};
}
void show(const Completion& completion) {
  out(completion.script);
}
}  // namespace

Command completion_command() {
  return {.name = "completion",
          .help = "Print the script with which a shell completes agnes's commands",
          .arguments = {{.name = "SHELL", .help = "bash, zsh or fish", .choices = {"bash", "zsh", "fish"}}},
          .run = answers(completion, show),
          .example = "  eval \"$(agnes completion bash)\"\n"};
}

}  // namespace agnes::cli
