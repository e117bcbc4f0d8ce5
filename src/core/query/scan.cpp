#include "core/query/scan.h"

#include "core/query/messages.h"
#include "lib/base/text.h"
#include "lib/duck/database.h"

namespace agnes::query {

namespace {

constexpr const char* kArrow = "application/vnd.apache.arrow.stream";

// The table's own way to write the column; Error when it has none of that name in any case.
const std::string& column_of(const catalog::Table& table, std::string_view name, std::string_view field) {
  for (const auto& column : table.columns)
    if (iequals(column.name, name)) return column.name;
  throw Error(ErrorKind::bad_request,
              fmt::format("{}: the table {} has no column \"{}\"", field, table.id, shown_text(name, 100)));
}

std::string order_of(const catalog::Table& table, std::string_view entry) {
  entry = trim(entry);
  std::string_view direction;
  if (const auto space = entry.find_last_of(" \t"); space != std::string_view::npos) {
    const auto last = entry.substr(space + 1);
    if (iequals(last, "ASC") || iequals(last, "DESC")) {
      direction = iequals(last, "ASC") ? " ASC" : " DESC";
      entry = trim(entry.substr(0, space));
    }
  }
  return duck::quote_identifier(column_of(table, entry, "order_by")) + std::string(direction);
}

std::string listed(const std::vector<std::string>& names, auto write) {
  std::string out;
  for (const auto& name : names) out += (out.empty() ? "" : ", ") + write(name);
  return out;
}

// The contract answers 400, in words, where other routes answer 422 with a list.
contract::ScanRequest read_request(const boost::json::object& body) {
  try {
    return json::from_json<contract::ScanRequest>(body);
  } catch (const Error& error) {
    throw Error(ErrorKind::bad_request, error.what());
  }
}

}  // namespace

Statement Scans::statement(const http::Caller& caller, const catalog::VisibleSet& set,
                           const contract::ScanRequest& request) const {
  const catalog::Table& table = visible_.table(set, caller, request.table_id);
  if (!table.has_data()) throw Error(ErrorKind::not_found, table.why_no_data());
  if (request.limit && *request.limit > limits_.max_limit)
    throw Error(ErrorKind::bad_request,
                fmt::format("limit: {} rows are the most; leave it out for all", limits_.max_limit));

  Statement out;
  out.format = "arrow";
  out.max_result_bytes = limits_.max_result_bytes;
  out.time_limit_seconds = limits_.time_limit_seconds;
  std::string columns = "*";
  if (request.select && !request.select->empty())
    columns = listed(*request.select, [&](const std::string& name) {
      return duck::quote_identifier(column_of(table, name, "select"));
    });
  // Columns may be written with the table's name as the caller has it.
  out.sql = fmt::format("SELECT {} FROM {} AS {}", columns, duck::quote_identifier(table.name),
                        duck::quote_identifier(request.table_id));
  if (request.where && !request.where->empty()) {
    std::string_view text = trim(*request.where);
    while (text.ends_with(';')) text = trim(text.substr(0, text.size() - 1));
    Predicate predicate{std::string(text), request.table_id, {}};
    for (const auto& column : table.columns) predicate.columns.push_back(column.name);
    out.sql += " WHERE (" + predicate.text + "\n)";  // a comment at its end ends there
    out.predicate = std::move(predicate);
  }
  if (request.order_by && !request.order_by->empty())
    out.sql += " ORDER BY " +
               listed(*request.order_by, [&](const std::string& entry) { return order_of(table, entry); });
  if (request.limit) out.sql += fmt::format(" LIMIT {}", *request.limit);
  return out;
}

http::Response Scans::fetch(const http::Caller& caller, const contract::ScanRequest& request) {
  auto still = visible_.still_readable(caller);
  auto set = visible_.of(caller);
  const auto asked = statement(caller, *set, request);
  auto place = quota_.take(caller.user_id);
  // Slow readers of long streams leave room for everybody's queries. What has to wait for that holds no place of the
  // quota meanwhile.
  http::enter_group("scans");
  return relay(service_.start(std::move(set), asked),
               {.content_type = kArrow,
                .transfer_limit = std::chrono::seconds(limits_.transfer_timeout_seconds),
                .spool = &service_.spool(),
                .on_bytes = [place](std::size_t bytes) { place->count(bytes); },
                .still_allowed = std::move(still)});
}

void Scans::check(const http::Caller& caller, const contract::ScanRequest& request) {
  auto set = visible_.of(caller);
  auto asked = statement(caller, *set, request);
  if (!asked.predicate) return;  // nothing that only DuckDB can tell
  asked.sql = "EXPLAIN " + asked.sql;
  std::string ignored;
  const auto execution = service_.start(std::move(set), asked);
  while (execution->next(ignored)) continue;
}

void add_scan_routes(http::Routes& routes, Scans& scans) {
  const auto authorised = [](auto work) {
    try {
      return work();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::forbidden) throw;
      throw Error(ErrorKind::forbidden, error.what(), "not authorized");
    }
  };
  routes.post(
      "/api/v2/scan",
      {.tag = "query",
       .summary = "Rows of one table as an Arrow IPC stream",
       .description = "A stream without its end (the HTTP answer is not ended either) was cut: at the "
                      "limit of bytes, of time, or by an error on the way.",
       .executor = http::Executor::query,
       .body = http::schema_of<contract::ScanRequest>,
       .answer_type = kArrow},
      [&scans, authorised](const http::Caller& caller, const boost::json::object& body) {
        return authorised([&] { return scans.fetch(caller, read_request(body)); });
      });

  routes.post("/api/v2/scan/estimate",
              {.tag = "query",
               .summary = "What a scan would read from a remote engine, and cost",
               .description = "A table that is here costs nothing; the request is checked all the same.",
               .executor = http::Executor::query,
               .body = http::schema_of<contract::ScanRequest>},
              [&scans, authorised](const http::Caller& caller, const boost::json::object& body) {
                const auto request = read_request(body);
                authorised([&] { scans.check(caller, request); });
                return contract::ScanEstimate{
                    .table_id = request.table_id, .estimated_result_rows = {}, .estimated_result_bytes = {}};
              });
}

}  // namespace agnes::query
