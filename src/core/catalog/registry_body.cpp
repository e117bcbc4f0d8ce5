#include "core/catalog/registry_body.h"

#include "core/catalog/registry_rules.h"
#include "core/catalog/source_kind.h"
#include "core/state/audit.h"
#include "lib/base/text.h"
#include "lib/jobs/schedule.h"

namespace agnes::catalog {

namespace {

std::string one_of(std::string_view text, const std::vector<std::string_view>& allowed) {
  if (text.empty()) return "";
  std::string choices;
  for (const auto word : allowed) {
    if (word == text) return "";
    choices += (choices.empty() ? "" : ", ") + std::string(word);
  }
  return "must be one of " + choices;
}
// Descriptions that come through a shell's quoting have its escapes: Don\\'t, \\n.
std::string without_shell_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    constexpr std::string_view kEscapes = "nrt'\"\\", kMeant = "\n\r\t'\"\\";
    const auto which =
        text[i] == '\\' && i + 1 < text.size() ? kEscapes.find(text[i + 1]) : std::string_view::npos;
    if (which != std::string_view::npos) ++i;
    out += which == std::string_view::npos ? text[i] : kMeant[which];
  }
  return out;
}

constexpr std::string_view kOperators[] = {"eq", "ne", "gt", "ge", "lt", "le"};

}  // namespace

namespace body {

// An empty name is refused as a whole, see named().
std::string check_name(std::string_view name) {
  return trim(name).empty() ? "" : name_problem(name);
}
std::string check_schedule(std::string_view text) {
  return text.empty() || jobs::Schedule::parse(text)
             ? ""
             : "must be 'every Nm', 'every Nh' or 'daily HH:MM[,HH:MM]'";
}
std::string check_source(std::string_view t) {
  std::vector<std::string_view> types;
  for (const auto& kind : source_kinds()) types.push_back(kind.type);
  return one_of(t, types);
}
std::string check_mode(std::string_view t) {
  return t.empty() ? "must not be empty" : one_of(t, json::detail::enum_names<QueryMode>());
}
std::string check_strategy(std::string_view t) {
  return one_of(t, {"full_refresh", "incremental", "partitioned"});
}
std::string check_granularity(std::string_view t) {
  return one_of(t, {"day", "month", "year"});
}

std::string read_filters(const boost::json::value& given, boost::json::array& out) {
  if (!given.is_array()) return "must be a list of {column, operator, values}";
  for (const auto& item : given.as_array()) {
    const auto* object = item.if_object();
    const auto* column = object != nullptr ? object->if_contains("column") : nullptr;
    const auto* values = object != nullptr ? object->if_contains("values") : nullptr;
    if (column == nullptr || !column->is_string() || column->as_string().empty() || values == nullptr ||
        !values->is_array() || values->as_array().empty())
      return "each filter needs a column and a list of values";
    std::string op = "eq";
    if (const auto* named = object->if_contains("operator"); named != nullptr && named->is_string())
      op = std::string(named->as_string());
    if (std::find(std::begin(kOperators), std::end(kOperators), op) == std::end(kOperators))
      return "a filter's operator is one of eq, ne, gt, ge, lt, le";
    boost::json::array texts;
    for (const auto& v : values->as_array())
      texts.emplace_back(v.is_string() ? std::string(v.as_string()) : boost::json::serialize(v));
    out.push_back({{"column", *column}, {"operator", op}, {"values", texts}});
  }
  return "";
}

}  // namespace body

void TableBody::apply(Registration& row, std::vector<std::string>* changed) const {
  const auto note = [&](const char* key) {
    if (changed != nullptr) changed->emplace_back(key);
  };
  const auto take = [&](auto& member, const auto& field, const char* key) {
    if (field.omitted()) return;
    note(key);
    member = field.optional();
  };
  const auto take_or = [&](auto& member, const auto& field, const char* key, auto fallback) {
    if (field.omitted()) return;
    note(key);
    member = field.has_value() ? *field : fallback;
  };
  take_or(row.sync_strategy, sync_strategy, "sync_strategy", std::string("full_refresh"));
  if (row.sync_strategy.empty()) row.sync_strategy = "full_refresh";
  if (!primary_key.omitted()) {
    note("primary_key");
    row.primary_key.reset();
    if (primary_key.has_value()) row.primary_key = state::json_text(json::to_json(*primary_key));
  }
  take(row.description, description, "description");
  if (row.description && !description.omitted()) row.description = without_shell_escapes(*row.description);
  take(row.source_type, source_type, "source_type");
  take(row.bucket, bucket, "bucket");
  take(row.source_table, source_table, "source_table");
  if (!source_query.omitted()) {
    note("source_query");
    row.source_query.reset();
    if (source_query.has_value() && !trim(*source_query).empty())
      row.source_query = std::string(trim(*source_query));
  }
  take_or(row.query_mode, query_mode, "query_mode", std::string(name_of(QueryMode::local)));
  take(row.sync_schedule, sync_schedule, "sync_schedule");
  take(row.incremental_window_days, incremental_window_days, "incremental_window_days");
  take(row.max_history_days, max_history_days, "max_history_days");
  take(row.incremental_column, incremental_column, "incremental_column");
  if (!where_filters.omitted()) {
    note("where_filters");
    row.where_filters.reset();
    if (where_filters.has_value() && !where_filters->list.empty())
      row.where_filters = state::json_text(where_filters->list);
  }
  take(row.partition_by, partition_by, "partition_by");
  take(row.partition_granularity, partition_granularity, "partition_granularity");
  if (row.sync_strategy == "partitioned" && !row.partition_granularity) row.partition_granularity = "month";
  take(row.initial_load_chunk_days, initial_load_chunk_days, "initial_load_chunk_days");
}

void UpdateTable::check(json::Check& check) const {
  if (source_query.has_value() && !trim(*source_query).empty() &&
      !(query_mode.has_value() && *query_mode == name_of(QueryMode::materialized)))
    check.whole("source_query needs query_mode materialized beside it");
}

}  // namespace agnes::catalog
