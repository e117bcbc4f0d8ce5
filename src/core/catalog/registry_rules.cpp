#include "core/catalog/registry_rules.h"

#include "core/catalog/source_kind.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::catalog {

namespace {

[[noreturn]] void refuse(const std::string& problem, std::string_view field = {}) {
  boost::json::array loc{"body"};
  if (!field.empty()) loc.emplace_back(field);
  throw Error(ErrorKind::invalid, problem,
              boost::json::array{
                  {{"type", "value_error"}, {"loc", std::move(loc)}, {"msg", problem}, {"input", nullptr}}});
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

bool given(const std::optional<std::string>& text) {
  return text && !trim(*text).empty();
}

void refuse_unconfigured(std::string_view source_type, const config::Config& settings) {
  const auto own = settings.source();
  if (own == source_type || own == "files") return;
  const std::string prefix = fmt::format("data_source.{}.", source_type);
  for (const auto& setting : config::settings())
    if (setting.path.starts_with(prefix) && setting.kind == config::SettingKind::text &&
        settings.is_given(setting.path))
      return;
  throw Error(ErrorKind::invalid,
              fmt::format("source_type: {} is not set up on this server, whose source is {}; set {}* first",
                          source_type, own, prefix));
}

void refuse_incoherent(const Registration& row) {
  const auto* kind = source_kind(row);
  const bool query = given(row.source_query), filters = row.where_filters.has_value();
  const bool remote = is_remote(row);
  if (query && !is_materialized(row)) refuse("source_query needs query_mode materialized");
  if (is_materialized(row) && !query && (kind == nullptr || !kind->whole_tables))
    refuse("query_mode materialized needs a source_query");
  if (row.sync_strategy != "full_refresh" && kind != nullptr && !kind->incremental)
    refuse(fmt::format("sync_strategy {} is not for tables of {}, which have full_refresh", row.sync_strategy,
                       kind->name),
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

}  // namespace agnes::catalog
