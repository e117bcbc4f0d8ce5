#include "query/service.h"

#include "base/error.h"
#include "base/json.h"

namespace agnes::query {

namespace {

constexpr std::size_t kMaxSql = 5u << 20;

struct QueryBody {
  std::string sql;
  std::int64_t limit = 1000;
  static constexpr json::Rule rules[] = {{.field = "limit", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(QueryBody, (), (sql, limit))

struct QueryAnswer {
  std::vector<std::string> columns;
  std::vector<boost::json::array> rows;
  std::int64_t row_count = 0;
  bool truncated = false;
};
BOOST_DESCRIBE_STRUCT(QueryAnswer, (), (columns, rows, row_count, truncated))

std::vector<ReadableTable> readable(const catalog::VisibleSet& set) {
  std::vector<ReadableTable> out;
  for (const auto* table : set.tables) {
    ReadableTable item;
    item.name = table->name;
    if (!table->has_data()) item.missing = table->why_no_data();
    item.files = table->files;
    item.union_by_name = table->union_by_name;
    item.attach_file = table->attach_file;
    if (table->attach_file) item.attach_table = table->attach_name;
    out.push_back(std::move(item));
  }
  return out;
}

}  // namespace

std::unique_ptr<Execution> Service::start(const http::Caller& caller, const std::string& sql,
                                          std::int64_t row_limit) {
  if (row_limit < 0) throw Error(ErrorKind::bad_request, "limit is a number of rows, 0 or more");
  Statement statement;
  statement.sql = sql;
  statement.row_limit = std::min(row_limit, limits_.max_rows);
  return start(caller, std::move(statement));
}

std::unique_ptr<Execution> Service::start(const http::Caller& caller, Statement statement) {
  if (statement.sql.size() > kMaxSql) throw Error(ErrorKind::too_large, "a statement has 5 MB at most");
  const auto set = visible_.of(caller);
  statement.max_result_bytes = limits_.max_result_bytes;
  auto execution = pool_.run(
      set->key, [&] { return readable(*set); }, caller.user_id, statement);
  execution->hold(set);  // the files of this generation stay until then
  return execution;
}

boost::json::value Service::run(const http::Caller& caller, const std::string& sql, std::int64_t row_limit) {
  return whole(*start(caller, sql, row_limit));
}

boost::json::value Service::whole(Execution& execution) {
  std::string text, chunk;
  while (execution.next(chunk)) text += chunk;
  return boost::json::parse(text);
}

catalog::SqlCheck Service::check(const http::Caller& caller, const std::string& sql) {
  Statement statement;
  statement.sql = sql;
  statement.format = "tables";
  catalog::SqlCheck out;
  try {
    const auto found = whole(*start(caller, std::move(statement)));
    out.tables = json::from_json<std::vector<std::string>>(found.at("tables"));
    out.refusal = std::string(found.at("refusal").as_string());
  } catch (const Error& error) {
    // Whether it is the statement's fault or the server is busy.
    if (error.kind() != ErrorKind::bad_request && error.kind() != ErrorKind::too_large) throw;
    out.problem = error.what();
  }
  return out;
}

void add_routes(http::Routes& routes, Service& service) {
  routes.post("/api/query",
              {.tag = "query",
               .summary = "Run one SELECT over the tables that you may read",
               .max_body = kMaxSql + (1u << 20),
               .answer = http::schema_of<QueryAnswer>},
              [&service](const http::Caller& caller, const QueryBody& body) {
                std::shared_ptr<Execution> execution = service.start(caller, body.sql, body.limit);
                std::string first, next;
                // What fails, fails before the first part, so it still gets its own status.
                if (!execution->next(first)) return http::Response::json_text("{}");
                if (!execution->next(next)) return http::Response::json_text(std::move(first));
                return http::Response::stream("application/json",
                                              [execution, first = std::move(first),
                                               next = std::move(next)](http::Writer& writer) mutable {
                                                if (!writer.write(first)) return;
                                                do {
                                                  if (!writer.write(next)) return;
                                                } while (execution->next(next));
                                              });
              });
}

}  // namespace agnes::query
