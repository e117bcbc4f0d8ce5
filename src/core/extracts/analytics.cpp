#include "core/extracts/analytics.h"

#include <unistd.h>

#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/duck/attach.h"

namespace agnes::extracts {

namespace {
std::string view_of(const CatalogueTable& table) {
  if (table.kind == "remote") return "";
  std::string from;
  if (table.kind == "parquet") {
    std::vector<std::string> files;
    for (const auto& file : table.files) files.push_back(file.origin);
    from = read_parquet_sql(files, table.union_by_name);
  } else {
    from = duck::quote_identifier(table.source) + "." + duck::quote_identifier(table.name);
  }
  return "CREATE VIEW " + duck::quote_identifier(table.name) + " AS SELECT * FROM " + from;
}
}  // namespace

std::vector<Problem> build_analytics(const std::string& file, const std::vector<CatalogueTable>& tables,
                                     std::string& built_from) {
  std::string ingredients;
  for (const auto& table : tables) {
    ingredients += view_of(table) + ";";
    for (const auto& column : table.columns) ingredients += column.name + " " + column.type + ",";
  }
  const std::string fingerprint = md5_hex(ingredients);
  if (fingerprint == built_from && fs::exists(file)) return {};

  std::vector<Problem> problems;
  std::error_code error;
  fs::create_directories(fs::path(file).parent_path(), error);
  if (error) throw system_error("cannot create " + fs::path(file).parent_path().string(), error.value());
  remove_leftovers(fs::path(file).parent_path());
  PendingFile pending{fs::path(file)};
  {
    duck::Database database({pending.temporary(), {{"threads", "1"}}});
    auto connection = database.connect();
    std::string attached;
    const auto make = [&](const CatalogueTable& table) {
      const std::string sql = view_of(table);
      if (sql.empty()) return;
      try {
        if (table.kind != "parquet" && attached != table.source) {
          duck::attach_read_only(connection, table.attach_file, table.source);
          attached = table.source;
        }
        if (table.kind != "parquet") duck::check_plain_table(connection, table.source, table.name);
        connection.execute(sql);
      } catch (const duck::QueryError& failure) {
        problems.push_back({"extract",
                            table.source,
                            table.name,
                            {},
                            {},
                            fmt::format("table '{}' of '{}' has no view in the analytics database: {}",
                                        table.name, table.source, short_message(failure.what()))});
      }
    };
    // One transaction, since each costs a sync; a view that fails would end it, so those are made apart.
    try {
      duck::Transaction transaction(connection);
      for (const auto& table : tables)
        if (table.kind == "parquet") connection.execute(view_of(table));
      transaction.commit();
    } catch (const duck::QueryError&) {
      for (const auto& table : tables)
        if (table.kind == "parquet") make(table);
    }
    for (const auto& table : tables)
      if (table.kind != "parquet") make(table);
    connection.execute("CHECKPOINT");
  }
  ::unlink((file + ".wal").c_str());
  pending.commit();
  built_from = problems.empty() ? fingerprint : "";
  return problems;
}

std::vector<Problem> check_analytics(const std::string& file) {
  auto engine = open_engine({});
  auto connection = engine.connect();
  try {
    duck::attach_read_only(connection, file, "analytics");
  } catch (const duck::QueryError& failure) {
    throw Error(ErrorKind::invalid, short_message(failure.what()));
  }
  std::vector<Problem> problems;
  const auto views = connection
                         .execute(
                             "SELECT view_name FROM duckdb_views() WHERE database_name = 'analytics' AND NOT "
                             "internal ORDER BY 1")
                         .rows();
  for (const auto& row : views) {
    const auto& name = std::get<std::string>(row.at(0));
    try {
      connection.execute("DESCRIBE analytics." + duck::quote_identifier(name));
    } catch (const duck::QueryError& failure) {
      problems.push_back({"extract", "", name, {}, {}, short_message(failure.what())});
    }
  }
  return problems;
}

}  // namespace agnes::extracts
