#include "catalog/routes.h"

#include "base/error.h"
#include "duck/database.h"

namespace agnes::catalog {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

struct TableItem {
  std::string id, name, description, source_type, sync_strategy, query_mode;
};
BOOST_DESCRIBE_STRUCT(TableItem, (), (id, name, description, source_type, sync_strategy, query_mode))
struct TableItems {
  std::vector<TableItem> tables;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(TableItems, (), (tables, count))

struct CatalogItem {
  std::string id, name, description, source_type, query_mode, sql_flavor;
  std::vector<std::string> where_examples;
  std::string fetch_via;
  std::optional<std::string> rough_size_hint;
  std::optional<std::int64_t> rows, size_bytes;
  std::optional<std::string> partition_by;
  std::vector<std::string> clustered_by;
  std::optional<std::string> entity_type;
  std::string metadata_freshness = "not_applicable";
};
BOOST_DESCRIBE_STRUCT(CatalogItem, (),
                      (id, name, description, source_type, query_mode, sql_flavor, where_examples, fetch_via,
                       rough_size_hint, rows, size_bytes, partition_by, clustered_by, entity_type,
                       metadata_freshness))
struct CatalogList {
  std::vector<CatalogItem> tables;
  std::string server_time;
};
BOOST_DESCRIBE_STRUCT(CatalogList, (), (tables, server_time))

struct SchemaColumn {
  std::string name, type;
  bool nullable = true;
  std::string description;
};
BOOST_DESCRIBE_STRUCT(SchemaColumn, (), (name, type, nullable, description))
struct TableSchema {
  std::string table_id, source_type, sql_flavor;
  std::vector<SchemaColumn> columns;
  std::optional<std::string> partition_by;
  std::vector<std::string> clustered_by;
  object where_dialect_hints;
};
BOOST_DESCRIBE_STRUCT(TableSchema, (),
                      (table_id, source_type, sql_flavor, columns, partition_by, clustered_by,
                       where_dialect_hints))

struct SampleQuery {
  int n = 5;
  static constexpr json::Rule rules[] = {{.field = "n", .has_default = true, .ge = 1, .le = 100}};
};
BOOST_DESCRIBE_STRUCT(SampleQuery, (), (n))
struct TableSample {
  std::string table_id;
  array rows;
  std::string source;
};
BOOST_DESCRIBE_STRUCT(TableSample, (), (table_id, rows, source))

std::string flavor(const Table& table) {
  return table.source_type == "bigquery" ? "bigquery" : "duckdb";
}

std::string fetch_hint(const Table& table) {
  if (table.source_type == "bigquery")
    return fmt::format("agnes snapshot create {} --select <cols> --where '<BQ predicate>' --limit <N>",
                       table.id);
  return "already local — query directly via `agnes query`";
}

std::optional<std::string> size_hint(const Table& table) {
  if (table.query_mode == "remote" || !table.has_data()) return std::nullopt;
  constexpr std::int64_t kMiB = 1 << 20;
  if (table.size_bytes <= 100 * kMiB) return "small";
  if (table.size_bytes <= 1024 * kMiB) return "medium";
  return table.size_bytes <= 10 * 1024 * kMiB ? "large" : "very_large";
}

CatalogItem catalog_item(const Table& table) {
  CatalogItem item{.id = table.id,
                   .name = table.name,
                   .description = table.description,
                   .source_type = table.source_type,
                   .query_mode = table.query_mode,
                   .sql_flavor = flavor(table),
                   .where_examples = {},
                   .fetch_via = fetch_hint(table),
                   .rough_size_hint = size_hint(table),
                   .rows = {},
                   .size_bytes = {},
                   .partition_by = {},
                   .clustered_by = {},
                   .entity_type = {}};
  if (table.query_mode == "remote") item.metadata_freshness = "never_fetched";
  return item;
}

// Lists that callers with the same rights share, as JSON text: with ten thousand tables each takes a while to
// make. Thread-safe.
class SharedLists {
 public:
  std::shared_ptr<const std::string> of(const VisibleSet& set, const std::function<std::string()>& make) {
    {
      std::lock_guard lock(mutex_);
      if (const auto found = texts_.find(set.key); found != texts_.end()) return found->second;
    }
    auto text = std::make_shared<const std::string>(make());
    std::lock_guard lock(mutex_);
    // Nobody comes back to the lists of an earlier generation.
    if (generation_ != set.generation->number() || bytes_ + text->size() > kMaxBytes) {
      texts_.clear();
      bytes_ = 0;
      generation_ = set.generation->number();
    }
    if (texts_.emplace(set.key, text).second) bytes_ += text->size();
    return text;
  }

 private:
  static constexpr std::size_t kMaxBytes = 16u << 20;
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<const std::string>> texts_;
  std::size_t bytes_ = 0;
  std::uint64_t generation_ = 0;
};

const Table& with_data(const Table& table) {
  if (!table.has_data()) throw Error(ErrorKind::not_found, table.why_no_data());
  return table;
}

// Samples have dates as times and decimals as numbers, as the contract's clients know them.
std::string sample_sql(const Table& table) {
  std::string list;
  for (const auto& column : table.columns) {
    const std::string name = duck::quote_identifier(column.name);
    std::string item = name;
    if (column.type == "DATE")
      item = fmt::format("strftime({}, '%Y-%m-%dT00:00:00')", name);
    else if (column.type.starts_with("TIMESTAMP"))
      item = fmt::format("replace(CAST({} AS VARCHAR), ' ', 'T')", name);
    else if (column.type.starts_with("DECIMAL"))
      item = fmt::format("CAST({} AS DOUBLE)", name);
    list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", item, name);
  }
  return fmt::format("SELECT {} FROM {}", list.empty() ? "*" : list, duck::quote_identifier(table.name));
}

}  // namespace

void add_routes(http::Routes& routes, const Visible& visible, RunQuery run) {
  routes.get(
      "/api/catalog/tables",
      {.tag = "catalog", .summary = "The tables that you may read", .answer = http::schema_of<TableItems>},
      [&visible, lists = std::make_shared<SharedLists>()](const http::Caller& caller) {
        const auto set = visible.of(caller);
        return http::Response::json_text(*lists->of(*set, [&] {
          TableItems out;
          for (const Table* t : set->tables)
            if (t->registered)
              out.tables.push_back(
                  {t->id, t->name, t->description, t->source_type, t->sync_strategy, t->query_mode});
          out.count = static_cast<std::int64_t>(out.tables.size());
          return json::to_text(out);
        }));
      });

  routes.get("/api/v2/catalog",
             {.tag = "catalog",
              .summary = "The tables that you may read, with how to use them",
              .answer = http::schema_of<CatalogList>},
             [&visible, lists = std::make_shared<SharedLists>()](const http::Caller& caller) {
               const auto set = visible.of(caller);
               const auto tables = lists->of(*set, [&] {
                 std::vector<CatalogItem> out;
                 for (const Table* t : set->tables)
                   if (t->registered) out.push_back(catalog_item(*t));
                 return json::to_text(out);
               });
               return http::Response::json_text(
                   fmt::format(R"({{"tables":{},"server_time":"{}"}})", *tables, format_iso_utc(now())));
             });

  routes.get("/api/v2/schema/{table_id}", {.tag = "catalog", .summary = "A table's columns"},
             [&visible](const http::Caller& caller, const http::Param<"table_id">& id) {
               const auto set = visible.of(caller);
               const Table& table = with_data(visible.table(*set, caller, *id));
               TableSchema out{.table_id = table.id,
                               .source_type = table.source_type,
                               .sql_flavor = flavor(table),
                               .columns = {},
                               .partition_by = {},
                               .clustered_by = {},
                               .where_dialect_hints = {}};
               for (const auto& column : table.columns)
                 out.columns.push_back({column.name, column.type, column.nullable, ""});
               return out;
             });

  routes.get("/api/v2/sample/{table_id}", {.tag = "catalog", .summary = "A table's first rows"},
             [&visible, run](const http::Caller& caller, const http::Param<"table_id">& id,
                             const http::Query<SampleQuery>& query) {
               const auto set = visible.of(caller);
               const Table& table = with_data(visible.table(*set, caller, *id));
               const value answer = run(caller, sample_sql(table), query->n);
               const auto& names = answer.at("columns").as_array();
               TableSample out{.table_id = table.id, .rows = {}, .source = table.source_type};
               for (const auto& row : answer.at("rows").as_array()) {
                 object item;
                 for (std::size_t i = 0; i < names.size(); ++i) item[names[i].as_string()] = row.at(i);
                 out.rows.push_back(std::move(item));
               }
               return out;
             });
}

}  // namespace agnes::catalog
