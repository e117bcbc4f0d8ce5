#include "app/module.h"

#include "core/catalog/column_metadata_routes.h"
#include "core/catalog/registry_routes.h"
#include "core/catalog/routes.h"
#include "core/catalog/source_kind.h"
#include "core/catalog/table_resource.h"
#include "core/identity/identity.h"
#include "core/state/schema.h"

namespace agnes::catalog {

namespace {

using boost::json::array;
using boost::json::object;

object extracts_health(const Generation* generation) {
  if (generation == nullptr) return {{"status", "unknown"}, {"detail", "the extracts are being read"}};
  struct Source {
    std::int64_t tables = 0, rows = 0;
    std::optional<Timestamp> newest, oldest;
  };
  std::map<std::string, Source> by_name;
  std::int64_t without_data = 0;
  for (const auto& table : generation->tables()) {
    if (table.source.empty()) {
      if (!is_remote(table)) ++without_data;
      continue;
    }
    auto& source = by_name[table.source];
    ++source.tables;
    source.rows += table.rows;
    if (!table.updated) continue;
    source.newest = std::max(source.newest.value_or(*table.updated), *table.updated);
    source.oldest = std::min(source.oldest.value_or(*table.updated), *table.updated);
  }
  array sources;
  std::int64_t stale = 0;
  for (const auto& [name, source] : by_name) {
    object entry{{"name", name}, {"tables", source.tables}, {"rows", source.rows}};
    if (source.newest) {
      const std::int64_t age = std::max<std::int64_t>(0, seconds(now()) - seconds(*source.newest));
      entry["newest"] = format_iso_utc(*source.newest);
      entry["oldest"] = format_iso_utc(*source.oldest);
      entry["age_seconds"] = age;
      if (age > kStaleAfterSeconds) ++stale;
    }
    sources.emplace_back(std::move(entry));
  }
  object part{{"status", stale > 0          ? "warning"
                         : without_data > 0 ? "info"
                                            : "ok"},
              {"generation", generation->number()},
              {"sources", std::move(sources)}};
  if (stale > 0)
    part["detail"] = fmt::format("{} of {} sources brought nothing for a day", stale, by_name.size());
  else if (without_data > 0)
    part["detail"] = fmt::format("{} registered tables have no data yet", without_data);
  return part;
}

void write_tables(app::Exposition& out, const Generation* generation) {
  struct Source {
    std::int64_t tables = 0, rows = 0, bytes = 0;
    std::optional<std::int64_t> oldest, newest;
  };
  std::map<std::string, Source> by_source;
  if (generation != nullptr) {
    for (const auto& table : generation->tables()) {
      auto& source = by_source[table.source];
      ++source.tables;
      source.rows += table.rows;
      source.bytes += table.size_bytes;
      if (!table.updated) continue;
      const std::int64_t at = seconds(*table.updated);
      source.oldest = std::min(source.oldest.value_or(at), at);
      source.newest = std::max(source.newest.value_or(at), at);
    }
  }
  out.one("agnes_generation", "gauge",
          "Number of the set of tables that is served; 0 until the extracts are read",
          generation == nullptr ? 0 : generation->number());
  const auto each = [&](const char* name, const char* help, const auto& member) {
    out.family(name, "gauge", help);
    for (const auto& [source, facts] : by_source)
      if (const auto value = member(facts)) out.sample(*value, {{"source", source}});
  };
  using Number = std::optional<std::int64_t>;
  each("agnes_tables", "Tables by source; no source: registered and without data",
       [](const Source& s) { return Number(s.tables); });
  each("agnes_rows", "Rows of all tables of a source", [](const Source& s) { return Number(s.rows); });
  each("agnes_data_bytes", "Size of a source's files", [](const Source& s) { return Number(s.bytes); });
  each("agnes_newest_table_timestamp_seconds", "When the latest synced table of a source was synced",
       [](const Source& s) { return s.newest; });
  each("agnes_oldest_table_timestamp_seconds", "When the longest not synced table of a source was synced",
       [](const Source& s) { return s.oldest; });
}

// What tables there are. The routes ask interfaces that later modules provide: the registry's hooks, engines of remote
// tables, queries.
class CatalogModule final : public app::Module {
 public:
  explicit CatalogModule(app::Services& services)
      : services_(services), visible_(services.get<identity::Identity>().directory(), generations_) {
    services.get<identity::Identity>().resource_types().add(table_resource());
    services.provide(generations_);
    services.provide(visible_);
    generations_.on_publish([this](const Generation&) { visible_.forget(); });
  }

  void routes(http::Routes& routes) override {
    auto& store = services_.get<state::Store>();
    add_registry_routes(routes, services_.get<identity::Identity>().directory(),
                        services_.get<RegistryHooks>());
    add_routes(routes, store, visible_, services_.get<RemoteTables>(), services_.get<RunQuery>());
    add_column_metadata_routes(routes, store, visible_, services_.config);
  }

  void health(app::HealthReport& report) const override {
    if (report.caller().is_admin) report.add("extracts", extracts_health(generations_.peek().get()));
  }
  void metrics(app::Exposition& out) const override { write_tables(out, generations_.peek().get()); }

 private:
  app::Services& services_;
  Generations generations_;
  Visible visible_;
};

void declare(app::Declarations& declarations) {
  // Registrations of this source come from other versions. No connector here brings it.
  declare_source(declarations.settings, {.type = "jira", .name = "Jira", .incremental = false});
  using namespace state::types;
  state::declare_table({.name = "table_registry",
                        .columns = {{"id", kText},
                                    {"name", kText, kRequired},
                                    {"source_type", kText},
                                    {"bucket", kText},
                                    {"source_table", kText},
                                    {"source_query", kText},
                                    {"sync_strategy", kText, kNullable, "'full_refresh'"},
                                    {"query_mode", kText, kNullable, "'local'"},
                                    {"sync_schedule", kText},
                                    {"profile_after_sync", kBool, kNullable, "true"},
                                    {"primary_key", kText},
                                    {"folder", kText},
                                    {"description", kText},
                                    {"registered_by", kText},
                                    {"registered_at", kTime, kNullable, kNow},
                                    {"incremental_window_days", kInt},
                                    {"max_history_days", kInt},
                                    {"incremental_column", kText},
                                    {"where_filters", kText},
                                    {"partition_by", kText},
                                    {"partition_granularity", kText},
                                    {"initial_load_chunk_days", kInt}},
                        .primary_key = {"id"}});
  declare_kept_by_id("column_metadata");
  state::declare_table({.name = "column_metadata",
                        .columns = {{"table_id", kText},
                                    {"column_name", kText},
                                    {"basetype", kText},
                                    {"description", kText},
                                    {"confidence", kText, kNullable, "'manual'"},
                                    {"source", kText, kNullable, "'manual'"},
                                    {"updated_at", kTime, kNullable, kNow}},
                        .primary_key = {"table_id", "column_name"}});
}

}  // namespace

app::ModuleKind module() {
  return {"catalog", declare, app::make_module<CatalogModule>};
}

}  // namespace agnes::catalog
