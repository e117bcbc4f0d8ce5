#include "features/metrics/metric_routes.h"

#include "core/state/audit.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::metrics {

namespace {

using boost::json::array;
using boost::json::value;

constexpr std::size_t kMaxFile = 4u << 20;

struct CategoryQuery {
  std::optional<std::string> category;
};
BOOST_DESCRIBE_STRUCT(CategoryQuery, (), (category))
struct Deleted {
  std::string status, id;
};
BOOST_DESCRIBE_STRUCT(Deleted, (), (status, id))
struct ImportForm {
  http::File file;
};
BOOST_DESCRIBE_STRUCT(ImportForm, (), (file))
Error no_such_metric(const std::string& id) {
  return {ErrorKind::not_found, fmt::format("there is no metric {}", escape_control(id))};
}

// A metric's statements, each with where it stands.
struct Checked {
  std::vector<std::pair<std::vector<std::string>, std::string>> problems;  // place and reason
  std::set<std::string> tables;
  std::vector<std::string> refusals;
};

Checked check_statements(const NewMetric& metric, const http::Caller& caller, const CheckSql& check) {
  Checked out;
  const auto check_sql = [&](std::vector<std::string> place, const std::string& sql) {
    auto found = check(caller, sql);
    if (!found.problem.empty()) out.problems.emplace_back(std::move(place), found.problem);
    if (!found.refusal.empty()) out.refusals.push_back(found.refusal);
    out.tables.insert(found.tables.begin(), found.tables.end());
  };
  if (!trim(metric.sql).empty()) check_sql({"sql"}, metric.sql);
  if (metric.sql_variants)
    for (const auto& [name, sql] : *metric.sql_variants)
      check_sql({"sql_variants", std::string(name)}, std::string(sql.as_string()));
  if (metric.table_name) out.tables.insert(to_lower(*metric.table_name));
  if (metric.tables)
    for (const auto& table : *metric.tables) out.tables.insert(to_lower(table));
  return out;
}

void refuse_body(const Checked& checked, const NewMetric& body) {
  array problems;
  const auto add = [&](const std::vector<std::string>& place, const std::string& reason, const value& input) {
    array loc{"body"};
    for (const auto& step : place) loc.push_back(value(step));
    problems.push_back({{"type", "value_error"}, {"loc", std::move(loc)}, {"msg", reason}, {"input", input}});
  };
  if (trim(body.sql).empty()) add({"sql"}, "Must be a query", value(body.sql));
  for (const auto& [place, reason] : checked.problems)
    add(place, reason, place.size() == 1 ? value(body.sql) : body.sql_variants->at(place[1]));
  if (!problems.empty())
    throw Error(ErrorKind::invalid, "the metric has a query that cannot be read", std::move(problems));
}

contract::MetricsImported import_file(const std::string& yaml, const std::string& name,
                                      const state::Actor& actor, const http::Caller& caller,
                                      state::Store& store, const catalog::Visible& visible,
                                      const CheckSql& check) {
  auto file = read_metric_file(yaml, name);
  std::set<std::string> known;
  for (const catalog::Table* table : visible.of(caller)->tables) {
    known.insert(to_lower(table->id));
    known.insert(to_lower(table->name));
  }
  for (const auto& metric : file.metrics) {
    const auto checked = check_statements(metric, caller, check);
    if (!checked.problems.empty()) {
      const auto& [place, reason] = checked.problems.front();
      throw Error(ErrorKind::bad_request,
                  fmt::format("{}: {}: {}; nothing was imported", metric.id, join(place, "_"), reason));
    }
    for (const auto& refusal : checked.refusals)
      file.warnings.push_back(fmt::format("{}: {}", metric.id, refusal));
    for (const auto& table : checked.tables)
      if (!known.contains(table))
        file.warnings.push_back(
            fmt::format("{}: there is no table {} yet", metric.id, escape_control(table)));
  }
  store.write([&](state::Tx& tx) {
    std::vector<Metric> rows;
    boost::json::array ids;
    for (const auto& metric : file.metrics) {
      rows.push_back(metric.row());
      ids.emplace_back(metric.id);
    }
    save_metrics(tx, std::move(rows));
    state::record(tx, actor, "import_metrics", name, {{"ids", ids}});
  });
  return {"imported", static_cast<std::int64_t>(file.metrics.size()), std::move(file.warnings)};
}

}  // namespace

void add_metric_routes(http::Routes& routes, state::Store& store, const catalog::Visible& visible,
                       CheckSql check) {
  using http::Auth;

  routes.get("/api/metrics", {.tag = "metrics", .summary = "All metrics, or those of a category"},
             [&store](const http::Query<CategoryQuery>& query) {
               contract::MetricList out;
               out.metrics = store.read([&](state::Tx& tx) { return metrics(tx, query->category); });
               out.count = static_cast<std::int64_t>(out.metrics.size());
               return out;
             });

  routes.get("/api/metrics/{metric_id:path}", {.tag = "metrics", .summary = "One metric"},
             [&store](const http::Param<"metric_id">& id) {
               auto found = store.read([&](state::Tx& tx) { return find_metric(tx, *id); });
               if (!found) throw no_such_metric(*id);
               return std::move(*found);
             });

  routes.get("/api/catalog/metrics/{metric_path:path}",
             {.status = 301, .tag = "catalog", .summary = "Where a metric was once: see /api/metrics"},
             [](const http::Param<"metric_path">& path) {
               std::string id = *path;
               if (id.ends_with(".yml")) id.resize(id.size() - 4);
               return http::Response::redirect("/api/metrics/" + http::percent_encode(id, true), 301);
             });

  routes.post(
      "/api/admin/metrics",
      {.auth = Auth::admin,
       .status = 201,
       .tag = "metrics",
       .summary = "Define a metric, or replace one whole",
       .max_body = kMaxFile},
      [&store, check](const http::Request& request, const http::Caller& caller, const NewMetric& body) {
        refuse_body(check_statements(body, caller, check), body);
        return store.write([&](state::Tx& tx) {
          save_metrics(tx, {body.row()});
          state::record(tx, state::Actor::of(caller, request.client_address()), "save_metric", body.id,
                        json::to_json(body).as_object());
          return find_metric(tx, body.id).value();
        });
      });

  routes.del(
      "/api/admin/metrics/{metric_id:path}",
      {.auth = Auth::admin, .status = 200, .tag = "metrics", .summary = "Delete a metric"},
      [&store](const http::Request& request, const http::Caller& caller, const http::Param<"metric_id">& id) {
        store.write([&](state::Tx& tx) {
          if (!remove_metric(tx, *id)) throw no_such_metric(*id);
          state::record(tx, state::Actor::of(caller, request.client_address()), "delete_metric", *id);
        });
        return Deleted{"deleted", *id};
      });

  routes.post("/api/admin/metrics/import",
              {.auth = Auth::admin,
               .tag = "metrics",
               .summary = "Define metrics by a YAML file: all of it or nothing",
               .executor = http::Executor::query,
               .max_body = kMaxFile},
              [&store, &visible, check](const http::Request& request, const http::Caller& caller,
                                        const http::Form<ImportForm>& form) {
                const std::string name =
                    form->file.filename.empty() ? "the file" : escape_control(form->file.filename);
                return import_file(std::string(form->file.data), name,
                                   state::Actor::of(caller, request.client_address()), caller, store, visible,
                                   check);
              });
}

}  // namespace agnes::metrics
