#include <fmt/format.h>

#include "contract/audit.h"
#include "core/identity/routes.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

using contract::AuditEntry;
using contract::AuditPage;
using http::Auth;

std::string problem_with_time(std::string_view text) {
  return parse_timestamp(text) ? "" : "not a time: 2026-01-31 or 2026-01-31T12:00:00Z, say";
}

struct AuditQuery {
  std::optional<std::string> user, action, resource, since, until, before;
  std::int64_t limit = 100;
  static constexpr json::Rule rules[] = {
      {.field = "user", .description = "Who did it: their id or address", .max_length = 320},
      {.field = "action", .description = "user.create; or all that begin alike: user.*", .max_length = 200},
      {.field = "resource", .description = "user:<id>; or all that begin alike: user:*", .max_length = 500},
      {.field = "since", .description = "From this time on, UTC", .check = &problem_with_time},
      {.field = "until", .description = "Before this time, UTC", .check = &problem_with_time},
      {.field = "before", .description = "What is older than the entry of this id", .max_length = 100},
      {.field = "limit", .has_default = true, .ge = 1, .le = 1000},
  };
};
BOOST_DESCRIBE_STRUCT(AuditQuery, (), (user, action, resource, since, until, before, limit))

struct Place {
  Timestamp timestamp;
  std::string id;
};
BOOST_DESCRIBE_STRUCT(Place, (), (timestamp, id))

// Conditions of a WHERE with their values.
class Conditions {
 public:
  template <class... Values>
  void add(const std::string& sql, const Values&... values) {
    sql_ += (sql_.empty() ? " WHERE " : " AND ") + sql;
    (values_.push_back(state::param(values)), ...);
  }
  // Equal; or beginning alike, when `wanted` ends with '*'.
  void add_like(const std::string& column, const std::optional<std::string>& wanted) {
    if (!wanted) return;
    if (wanted->ends_with('*'))
      add(fmt::format("starts_with(a.{}, ?)", column), wanted->substr(0, wanted->size() - 1));
    else
      add(fmt::format("a.{} = ?", column), *wanted);
  }
  const std::string& sql() const { return sql_; }
  const std::vector<state::Value>& values() const { return values_; }

 private:
  std::string sql_;
  std::vector<state::Value> values_;
};

AuditPage audit_page(Identity& identity, const AuditQuery& query) {
  return identity.directory().store().read([&](state::Tx& tx) {
    Conditions where;
    if (query.user) {
      const auto id = identity.directory().read([&](const Tables& tables) {
        const auto* user = tables.user_by_email(*query.user);
        return user != nullptr ? user->id : *query.user;
      });
      where.add("a.user_id = ?", id);
    }
    where.add_like("action", query.action);
    where.add_like("resource", query.resource);
    if (query.since) where.add("a.timestamp >= ?", *parse_timestamp(*query.since));
    if (query.until) where.add("a.timestamp < ?", *parse_timestamp(*query.until));
    if (query.before) {
      const auto place = tx.row<Place>("SELECT timestamp, id FROM audit_log WHERE id = ?", *query.before);
      if (!place) throw Error(ErrorKind::bad_request, "before: the audit log has no entry of this id");
      where.add("(a.timestamp < ? OR (a.timestamp = ? AND a.id < ?))", place->timestamp, place->timestamp,
                place->id);
    }
    AuditPage page;
    page.entries = tx.structs<AuditEntry>(
        fmt::format(
            "SELECT a.id, a.timestamp, a.user_id, u.email AS user_email, a.action, a.resource, a.params, "
            "a.result, a.duration_ms FROM audit_log a LEFT JOIN users u ON u.id = a.user_id{} "
            "ORDER BY a.timestamp DESC, a.id DESC LIMIT {}",
            where.sql(), query.limit + 1),
        where.values());
    if (page.entries.size() > static_cast<std::size_t>(query.limit)) {
      page.entries.pop_back();
      page.before = page.entries.back().id;
    }
    return page;
  });
}

}  // namespace

void add_audit_routes(http::Routes& routes, Identity& identity) {
  routes.get("/api/admin/audit",
             {.auth = Auth::admin,
              .tag = "audit",
              .summary = "Who did what",
              .description = "Newest first. `before` of an answer, given back, leads to the next page."},
             [&identity](const http::Query<AuditQuery>& query) { return audit_page(identity, *query); });
}

}  // namespace agnes::identity
