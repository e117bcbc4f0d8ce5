#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

namespace agnes::config {

// `.env_overlay` in the state folder: NAME=value lines that are read into the environment at start, where a
// variable that is set already wins. It holds the secrets that administrators give to the running server,
// mode 600.
class SecretFile {
 public:
  explicit SecretFile(const std::filesystem::path& state) : file_(state / ".env_overlay") {}

  std::map<std::string, std::string> read() const;
  // Sets variables, or takes them out where there is no value; other lines stay as they are. After a crash
  // the file is the old one or the new one. Changes by several callers do not undo each other. Throws Error
  // (invalid) for a name or value that no line can hold.
  void change(const std::map<std::string, std::optional<std::string>>& variables) const;

 private:
  std::filesystem::path file_;
};

}  // namespace agnes::config
