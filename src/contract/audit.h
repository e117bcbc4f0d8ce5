#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/base/time.h"

// Who did what: /api/admin/audit.
namespace agnes::contract {

struct AuditEntry {
  std::string id;
  Timestamp timestamp;
  std::optional<std::string> user_id, user_email;
  std::string action;
  std::optional<std::string> resource;
  boost::json::value params;
  std::optional<std::string> result;
  std::optional<std::int64_t> duration_ms;
  static constexpr json::Rule rules[] = {
      {.field = "params", .description = "What was done, in a form of the action's own; null without more"}};
};
BOOST_DESCRIBE_STRUCT(AuditEntry, (),
                      (id, timestamp, user_id, user_email, action, resource, params, result, duration_ms))

struct AuditPage {
  std::vector<AuditEntry> entries;
  std::optional<std::string> before;  // for the next page; none at the end
};
BOOST_DESCRIBE_STRUCT(AuditPage, (), (entries, before))

}  // namespace agnes::contract
