#include "connectors/files/source_error.h"

#include "lib/base/shorten.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {

SourceError::SourceError(std::string kind, std::string file, std::optional<std::int64_t> line,
                         const std::string& message)
    : Error(ErrorKind::invalid, shortened(message)),
      kind_(std::move(kind)),
      file_(std::move(file)),
      line_(line) {}

std::string shown(const std::string& relative) {
  return escape_control(relative);
}

}  // namespace agnes::connectors::files
