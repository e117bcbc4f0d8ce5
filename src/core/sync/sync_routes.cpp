#include "core/sync/sync_routes.h"

#include "contract/jobs.h"
#include "lib/base/error.h"

namespace agnes::sync {

namespace {

using boost::json::value;

struct Triggered {
  std::string status;
  value tables;
  std::string message;
  static constexpr json::Rule rules[] = {
      {.field = "tables", .description = "The names that were asked for, or \"all\""}};
};
BOOST_DESCRIBE_STRUCT(Triggered, (), (status, tables, message))

// [..], {"tables": [..]}, null or nothing: three generations of clients send three forms.
std::optional<std::vector<std::string>> wanted(const value& body) {
  const value* list = &body;
  if (body.is_object()) {
    const auto* inner = body.as_object().if_contains("tables");
    if (inner == nullptr || inner->is_null()) return std::nullopt;
    list = inner;
  }
  if (list->is_null()) return std::nullopt;
  if (!list->is_array())
    throw Error(ErrorKind::invalid, "the body is a list of tables, an object with a list `tables`, or null");
  std::vector<std::string> out;
  for (const auto& item : list->as_array()) {
    if (!item.is_string()) throw Error(ErrorKind::invalid, "every table is named by a text");
    out.emplace_back(item.as_string());
  }
  return out;
}

boost::json::object wanted_schema(json::Components& components) {
  auto names = json::schema<std::vector<std::string>>(components);
  const boost::json::object null{{"type", "null"}};
  boost::json::object by_name{{"type", "object"}, {"properties", {{"tables", {{"anyOf", {names, null}}}}}}};
  return {{"anyOf", {std::move(names), std::move(by_name)}}};
}

}  // namespace

void add_sync_routes(http::Routes& routes, Orchestrator& orchestrator) {
  routes.get("/api/sync/status",
             {.auth = http::Auth::none,
              .tag = "sync",
              .summary = "Whether a sync is under way",
              .executor = http::Executor::io},
             [&orchestrator] { return contract::SyncStatus{orchestrator.syncing()}; });

  routes.post("/api/sync/trigger",
              {.auth = http::Auth::admin,
               .tag = "sync",
               .summary = "Start a sync in the background",
               .body = &wanted_schema},
              [&orchestrator](const std::optional<value>& body) {
                const auto tables = wanted(body.value_or(nullptr));
                orchestrator.trigger(tables);
                const bool all = !tables || tables->empty();
                return Triggered{
                    "triggered", all ? value("all") : json::to_json(*tables),
                    "The sync runs in the background; /api/sync/status tells when it has ended."};
              });
}

}  // namespace agnes::sync
