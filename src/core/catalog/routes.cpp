#include "core/catalog/routes.h"

#include "contract/catalogue.h"
#include "core/catalog/column_metadata.h"
#include "core/catalog/shared_texts.h"
#include "core/catalog/source_kind.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/duck/database.h"

namespace agnes::catalog {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

struct SampleQuery {
  int n = 5;
  static constexpr json::Rule rules[] = {{.field = "n", .has_default = true, .ge = 1, .le = 100}};
};
BOOST_DESCRIBE_STRUCT(SampleQuery, (), (n))
// Null for a table that is asked in DuckDB's SQL.
const Dialect* dialect_of(const Table& table) {
  const auto* kind = source_kind(table.source_type);
  return kind != nullptr && kind->dialect ? &*kind->dialect : nullptr;
}

std::string flavor(const Table& table) {
  const auto* dialect = dialect_of(table);
  return std::string(dialect != nullptr ? dialect->name : "duckdb");
}

std::string fetch_hint(const Table& table) {
  if (const auto* dialect = dialect_of(table); dialect != nullptr)
    return fmt::format("agnes snapshot create {} --select <cols> --where '{}' --limit <N>", table.id,
                       dialect->predicate);
  return "already local — query directly via `agnes query`";
}

std::string size_hint(std::int64_t bytes) {
  constexpr std::int64_t kMiB = 1 << 20;
  if (bytes <= 100 * kMiB) return "small";
  if (bytes <= 1024 * kMiB) return "medium";
  return bytes <= 10 * 1024 * kMiB ? "large" : "very_large";
}

bool stays_elsewhere(const Table* table) {
  return table->registered && is_remote(*table);
}

void describe_remote(contract::CatalogueTable& item, const RemoteMetadata& known,
                     const std::string& freshness) {
  item.metadata_freshness = freshness;
  // An engine that counts tables says 0 of a view.
  if (known.entity_type.value_or("BASE TABLE") == "BASE TABLE") {
    item.rows = known.rows;
    item.size_bytes = known.size_bytes;
    if (known.size_bytes) item.rough_size_hint = size_hint(*known.size_bytes);
  }
  item.partition_by = known.partition_by;
  if (const auto* columns = known.clustered_by.if_array())
    for (const auto& column : *columns)
      if (column.is_string()) item.clustered_by.emplace_back(std::string_view(column.get_string()));
  item.entity_type = known.entity_type;
}

// A contract::Catalogue, written as far as its time.
std::string catalog_until_time(const VisibleSet& set, const RemoteTables& remote) {
  std::map<std::string, RemoteMetadata> known;
  if (std::any_of(set.tables.begin(), set.tables.end(), stays_elsewhere))
    for (auto& row : remote.stored()) known.emplace(row.table_id, std::move(row));
  const auto moment = now();
  std::string out = R"({"tables":[)";
  out.reserve(set.tables.size() * 450);
  for (const Table* t : set.tables) {
    if (!t->registered) continue;
    contract::CatalogueTable item{.id = t->id,
                                  .name = t->name,
                                  .description = t->description,
                                  .source_type = t->source_type,
                                  .query_mode = t->query_mode,
                                  .sql_flavor = flavor(*t),
                                  .where_examples = {},
                                  .fetch_via = fetch_hint(*t),
                                  .rough_size_hint = {},
                                  .rows = {},
                                  .size_bytes = {},
                                  .partition_by = {},
                                  .clustered_by = {},
                                  .entity_type = {}};
    if (stays_elsewhere(t))
      describe_remote(item, known[t->id], remote.freshness(known[t->id], moment));
    else if (t->has_data())
      item.rough_size_hint = size_hint(t->size_bytes);
    if (out.back() != '[') out += ',';
    json::append(out, item);
  }
  out += R"(],"server_time":")";
  return out;
}

// The registration of a table whose engine can be asked; nothing for one that is here. Throws Error
// (not_found) for one that is neither.
std::optional<Registration> at_engine(state::Store& store, const Table& table) {
  if (table.has_data()) return std::nullopt;
  auto row = store.read([&](state::Tx& tx) { return find(tx, table.id); });
  if (!row || !is_at_engine(*row)) throw Error(ErrorKind::not_found, table.why_no_data());
  return row;
}

// Samples have dates as times, as the contract's clients know them; all else is as in the query API.
std::string sample_sql(const Table& table) {
  std::string list;
  for (const auto& column : table.columns) {
    const std::string name = duck::quote_identifier(column.name);
    std::string item = name;
    if (column.type == "DATE")
      item = fmt::format(
          "CASE WHEN {0} BETWEEN DATE '0001-01-01' AND DATE '9999-12-31' THEN strftime({0}, "
          "'%Y-%m-%dT00:00:00') "
          "ELSE CAST({0} AS VARCHAR) END",
          name);
    list += fmt::format("{}{} AS {}", list.empty() ? "" : ", ", item, name);
  }
  return fmt::format("SELECT {} FROM {}", list.empty() ? "*" : list, duck::quote_identifier(table.name));
}

}  // namespace

void add_routes(http::Routes& routes, state::Store& store, const Visible& visible, RemoteTables& remote,
                RunQuery run) {
  routes.get("/api/catalog/tables",
             {.tag = "catalog",
              .summary = "The tables that you may read",
              .answer = http::schema_of<contract::TableBriefs>},
             [&visible, texts = std::make_shared<SharedTexts>()](const http::Caller& caller) {
               const auto set = visible.of(caller);
               return http::Response::shared_json({texts->of(*set, "", [&] {
                 contract::TableBriefs out;
                 for (const Table* t : set->tables)
                   if (t->registered)
                     out.tables.push_back(
                         {t->id, t->name, t->description, t->source_type, t->sync_strategy, t->query_mode});
                 out.count = static_cast<std::int64_t>(out.tables.size());
                 return json::to_text(out);
               })});
             });

  routes.get("/api/v2/catalog",
             {.tag = "catalog",
              .summary = "The tables that you may read, with how to use them",
              .answer = http::schema_of<contract::Catalogue>},
             [&visible, &remote, texts = std::make_shared<SharedTexts>()](const http::Caller& caller) {
               const auto set = visible.of(caller);
               const bool remotes = std::any_of(set->tables.begin(), set->tables.end(), stays_elsewhere);
               auto text = texts->of(*set, remotes ? std::to_string(remote.version()) : "",
                                     [&] { return catalog_until_time(*set, remote); });
               return http::Response::shared_json({std::move(text), format_iso_utc(now()) + "\"}"});
             });

  routes.get(
      "/api/v2/schema/{table_id}", {.tag = "catalog", .summary = "A table's columns"},
      [&visible, &store, &remote](const http::Caller& caller, const http::Param<"table_id">& id) {
        const auto set = visible.of(caller);
        const Table& table = visible.table(*set, caller, *id);
        const auto remote_row = at_engine(store, table);
        std::map<std::string, std::string> descriptions;
        for (auto& row : store.read([&](state::Tx& tx) { return column_metadata(tx, table.id); }))
          descriptions.emplace(to_lower(row.column_name), row.description.value_or(""));
        contract::TableSchema out{.table_id = table.id,
                                  .source_type = table.source_type,
                                  .sql_flavor = flavor(table),
                                  .columns = {},
                                  .partition_by = {},
                                  .clustered_by = {},
                                  .where_dialect_hints = {}};
        const auto described = [&](const std::string& name, const std::string& there) {
          const auto found = descriptions.find(to_lower(name));
          return found != descriptions.end() && !found->second.empty() ? found->second : there;
        };
        for (const auto& column : table.columns)
          if (!remote_row)
            out.columns.push_back({column.name, column.type, column.nullable, described(column.name, "")});
        if (!remote_row) return out;
        const auto facts = remote.facts(*remote_row);
        for (const auto& column : facts.columns)
          out.columns.push_back(
              {column.name, column.type, column.nullable, described(column.name, column.description)});
        out.partition_by = facts.partition_by;
        out.clustered_by = facts.clustered_by;
        if (const auto* dialect = dialect_of(table); dialect != nullptr)
          out.where_dialect_hints = dialect->examples;
        return out;
      });

  routes.get(
      "/api/v2/sample/{table_id}",
      {.tag = "catalog",
       .summary = "A table's first rows",
       .executor = http::Executor::query,
       .answer = http::schema_of<contract::TableSample>},
      [&visible, &store, &remote, run](const http::Caller& caller, const http::Param<"table_id">& id,
                                       const http::Query<SampleQuery>& query) {
        const auto set = visible.of(caller);
        const Table& table = visible.table(*set, caller, *id);
        if (const auto row = at_engine(store, table)) {
          http::enter_group("remote");
          return http::Response::json(agnes::json::to_json(contract::TableSample{
              .table_id = table.id, .rows = remote.rows(*row, query->n), .source = table.source_type}));
        }
        return run(caller, sample_sql(table), query->n,
                   fmt::format(R"({{"table_id":{},"rows":)", boost::json::serialize(value(table.id))),
                   fmt::format(R"(,"source":{}}})", boost::json::serialize(value(table.source_type))));
      });
}

}  // namespace agnes::catalog
