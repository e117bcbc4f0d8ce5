#include "core/catalog/registry_rules.h"

#include "app/config/check.h"
#include "core/state/bigquery_project.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::catalog {

namespace {

bool given(const std::optional<std::string>& text) {
  return text && !trim(*text).empty();
}

[[noreturn]] void refuse(const std::string& problem, std::string_view field = {}) {
  boost::json::array loc{"body"};
  if (!field.empty()) loc.emplace_back(field);
  throw Error(ErrorKind::invalid, problem,
              boost::json::array{
                  {{"type", "value_error"}, {"loc", std::move(loc)}, {"msg", problem}, {"input", nullptr}}});
}
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
    impossible(fmt::format("{}: {} is no {}: letters, digits, '_', '.' and '-', 128 at most", field,
                           escape_control(text), what));
}

void check_view_name(const Registration& row) {
  if (!is_identifier(row.name))
    impossible(
        fmt::format("name: {} cannot name a BigQuery table here: a letter or '_', then letters, digits "
                    "and '_', 64 at most",
                    escape_control(row.name)));
}

std::string project_of(const config::Config& settings) {
  const auto project = settings.get<state::BigQueryProject>().project;
  if (project.empty())
    impossible(
        "the setting data_source.bigquery.project is empty: set it in instance.yaml or with POST "
        "/api/admin/server-config, then register the table");
  if (!is_project_id(project))
    impossible(
        fmt::format("the setting data_source.bigquery.project is {}, which is no project id: 6 to 30 lower "
                    "case letters, digits and hyphens",
                    escape_control(project)));
  return project;
}

void place_at_bigquery(Registration& row, const config::Config& settings) {
  if (row.query_mode == "materialized") {
    check_view_name(row);
    const auto project = project_of(settings);
    if (given(row.source_query)) return;
    if (!given(row.bucket) || !given(row.source_table))
      missing("a materialized BigQuery table needs source_query, or bucket (the dataset) and source_table");
    check_part("bucket", "dataset", *row.bucket);
    check_part("source_table", "table", *row.source_table);
    row.source_query = fmt::format("SELECT * FROM `{}.{}.{}`", project, *row.bucket, *row.source_table);
    return;
  }
  if (!given(row.bucket)) missing("bucket is missing: the BigQuery dataset");
  if (!given(row.source_table)) missing("source_table is missing: the table in the BigQuery dataset");
  check_part("bucket", "dataset", *row.bucket);
  check_part("source_table", "table", *row.source_table);
  check_view_name(row);
  project_of(settings);
  // BigQuery's tables are copied by a query or stay where they are.
  row.query_mode = "remote";
}

void place_at_keboola(const Registration& row) {
  if (given(row.source_query)) return;
  if (!given(row.source_table)) missing("source_table is missing: the table in the Keboola bucket");
  if (!is_table_id(*row.source_table))
    impossible(fmt::format("source_table: {} is no Keboola table", escape_control(*row.source_table)));
  // "in.c-main.orders" names its bucket itself.
  const bool whole_id = std::count(row.source_table->begin(), row.source_table->end(), '.') >= 2;
  if (!given(row.bucket) && !whole_id)
    missing("bucket is missing: the Keboola bucket with its stage, in.c-main for one");
  if (given(row.bucket) && !is_table_id(*row.bucket))
    impossible(fmt::format("bucket: {} is no Keboola bucket", escape_control(*row.bucket)));
}

}  // namespace

std::string name_problem(std::string_view name) {
  const auto text = trim(name);
  if (text.empty()) return "a table needs a name";
  if (text.size() > 128) return "a name has 128 characters at most";
  const auto good = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (char c : text)
    if (!good(c) && c != ' ' && c != '.' && c != '-')
      return "a name is made of letters, digits, '_', '.', '-' and spaces";
  if (!good(text.front())) return "a name starts with a letter, a digit or '_'";
  return "";
}

bool is_project_id(std::string_view id) {
  if (const auto colon = id.find(':'); colon != std::string_view::npos) id = id.substr(colon + 1);
  const auto lower = [](char c) { return c >= 'a' && c <= 'z'; };
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  return id.size() >= 6 && id.size() <= 30 && lower(id.front()) && id.back() != '-' &&
         std::all_of(id.begin(), id.end(), [&](char c) { return lower(c) || digit(c) || c == '-'; });
}

void refuse_unconfigured(std::string_view source_type, const config::Config& settings) {
  const auto own = settings.source();
  if ((source_type != "keboola" && source_type != "bigquery") || own == source_type || own == "files") return;
  const std::string prefix = fmt::format("data_source.{}.", source_type);
  for (const auto& setting : config::settings())
    if (setting.path.starts_with(prefix) && setting.kind == config::SettingKind::text &&
        settings.is_given(setting.path))
      return;
  missing(fmt::format("source_type: {} is not set up on this server, whose source is {}; set {}* first",
                      source_type, own, prefix));
}

void refuse_incoherent(const Registration& row) {
  const std::string source = row.source_type.value_or("");
  const bool query = given(row.source_query), filters = row.where_filters.has_value();
  const bool remote = row.query_mode == "remote";
  if (query && row.query_mode != "materialized") refuse("source_query needs query_mode materialized");
  if (row.query_mode == "materialized" && !query && source != "bigquery" && source != "keboola")
    refuse("query_mode materialized needs a source_query");
  if (row.sync_strategy != "full_refresh" && (source == "bigquery" || source == "jira"))
    refuse(fmt::format("sync_strategy {} is for tables of Keboola and of files; a {} table has full_refresh",
                       row.sync_strategy, source),
           "sync_strategy");
  if (row.sync_strategy == "partitioned") {
    if (!given(row.partition_by)) refuse("sync_strategy partitioned needs partition_by");
    if (remote)
      refuse("a remote table is not extracted, so it cannot be partitioned: choose another query_mode");
    if (filters) refuse("sync_strategy partitioned and where_filters exclude each other");
  }
  if (row.sync_strategy == "incremental") {
    if (remote)
      refuse("a remote table is not extracted, so it cannot be incremental: choose another query_mode");
    if (filters) refuse("sync_strategy incremental and where_filters exclude each other");
    if (!row.incremental_window_days && !row.primary_key && !row.incremental_column)
      refuse(
          "sync_strategy incremental needs a primary_key, an incremental_column or incremental_window_days");
  }
  if (remote && filters) refuse("a remote table is not extracted, so where_filters mean nothing");
}

void place_at_source(Registration& row, const config::Config& settings) {
  if (row.source_type == "bigquery") place_at_bigquery(row, settings);
  if (row.source_type == "keboola") place_at_keboola(row);
}

}  // namespace agnes::catalog
