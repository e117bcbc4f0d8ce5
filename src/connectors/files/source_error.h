#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "lib/base/error.h"

namespace agnes::connectors::files {

// A source that cannot be a table. `what()` names the file and the line where that is known.
class SourceError : public Error {
 public:
  SourceError(std::string kind, std::string file, std::optional<std::int64_t> line,
              const std::string& message);
  const std::string& problem_kind() const { return kind_; }  // malformed, not_a_table
  const std::string& file() const { return file_; }          // relative
  std::optional<std::int64_t> line() const { return line_; }

 private:
  std::string kind_, file_;
  std::optional<std::int64_t> line_;
};

// A relative path as people should see it.
std::string shown(const std::string& relative);

}  // namespace agnes::connectors::files
