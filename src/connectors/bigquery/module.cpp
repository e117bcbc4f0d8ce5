#include "app/module.h"

#include "connectors/bigquery/bigquery_connector.h"
#include "connectors/bigquery/engine_access.h"
#include "connectors/bigquery/registration.h"
#include "connectors/bigquery/settings.h"
#include "core/catalog/source_kind.h"
#include "lib/base/error.h"

namespace agnes::connectors::bigquery {

namespace {

using boost::json::object;

std::string check_project(std::string_view id) {
  return is_project_id(id) ? "" : "Must be a project id: 6 to 30 lower case letters, digits and hyphens";
}

catalog::SourceKind source_kind() {
  return {.type = "bigquery",
          .name = "BigQuery",
          .settings_help = "BigQuery: projects and limits of cost",
          .remote_tables = true,
          .whole_tables = true,
          .incremental = false,
          .beside = true,
          .place = place,
          // The keys are the contract's.
          .dialect =
              catalog::Dialect{.name = "bigquery",
                               .predicate = "<BQ predicate>",
                               .examples = {.date_literal = "DATE '2026-01-01'",
                                            .timestamp_literal = "TIMESTAMP '2026-01-01 00:00:00 UTC'",
                                            .interval_subtract = "DATE_SUB(CURRENT_DATE(), INTERVAL 7 DAY)",
                                            .regex = "REGEXP_CONTAINS(name, r'^a')",
                                            .cast = "CAST(n AS INT64)"}},
          .extension = kExtension,
          .table_functions = {"bigquery_query", "bigquery_scan"},
          .token_variables = {kKeyFile},
          .setup = {{.field = "bigquery_project", .setting = "project", .check = check_project},
                    {.field = "bigquery_location", .setting = "location", .fallback = "us"}}};
}

void declare(app::Declarations& declarations) {
  using K = config::SettingKind;
  declarations.settings.add<BigQuerySettings>();
  declarations.settings.add_unbuilt({.path = "data_source.bigquery.session_pool_size",
                                     .kind = K::integer,
                                     .fallback = 4,
                                     .ge = 1,
                                     .help = "Sessions kept open"});
  declarations.settings.add_unbuilt({.path = "data_source.bigquery.legacy_wrap_views",
                                     .kind = K::boolean,
                                     .fallback = false,
                                     .help = "Kept for existing files"});
  catalog::declare_source(declarations.settings, source_kind());
}

std::unique_ptr<sync::Connector> make_connector(const config::Config& config) {
  return std::make_unique<BigQueryConnector>(config);
}

// Which project is billed, as an administrator set it last.
object billing_health(const config::Config& config) {
  const auto settings = config.get<BigQuerySettings>();
  const auto &project = settings.project, &billed = settings.billing_project;
  if (project.empty()) return {{"status", "ok"}, {"detail", "no BigQuery project is set"}};
  object part{{"status", "ok"}, {"billing_project", billed}, {"data_project", project}};
  if (billed != project) return part;
  part["status"] = "info";
  part["detail"] = "queries are billed to the project that holds the data";
  part["hint"] =
      "where the account may not bill it (403 USER_PROJECT_DENIED), set "
      "data_source.bigquery.billing_project";
  return part;
}

class BigQueryModule final : public app::Module {
 public:
  explicit BigQueryModule(app::Services& services) : services_(services) {
    services.extend(sync::ConnectorKind{"bigquery", make_connector});
    services.extend(engine_access(services.config));
  }

  void health(app::HealthReport& report) const override {
    constexpr std::string_view kPart = "bq_config";  // the contract's
    try {
      const auto config = services_.current();
      if (config.source() == "bigquery") report.add(kPart, billing_health(config));
    } catch (const Error&) {
      report.add(kPart, {{"status", "warning"},
                         {"detail", "the settings cannot be read; the next start would fail"}});
    }
  }

 private:
  app::Services& services_;
};

}  // namespace

app::ModuleKind module() {
  return {"bigquery", declare, app::make_module<BigQueryModule>};
}

}  // namespace agnes::connectors::bigquery
