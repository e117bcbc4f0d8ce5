#include "connectors/bigquery/registration.h"

#include "connectors/bigquery/settings.h"
#include "core/catalog/registry_rules.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::connectors::bigquery {

namespace {

[[noreturn]] void missing(const std::string& problem) {
  throw Error(ErrorKind::invalid, problem);
}
[[noreturn]] void impossible(const std::string& problem) {
  throw Error(ErrorKind::bad_request, problem);
}

// Names that stand unquoted or between backticks in another system's SQL.
void check_part(std::string_view field, std::string_view what, const std::string& text) {
  if (text.find('*') != std::string::npos)
    impossible(fmt::format("{}: sharded and wildcard tables such as {} are not supported; name one table",
                           field, escape_control(text)));
  if (!is_table_id(text))
    impossible(fmt::format("{}: {} is not a {}: letters, digits, '_', '.' and '-', 128 at most", field,
                           escape_control(text), what));
}

void check_view_name(const catalog::Registration& row) {
  if (!is_identifier(row.name))
    impossible(
        fmt::format("name: {} cannot name a BigQuery table here: a letter or '_', then letters, digits "
                    "and '_', 64 at most",
                    escape_control(row.name)));
}

std::string project_of(const config::Config& settings) {
  const auto project = settings.get<BigQuerySettings>().project;
  if (project.empty())
    impossible(
        "the setting data_source.bigquery.project is empty: set it in instance.yaml or with POST "
        "/api/admin/server-config, then register the table");
  if (!is_project_id(project))
    impossible(fmt::format(
        "the setting data_source.bigquery.project is {}, which is not a project id: 6 to 30 lower "
        "case letters, digits and hyphens",
        escape_control(project)));
  return project;
}

}  // namespace

bool is_project_id(std::string_view id) {
  if (const auto colon = id.find(':'); colon != std::string_view::npos) id = id.substr(colon + 1);
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return id.size() >= 6 && id.size() <= 30 && lower(id.front()) && id.back() != '-' &&
         std::all_of(id.begin(), id.end(), [&](char c) { return lower(c) || digit(c) || c == '-'; });
}

void place(catalog::Registration& row, const config::Config& settings) {
  if (catalog::is_materialized(row)) {
    check_view_name(row);
    const auto project = project_of(settings);
    if (catalog::given(row.source_query)) return;
    if (!catalog::given(row.bucket) || !catalog::given(row.source_table))
      missing("a materialized BigQuery table needs source_query, or bucket (the dataset) and source_table");
    check_part("bucket", "dataset", *row.bucket);
    check_part("source_table", "table", *row.source_table);
    row.source_query = fmt::format("SELECT * FROM `{}.{}.{}`", project, *row.bucket, *row.source_table);
    return;
  }
  if (!catalog::given(row.bucket)) missing("bucket is missing: the BigQuery dataset");
  if (!catalog::given(row.source_table))
    missing("source_table is missing: the table in the BigQuery dataset");
  check_part("bucket", "dataset", *row.bucket);
  check_part("source_table", "table", *row.source_table);
  check_view_name(row);
  project_of(settings);
  // BigQuery's tables are copied by a query or stay where they are.
  row.query_mode = name_of(catalog::QueryMode::remote);
}

}  // namespace agnes::connectors::bigquery
