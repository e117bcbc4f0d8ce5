#include "connectors/bigquery/bigquery_connector.h"

#include "connectors/answer.h"
#include "connectors/bigquery/bigquery_api.h"
#include "connectors/bigquery/bigquery_query.h"
#include "connectors/bigquery/bigquery_rows.h"
#include "connectors/source_error.h"
#include "lib/base/error.h"
#include "lib/base/ids.h"
#include "lib/base/text.h"

namespace agnes::connectors::bigquery {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using http_client::percent_encode;

// As the contract has it.
constexpr std::chrono::seconds kTestLimit{10};
// Queries that run side by side.
constexpr std::size_t kAtOnce = 4;

// The API writes 64-bit numbers as texts.
value number_at(const object& from, std::string_view key) {
  const auto number = parse_int(text_at(from, key));
  return number ? value(*number) : value(nullptr);
}

// "events_20260101": one of the tables by day that a pattern such as events_* reads together.
bool is_shard(std::string_view name) {
  constexpr std::size_t kDay = 8;
  if (name.size() <= kDay + 1 || name[name.size() - kDay - 1] != '_') return false;
  name.remove_prefix(name.size() - kDay);
  return std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

sync::Offer dataset_of(const object& dataset, const std::string& project) {
  const auto reference = object_at(dataset, "datasetReference");
  const auto id = text_at(reference, "datasetId"), owner = text_at(reference, "projectId");
  sync::Offer out;
  out.shown = {{"dataset_id", id}, {"full_id", (owner.empty() ? project : owner) + "." + id}};
  return out;
}

sync::Offer table_of(const object& table, const std::string& project, const std::string& dataset) {
  const auto id = text_at(object_at(table, "tableReference"), "tableId");
  const std::string full = fmt::format("{}.{}.{}", project, dataset, id);
  sync::Offer out;
  out.shown = {{"table_id", id}, {"table_type", text_at(table, "type")}, {"full_id", full}};
  auto& row = out.row;
  row.id = catalog::id_for(id);
  row.name = id;
  row.source_type = "bigquery";
  row.bucket = dataset;
  row.source_table = id;
  row.query_mode = name_of(catalog::QueryMode::remote);
  row.description = "BigQuery table " + full;
  if (is_shard(id))
    out.unfit = "one of a sharded table's days: register a materialized table with a query over all of them";
  else if (!is_identifier(id))
    out.unfit = "its name cannot be a table's here: register it by hand under another name";
  return out;
}

std::string dataset_path(const Api& api, const std::string& dataset) {
  return fmt::format("{}/datasets/{}/tables", percent_encode(api.data_project()), percent_encode(dataset));
}

array columns_of(const object& table) {
  array out;
  const auto schema = object_at(table, "schema");
  const auto* fields = schema.if_contains("fields");
  if (fields == nullptr || !fields->is_array()) return out;
  for (const auto& field : fields->get_array())
    if (field.is_object())
      out.push_back(object{{"name", text_at(field.get_object(), "name")},
                           {"type", text_at(field.get_object(), "type")}});
  return out;
}

// A table's kind as INFORMATION_SCHEMA.TABLES has it, which is the contract's way.
std::string entity_type(std::string type) {
  if (type == "TABLE") return "BASE TABLE";
  std::replace(type.begin(), type.end(), '_', ' ');
  return type;
}

// A column's type as SQL writes it: "ARRAY<STRUCT<k STRING>>" for what the API calls a repeated RECORD.
std::string sql_type(const object& field) {
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"INTEGER", "INT64"}, {"FLOAT", "FLOAT64"}, {"BOOLEAN", "BOOL"}};
  std::string type = text_at(field, "type");
  for (const auto& [name, standard] : kNames)
    if (type == name) type = standard;
  if (type == "RECORD" || type == "STRUCT") {
    type = "STRUCT<";
    if (const auto* fields = list_at(field, "fields"); fields != nullptr)
      for (const auto& inner : *fields)
        if (inner.is_object())
          type += fmt::format("{}{} {}", type.ends_with('<') ? "" : ", ", text_at(inner.get_object(), "name"),
                              sql_type(inner.get_object()));
    type += '>';
  }
  return text_at(field, "mode") == "REPEATED" ? "ARRAY<" + type + ">" : type;
}

// A precheck has statuses of its own in the contract: 403 where BigQuery refuses the account, 400 for
// whatever else keeps it from an answer, since the registration or the settings are what is to be mended.
std::optional<object> ask_for_table(Api& api, const std::string& path) {
  try {
    return api.get(path);
  } catch (const Error& error) {
    const bool outside = error.kind() == ErrorKind::bad_gateway || error.kind() == ErrorKind::gateway_timeout;
    if (!outside) throw;
    const auto* detail = error.detail().if_object();
    const auto kind = detail == nullptr ? "" : text_at(*detail, "kind");
    const bool refused = kind == "bq_forbidden" || kind == "cross_project_forbidden" || kind == "throttled";
    throw Error(refused ? ErrorKind::forbidden : ErrorKind::bad_request, error.what(), error.detail());
  }
}

}  // namespace

object BigQueryConnector::test() {
  Api api(config_, kTestLimit);
  object query{{"query", "SELECT 1 AS ok"}, {"useLegacySql", false}, {"dryRun", true}};
  if (const auto& location = settings_.location; !location.empty()) query["location"] = location;
  if (!api.post(percent_encode(api.billing_project()) + "/queries", query))
    throw source_error(ErrorKind::bad_gateway, "bq_upstream_error",
                       fmt::format("BigQuery knows no project {}", api.billing_project()),
                       "Check data_source.bigquery.billing_project");
  return {{"billing_project", api.billing_project()}, {"data_project", api.data_project()}};
}

sync::Discovery BigQueryConnector::discover(const std::optional<std::string>& dataset) {
  Api api(config_);
  sync::Discovery out;
  if (!dataset) {
    out.list = "datasets";
    const auto found = api.list(percent_encode(api.data_project()) + "/datasets", "datasets");
    if (!found)
      throw source_error(ErrorKind::bad_gateway, "bq_upstream_error",
                         fmt::format("BigQuery knows no project {}", api.data_project()),
                         "Check data_source.bigquery.project");
    for (const auto& item : *found) out.offers.push_back(dataset_of(item.as_object(), api.data_project()));
  } else {
    const auto found = api.list(dataset_path(api, *dataset), "tables");
    if (!found)
      throw Error(ErrorKind::not_found, fmt::format("there is no dataset {} in {} that the account may read",
                                                    escape_control(*dataset), api.data_project()));
    for (const auto& item : *found)
      out.offers.push_back(table_of(item.as_object(), api.data_project(), *dataset));
  }
  const char* key = dataset ? "table_id" : "dataset_id";
  std::sort(out.offers.begin(), out.offers.end(), [&](const auto& a, const auto& b) {
    return a.shown.at(key).as_string() < b.shown.at(key).as_string();
  });
  return out;
}

object BigQueryConnector::look_up(const catalog::Registration& row) {
  Api api(config_);
  const auto dataset = row.bucket.value_or(""), table = row.source_table.value_or("");
  const auto found = ask_for_table(api, dataset_path(api, dataset) + "/" + percent_encode(table));
  if (!found)
    throw Error(ErrorKind::not_found, fmt::format("BigQuery has no table {}.{}.{}", api.data_project(),
                                                  escape_control(dataset), escape_control(table)));
  auto columns = columns_of(*found);
  return {{"project_id", api.data_project()},     {"table_type", text_at(*found, "type")},
          {"rows", number_at(*found, "numRows")}, {"size_bytes", number_at(*found, "numBytes")},
          {"column_count", columns.size()},       {"columns", std::move(columns)}};
}

std::optional<catalog::RemoteFacts> BigQueryConnector::facts(const catalog::Registration& row) {
  Api api(config_);
  const auto found = api.get(dataset_path(api, row.bucket.value_or("")) + "/" +
                             percent_encode(row.source_table.value_or("")));
  if (!found) return std::nullopt;
  catalog::RemoteFacts out;
  out.entity_type = entity_type(text_at(*found, "type"));
  // A view has neither of its own.
  if (out.entity_type != "VIEW" && out.entity_type != "MATERIALIZED VIEW") {
    out.rows = parse_int(text_at(*found, "numRows"));
    out.size_bytes = parse_int(text_at(*found, "numBytes"));
  }
  if (found->contains("timePartitioning")) {
    const auto field = text_at(object_at(*found, "timePartitioning"), "field");
    out.partition_by = field.empty() ? "_PARTITIONTIME" : field;  // by the time of arrival
  } else if (const auto field = text_at(object_at(*found, "rangePartitioning"), "field"); !field.empty()) {
    out.partition_by = field;
  }
  const auto clustering = object_at(*found, "clustering");
  if (const auto* fields = list_at(clustering, "fields"); fields != nullptr)
    for (const auto& field : *fields)
      if (field.is_string()) out.clustered_by.emplace_back(field.get_string());
  const auto schema = object_at(*found, "schema");
  if (const auto* fields = list_at(schema, "fields"); fields != nullptr)
    for (const auto& field : *fields)
      if (field.is_object())
        out.columns.push_back({.name = text_at(field.get_object(), "name"),
                               .type = sql_type(field.get_object()),
                               .nullable = text_at(field.get_object(), "mode") != "REQUIRED",
                               .description = text_at(field.get_object(), "description")});
  return out;
}

array BigQueryConnector::sample(const catalog::Registration& row, int rows) {
  Api api(config_);
  const auto dataset = row.bucket.value_or(""), table = row.source_table.value_or("");
  const auto path = dataset_path(api, dataset) + "/" + percent_encode(table);
  const auto found = is_table_id(dataset) && is_table_id(table) ? api.get(path) : std::nullopt;
  if (!found)
    throw Error(ErrorKind::not_found, fmt::format("BigQuery has no table {}.{}.{}", api.data_project(),
                                                  escape_control(dataset), escape_control(table)));
  const auto rows_of = [](const object& schema, const object& answer) {
    const auto* list = list_at(answer, "rows");
    return list != nullptr ? Rows(schema).objects(*list) : array{};
  };
  // Views and files elsewhere have no rows of their own.
  const auto type = text_at(*found, "type");
  if (type == "TABLE" || type == "SNAPSHOT") {
    const auto answer = api.get(
        path + "/data", {{"maxResults", std::to_string(rows)}, {"formatOptions.useInt64Timestamp", "true"}});
    return rows_of(object_at(*found, "schema"), answer.value_or(object{}));
  }
  object query{
      {"query", fmt::format("SELECT * FROM `{}.{}.{}` LIMIT {}", api.data_project(), dataset, table, rows)},
      {"useLegacySql", false},
      {"timeoutMs", 30'000},
      {"jobTimeoutMs", "30000"},
      {"requestId", random_hex(16)},  // a repeated request is the same query
      {"formatOptions", {{"useInt64Timestamp", true}}}};
  if (const auto limit = settings_.bq_max_scan_bytes; limit > 0)
    query["maximumBytesBilled"] = std::to_string(limit);
  if (const auto& location = settings_.location; !location.empty()) query["location"] = location;
  const auto answer = api.post(percent_encode(api.billing_project()) + "/queries", query).value_or(object{});
  const auto* complete = answer.if_contains("jobComplete");
  if (complete == nullptr || !complete->is_bool() || !complete->get_bool())
    throw source_error(ErrorKind::gateway_timeout, "timeout",
                       "BigQuery did not answer the query of the view in 30 s");
  return rows_of(object_at(answer, "schema"), answer);
}

sync::Extraction BigQueryConnector::extract(const std::vector<catalog::Registration>& registered,
                                            const sync::TableSelection& selection,
                                            const jobs::Context& context) {
  const QueryLimits limits{.max_bytes = settings_.max_bytes_per_materialize,
                           .time_limit = settings_.query_timeout_ms,
                           .location = settings_.location};
  const auto fetch = [&](const catalog::Registration& row, const Fetching& fetching) {
    if (!row.source_query || trim(*row.source_query).empty())
      throw Error(ErrorKind::invalid, "it has no source_query: set one with agnes admin update-table");
    Api api(config_, fetching.left(), fetching.cancelled);
    return fetch_query(api, *row.source_query, limits, fetching);
  };
  return bring(chosen(registered, source_type(), {catalog::QueryMode::materialized}, selection),
               source_type(), config_, kAtOnce, context, fetch);
}

void BigQueryConnector::remove(const std::string& name, const jobs::Context& context) {
  take_out(name, source_type(), config_, context);
}

}  // namespace agnes::connectors::bigquery
