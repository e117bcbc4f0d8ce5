#include "app/config/secret_file.h"

#include <mutex>

#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::config {

namespace {

// All objects for one file share it: changes come from several parts of the server.
std::mutex& mutex() {
  static std::mutex one;
  return one;
}

// A line's variable, if it holds one.
std::optional<std::pair<std::string, std::string>> parse(std::string_view raw) {
  auto line = trim(raw);
  if (line.empty() || line[0] == '#') return std::nullopt;
  if (line.starts_with("export ")) line.remove_prefix(7);
  const auto at = line.find('=');
  if (at == std::string_view::npos) return std::nullopt;
  auto text = trim(line.substr(at + 1));
  if (text.size() >= 2 && text.front() == text.back() && (text[0] == '"' || text[0] == '\''))
    text = text.substr(1, text.size() - 2);
  return std::pair(std::string(trim(line.substr(0, at))), std::string(text));
}

std::string line_of(const std::string& name, const std::string& text) {
  const auto bad = [](unsigned char c) { return c < 0x20 || c == 0x7F; };
  if (!is_identifier(name.substr(0, 64)) || name.find_first_of("=\n") != std::string::npos)
    throw Error(ErrorKind::invalid, fmt::format("{} cannot be the name of a variable", escape_control(name)));
  if (std::any_of(text.begin(), text.end(), bad))
    throw Error(ErrorKind::invalid, "a secret must be one line without control characters");
  // Quotes only where a reader would take something away.
  const bool quote = trim(text) != text ||
                     (text.size() >= 2 && text.front() == text.back() && (text[0] == '"' || text[0] == '\''));
  const std::string mark = !quote ? "" : text.front() == '"' ? "'" : "\"";
  return fmt::format("{}={}{}{}", name, mark, text, mark);
}

}  // namespace

std::map<std::string, std::string> SecretFile::read() const {
  std::map<std::string, std::string> out;
  if (const auto content = read_file(file_))
    for (const auto& line : split(*content, '\n'))
      if (auto variable = parse(line)) out.insert(std::move(*variable));
  return out;
}

void SecretFile::change(const std::map<std::string, std::optional<std::string>>& variables) const {
  const std::lock_guard lock(mutex());
  auto left = variables;
  std::string out;
  for (const auto& line : split(read_file(file_).value_or(""), '\n')) {
    const auto held = parse(line);
    const auto wanted = held ? variables.find(held->first) : variables.end();
    if (wanted == variables.end()) {
      if (!line.empty()) out += line + '\n';
      continue;
    }
    if (wanted->second && left.contains(held->first)) out += line_of(held->first, *wanted->second) + '\n';
    left.erase(held->first);
  }
  for (const auto& [name, text] : left)
    if (text) out += line_of(name, *text) + '\n';
  replace_file(file_, out, 0600);
}

}  // namespace agnes::config
