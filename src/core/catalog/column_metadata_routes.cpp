#include "core/catalog/column_metadata_routes.h"

#include "core/catalog/source_kind.h"
#include "core/state/audit.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::catalog {

namespace {

struct ColumnItem {
  std::string column_name;
  std::optional<std::string> basetype, description;
  std::string confidence = "manual", source = "manual";
  static constexpr json::Rule rules[] = {
      {.field = "column_name", .min_length = 1, .max_length = 255},
      {.field = "basetype", .min_length = 1, .max_length = 100},
      {.field = "description", .max_length = 10'000},
      {.field = "confidence",
       .description = "manual, or how sure a proposal is",
       .has_default = true,
       .min_length = 1,
       .max_length = 50},
      {.field = "source",
       .description = "who said so",
       .has_default = true,
       .min_length = 1,
       .max_length = 50},
  };
};
BOOST_DESCRIBE_STRUCT(ColumnItem, (), (column_name, basetype, description, confidence, source))

struct ColumnItems {
  std::vector<ColumnItem> columns;
  static constexpr json::Rule rules[] = {{.field = "columns", .max_length = 10'000}};
  void check(json::Check& check) const {
    std::set<std::string_view> seen;
    for (const auto& item : columns)
      if (!seen.insert(item.column_name).second)
        return check.field("columns",
                           fmt::format("The column {} is there twice", escape_control(item.column_name)));
  }
};
BOOST_DESCRIBE_STRUCT(ColumnItems, (), (columns))

struct Saved {
  std::string status;
  std::int64_t count = 0;
};
BOOST_DESCRIBE_STRUCT(Saved, (), (status, count))
// The id that metadata is kept under. Admins also reach tables that are registered but have not been seen by
// a rebuild.
std::string table_id_of(state::Store& store, const Visible& visible, const http::Caller& caller,
                        const std::string& given) {
  const auto set = visible.of(caller);
  if (const Table* table = set->find(given)) return table->id;
  if (caller.is_admin && store.read([&](state::Tx& tx) { return find(tx, given).has_value(); })) return given;
  return visible.table(*set, caller, given).id;
}

// The sources that take what is known of columns.
std::string takers() {
  std::vector<std::string> names;
  for (const auto& kind : source_kinds())
    if (kind.push_columns != nullptr) names.emplace_back(kind.name);
  return join(names, " and ");
}

}  // namespace

void add_column_metadata_routes(http::Routes& routes, state::Store& store, const Visible& visible,
                                const config::Config& config) {
  using http::Auth;

  routes.get(
      "/api/admin/metadata/{table_id}",
      {.tag = "metadata", .summary = "What is known of a table's columns, for those who may read it"},
      [&store, &visible](const http::Caller& caller, const http::Param<"table_id">& given) {
        const std::string id = table_id_of(store, visible, caller, *given);
        return contract::TableColumns{id, store.read([&](state::Tx& tx) { return column_metadata(tx, id); })};
      });

  routes.post("/api/admin/metadata/{table_id}",
              {.auth = Auth::admin,
               .tag = "metadata",
               .summary = "Describe a table's columns; each replaces what was said of it"},
              [&store, &visible](const http::Request& request, const http::Caller& caller,
                                 const http::Param<"table_id">& given, const ColumnItems& body) {
                const std::string id = table_id_of(store, visible, caller, *given);
                store.write([&](state::Tx& tx) {
                  std::vector<ColumnMetadata> rows;
                  for (const auto& item : body.columns)
                    rows.push_back({.table_id = id,
                                    .column_name = item.column_name,
                                    .basetype = item.basetype,
                                    .description = item.description,
                                    .confidence = item.confidence,
                                    .source = item.source,
                                    .updated_at = {}});
                  save_column_metadata(tx, std::move(rows));
                  state::record(tx, state::Actor::of(caller, request.client_address()),
                                "save_column_metadata", id, {{"columns", body.columns.size()}});
                });
                return Saved{"ok", static_cast<std::int64_t>(body.columns.size())};
              });

  routes.post(
      "/api/admin/metadata/{table_id}/push",
      {.auth = Auth::admin,
       .tag = "metadata",
       .summary = "Tell a table's source what is known of its columns"},
      [&store, &config](const http::Request& request, const http::Caller& caller,
                        const http::Param<"table_id">& id) {
        const auto table = store.read([&](state::Tx& tx) { return find(tx, *id); });
        if (!table)
          throw Error(ErrorKind::not_found,
                      fmt::format("there is no registered table {}", escape_control(*id)));
        const auto* kind = source_kind(*table);
        if (kind == nullptr || kind->push_columns == nullptr)
          throw Error(ErrorKind::bad_request,
                      fmt::format("column metadata can be pushed to {} only; the source of {} is {}",
                                  takers(), table->id, table->source_type.value_or("not known")));
        const auto columns = store.read([&](state::Tx& tx) { return column_metadata(tx, table->id); });
        const auto done = kind->push_columns(config, *table, columns);
        store.write([&](state::Tx& tx) {
          state::record(tx, state::Actor::of(caller, request.client_address()), "push_column_metadata",
                        table->id, {{"pushed", done.pushed}, {"failed", done.errors.size()}});
        });
        if (done.pushed == 0 && !done.errors.empty())
          throw Error(ErrorKind::bad_gateway,
                      fmt::format("{} took none of the columns: {}", kind->name, done.errors.front()));
        return contract::ColumnsPushed{
            done.errors.empty() ? "ok" : "partial", done.pushed, done.errors,
            columns.empty() ? "there is nothing to push: no column has metadata" : ""};
      });
}

}  // namespace agnes::catalog
