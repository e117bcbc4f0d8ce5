#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include <boost/json/object.hpp>

#include "lib/duck/database.h"

namespace agnes::state {

// One entry of the audit log: who did what to what, with which outcome. Never put a secret into `params`.
struct Audit {
  std::optional<std::string> user_id;   // nobody: the server itself, or a caller who is not known
  std::string action;                   // "user.create"
  std::optional<std::string> resource;  // "user:<id>"
  boost::json::object params = {};
  std::optional<std::string> result = std::nullopt;
  std::optional<std::int64_t> duration_ms = std::nullopt;
};

// Adds it, with the current time, within the caller's transaction.
void audit(duck::Connection& connection, const Audit& entry);

// JSON text with ", " and ": " and everything beyond ASCII escaped: the form in which existing databases hold
// JSON.
std::string json_text(const boost::json::value& value);

}  // namespace agnes::state
