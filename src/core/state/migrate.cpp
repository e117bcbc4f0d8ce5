#include "core/state/migrate.h"

#include <fmt/format.h>

#include "app/config/settings.h"
#include "core/state/file.h"
#include "core/state/migrations.h"
#include "core/state/schema.h"
#include "core/state/seed.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/time.h"
#include "lib/duck/rows.h"

namespace agnes::state {

namespace {

struct Place {
  std::string table_name, column_name, data_type;
};
BOOST_DESCRIBE_STRUCT(Place, (), (table_name, column_name, data_type))

std::string sql_name(std::string_view name) {
  return duck::quote_identifier(name);
}

std::string view_of(std::string_view table) {
  return sql_name(fmt::format("was_{}", table));
}

std::string rows_text(std::int64_t rows) {
  return fmt::format("{} row{}", rows, rows == 1 ? "" : "s");
}

// Whether an older database may have it and the schema has something else instead.
bool is_retired(std::string_view table, std::string_view column) {
  const auto& retired = retired_columns();
  const auto& renamed = renamed_columns();
  return std::any_of(retired.begin(), retired.end(),
                     [&](const auto& c) { return c.table == table && c.column == column; }) ||
         std::any_of(renamed.begin(), renamed.end(),
                     [&](const auto& c) { return c.table == table && c.was == column; });
}

bool is_known(std::string_view name) {
  const auto has_name = [&](const Table& table) { return table.name == name; };
  return std::any_of(schema().begin(), schema().end(), has_name) ||
         std::any_of(retired_tables().begin(), retired_tables().end(), has_name);
}

// The new database is `connection`'s own, the older one is attached as `was`.
class Migration {
 public:
  Migration(duck::Connection& connection, int version) : connection_(connection), version_(version) {
    for (auto& place : duck::rows<Place>(connection_,
                                         "SELECT table_name, column_name, data_type FROM duckdb_columns() "
                                         "WHERE database_name = 'was' AND schema_name = 'main' AND "
                                         "table_name IN "
                                         "(SELECT table_name FROM duckdb_tables() WHERE database_name = "
                                         "'was' AND schema_name = 'main') "
                                         "ORDER BY table_oid, column_index"))
      there_[place.table_name].emplace_back(std::move(place.column_name), std::move(place.data_type));
    for (const auto& table : schema()) make_view(table);
    for (const auto& table : retired_tables()) make_view(table);
  }

  // Throws when there are rows that cannot be understood without it.
  void take_bigquery_project(const std::string& project) {
    connection_.execute("SET VARIABLE bigquery_project = " + duck::quote_literal(project));
    if (version_ >= kQueriesNameProject || !project.empty()) return;
    const auto queries = count(std::string(kQueriesWithoutProject));
    if (queries > 0)
      throw Error(ErrorKind::internal, fmt::format("{} of the registered BigQuery queries name no "
                                                   "project, as before schema version "
                                                   "{}: set data_source.bigquery.project and start "
                                                   "again; nothing was changed",
                                                   queries, kQueriesNameProject));
  }

  void fill() {
    for (const auto& table : schema()) fill_table(table);
    if (version_ < kSchemaVersion)
      connection_.execute("INSERT INTO schema_version (version, applied_at) VALUES (?, ?)", kSchemaVersion,
                          now());
    seed(connection_);
    for (const auto& step : steps())
      if (version_ < step.before && (step.only_with == nullptr || config::outside(step.only_with)))
        connection_.execute(std::string(step.sql));
    copy_unknown_tables();
    tell_of_abandoned();
  }

 private:
  using Columns = std::vector<std::pair<std::string, std::string>>;  // name and type

  std::int64_t count(const std::string& sql) {
    return duck::scalar<std::int64_t>(connection_, sql).value_or(0);
  }

  const Columns& columns_of(std::string_view table) const {
    static const Columns none;
    const auto found = there_.find(table);
    return found == there_.end() ? none : found->second;
  }

  // What the view of `table` has as `column`.
  std::string value_in_view(std::string_view table, const Column& column, const char* cast) const {
    const auto& columns = columns_of(table);
    const auto find = [&](std::string_view name) {
      return std::find_if(columns.begin(), columns.end(), [&](const auto& c) { return c.first == name; });
    };
    auto found = find(column.name);
    for (const auto& renamed : renamed_columns())
      if (found == columns.end() && renamed.table == table && renamed.column == column.name)
        found = find(renamed.was);
    if (found != columns.end() && *found == std::pair<std::string, std::string>(column.name, column.type))
      return sql_name(column.name);
    const std::string fallback(column.fallback.empty() ? "NULL" : column.fallback);
    return fmt::format("{}({} AS {}) AS {}", cast, found == columns.end() ? fallback : sql_name(found->first),
                       column.type, sql_name(column.name));
  }

  // Columns of `table` in the file that no version is known to have had.
  Columns strange_columns(const Table& table) const {
    Columns out;
    for (const auto& [name, type] : columns_of(table.name)) {
      const auto has_name = [&name = name](const Column& column) { return column.name == name; };
      if (!is_retired(table.name, name) && std::none_of(table.columns.begin(), table.columns.end(), has_name))
        out.emplace_back(name, type);
    }
    return out;
  }

  void make_view(const Table& table) {
    std::vector<std::string> columns;
    for (const auto& column : table.columns) columns.push_back(value_in_view(table.name, column, "CAST"));
    for (const auto& column : retired_columns())
      if (column.table == table.name)
        columns.push_back(value_in_view(table.name, {column.column, column.type}, "TRY_CAST"));
    for (const auto& [name, type] : strange_columns(table)) columns.push_back(sql_name(name));
    connection_.execute(fmt::format(
        "CREATE TEMP VIEW {} AS SELECT {} FROM {}", view_of(table.name), fmt::join(columns, ", "),
        there_.contains(table.name) ? "was.main." + sql_name(table.name) : "(SELECT 1) WHERE false"));
  }

  std::string value_of(const Table& table, const Column& column) const {
    std::string value = "self." + sql_name(column.name);
    for (const auto& rule : column_rules())
      if (version_ < rule.before && rule.table == table.name && rule.column == column.name) {
        value = rule.sql;
        break;
      }
    // Older files let NULL stand where the schema has a default by now.
    if (column.required && !column.fallback.empty())
      value = fmt::format("coalesce({}, {})", value, column.fallback);
    return value;
  }

  void fill_table(const Table& declared) {
    const auto strange = strange_columns(declared);
    Table table = declared;
    for (const auto& [name, type] : strange) table.columns.push_back({name, type});
    connection_.execute(create_sql(table));
    if (!there_.contains(table.name) || (table.name == "schema_version" && version_ < kSchemaVersion)) return;

    std::vector<std::string> names, values, conditions;
    for (const auto& column : table.columns) {
      names.push_back(sql_name(column.name));
      values.push_back(value_of(table, column));
    }
    for (const auto& rule : row_rules())
      if (version_ < rule.before && rule.table == table.name) conditions.emplace_back(rule.keep);
    for (const auto& reference : table.references)
      conditions.push_back(fmt::format("self.{} IN (SELECT {} FROM {})", sql_name(reference.column),
                                       sql_name(reference.target), sql_name(reference.table)));
    auto filled = connection_.execute(
        fmt::format("INSERT INTO {} ({}) SELECT {} FROM {} self{}{}", sql_name(table.name),
                    fmt::join(names, ", "), fmt::join(values, ", "), view_of(table.name),
                    conditions.empty() ? "" : " WHERE ", fmt::join(conditions, " AND ")));
    if (conditions.empty()) return;
    const auto left = count("SELECT count(*) FROM " + view_of(table.name)) - filled.rows_changed();
    if (left > 0) log::info("{} of {} mean nothing any more and stay behind", rows_text(left), table.name);
  }

  // Tables of somebody else in the same file.
  void copy_unknown_tables() {
    for (const auto& [name, columns] : there_) {
      if (is_known(name)) continue;
      connection_.execute(fmt::format("CREATE TABLE {0} AS SELECT * FROM was.main.{0}", sql_name(name)));
      log::warn(
          "the table {} is none of this program's: its rows are kept, "
          "its keys are not",
          name);
    }
  }

  void tell_of_abandoned() {
    for (const auto name : kAbandoned) {
      const auto rows = count("SELECT count(*) FROM " + view_of(name));
      if (rows > 0) log::info("{} of {} have no successor and stay behind", rows_text(rows), name);
    }
  }

  duck::Connection& connection_;
  const int version_;
  std::map<std::string, Columns, std::less<>> there_;  // what the older file has
};

}  // namespace

bool is_complete(Tx& tx) {
  std::set<std::pair<std::string, std::string>> there;
  for (auto& place : tx.rows<Place>("SELECT table_name, column_name FROM information_schema.columns "
                                    "WHERE table_schema = 'main'"))
    there.emplace(std::move(place.table_name), std::move(place.column_name));
  for (const auto& table : schema())
    for (const auto& column : table.columns)
      if (!there.contains({std::string(table.name), std::string(column.name)})) return false;
  return true;
}

void fill_new_database(duck::Connection& connection) {
  connection.execute("INSERT INTO schema_version (version, applied_at) VALUES (?, ?)", kSchemaVersion, now());
  connection.execute("INSERT INTO setup_banner (id) VALUES (1)");
  for (const char* key : {"welcome", "claude_md", "home"})
    connection.execute("INSERT INTO instance_templates (key) VALUES (?)", key);
}

void migrate(const std::filesystem::path& from, int version, const std::filesystem::path& to,
             const MigrationContext& migration_context) {
  auto database = open_database(to);
  auto connection = connect(database);
  connection.execute(fmt::format("ATTACH {} AS was (READ_ONLY)",
                                 duck::quote_literal(std::filesystem::absolute(from).string())));
  connection.execute("SET threads = 1");  // many small tables: a second thread costs more than it does
  Migration migration(connection, version);
  migration.take_bigquery_project(migration_context.bigquery_project);
  duck::Transaction transaction(connection);
  migration.fill();
  transaction.commit();
  // Into the one file, or an error: closing would only try.
  connection.execute("CHECKPOINT");
}

}  // namespace agnes::state
