#include "connectors/source_error.h"

namespace agnes::connectors {

Error source_error(ErrorKind status, std::string_view kind, const std::string& message,
                   const std::string& hint) {
  boost::json::object detail{{"kind", kind}, {"message", message}};
  if (!hint.empty()) detail["hint"] = hint;
  return {status, message, std::move(detail)};
}

}  // namespace agnes::connectors
