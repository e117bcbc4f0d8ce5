#include "sync/table_read.h"

namespace agnes::sync {

namespace {
std::string attach(duck::Connection& connection, const SampleRequest& request) {
  if (request.attach_file.empty()) return read_parquet_sql(request.files, request.union_by_name);
  connection.execute("ATTACH " + duck::quote_literal(request.attach_file) +
                     " AS extract (TYPE duckdb, READ_ONLY)");
  return "extract." + duck::quote_identifier(request.table);
}
std::vector<Column> columns_of(duck::Connection& connection, const std::string& from) {
  std::vector<Column> out;
  for (const auto& row : connection.execute("DESCRIBE SELECT * FROM " + from).rows())
    out.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1))});
  return out;
}
}  // namespace

Sample read_sample(const SampleRequest& request) {
  auto engine = open_engine({"", 256u << 20, 1});
  auto connection = engine.connect();
  const std::string from = attach(connection, request);
  Sample out{columns_of(connection, from), {}};
  const auto rows =
      connection
          .execute(fmt::format("SELECT CAST(to_json(t) AS VARCHAR) FROM (SELECT {} * FROM {} LIMIT {}) t",
                               request.distinct ? "DISTINCT" : "", from, request.rows))
          .rows();
  for (const auto& row : rows) out.rows.push_back(boost::json::parse(std::get<std::string>(row.at(0))));
  return out;
}

std::vector<Column> read_columns(const SampleRequest& request) {
  auto engine = open_engine({"", 256u << 20, 1});
  auto connection = engine.connect();
  return columns_of(connection, attach(connection, request));
}

}  // namespace agnes::sync
