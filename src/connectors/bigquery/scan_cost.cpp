#include "connectors/bigquery/scan_cost.h"

#include "base/error.h"
#include "base/text.h"
#include "connectors/bigquery/bigquery_query.h"
#include "query/lexer.h"

namespace agnes::connectors::bigquery {

namespace {

// A table grows by less than would matter in that time.
constexpr std::chrono::minutes kKeep{10};
constexpr std::size_t kMostKept = 1000;

// A name or a text without its quotes.
std::string unquoted(std::string_view sql, const query::Token& token) {
  std::string_view text = sql.substr(token.begin, token.end - token.begin);
  if (token.kind != query::Token::Kind::quoted && token.kind != query::Token::Kind::text)
    return std::string(text);
  const char quote = text.front();
  std::string out;
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    out += text[i];
    if (text[i] == quote) ++i;
  }
  return out;
}

bool is_name(const query::Token& token) {
  return token.kind == query::Token::Kind::word || token.kind == query::Token::Kind::quoted;
}

// "project=example dataset=sales": what an attachment's url says of it.
std::string project_of(const std::string& url) {
  for (const auto& part : split(url, ' '))
    if (part.starts_with("project=")) return part.substr(8);
  return "";
}

// As a name stands between BigQuery's backticks; nothing where it cannot.
std::optional<std::string> backticked(const std::vector<std::string>& parts) {
  std::string out = "`";
  for (const auto& part : parts) {
    if (part.empty() || part.find_first_of("`\\\n\r") != std::string::npos) return std::nullopt;
    out += (out.size() > 1 ? "." : "") + part;
  }
  return out + "`";
}

}  // namespace

ViewSources view_sources(const catalog::Table& table) {
  const std::string& sql = table.remote_view;
  const auto tokens = query::tokenize(sql);
  const auto symbol = [&](std::size_t i, char c) {
    return i < tokens.size() && query::is_symbol(sql, tokens[i], c);
  };
  const auto name_at = [&](std::size_t i) { return i < tokens.size() && is_name(tokens[i]); };
  ViewSources out;
  std::size_t first = 0;
  while (first < tokens.size() && !query::is_word(sql, tokens[first], "as")) ++first;
  const auto word = [&](std::size_t i, std::string_view text) {
    return i < tokens.size() && query::is_word(sql, tokens[i], text);
  };
  // Columns may be written with their table's whole name.
  const auto add = [&](std::string query) {
    if (std::find(out.queries.begin(), out.queries.end(), query) == out.queries.end())
      out.queries.push_back(std::move(query));
  };
  for (auto i = first; i < tokens.size(); ++i) {
    if (name_at(i) && iequals(unquoted(sql, tokens[i]), table.remote->alias) && symbol(i + 1, '.') &&
        !symbol(i - 1, '.')) {
      // In a dataset that the attachment has by default, for one.
      if (!name_at(i + 2) || !symbol(i + 3, '.') || !name_at(i + 4)) return {};
      const auto name = backticked(
          {project_of(table.remote->url), unquoted(sql, tokens[i + 2]), unquoted(sql, tokens[i + 4])});
      if (!name) return {};
      add("SELECT * FROM " + *name);
      out.plain = word(first + 1, "select") && symbol(first + 2, '*') && word(first + 3, "from") &&
                  i == first + 4 &&
                  (i + 5 == tokens.size() || (symbol(i + 5, ';') && i + 6 == tokens.size()));
    } else if ((word(i, "bigquery_query") || word(i, "bigquery_scan")) && symbol(i + 1, '(')) {
      // bigquery_query('project', 'SELECT ...'), bigquery_scan('project.dataset.table').
      const auto argument = word(i, "bigquery_query") ? i + 4 : i + 2;
      if (argument >= tokens.size() || tokens[argument].kind != query::Token::Kind::text) return {};
      const auto text = unquoted(sql, tokens[argument]);
      const auto name = backticked({text});
      if (word(i, "bigquery_scan") && !name) return {};
      add(word(i, "bigquery_query") ? text : "SELECT * FROM " + *name);
    }
  }
  out.plain = out.plain && out.queries.size() == 1;
  return out;
}

ScanCost::ScanCost(const config::Config& config)
    : config_(config), limit_(config.integer_or("data_source.bigquery.bq_max_scan_bytes", 0)) {}

std::int64_t ScanCost::whole(const std::string& sql) {
  const auto moment = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(sql);
    if (found != known_.end() && moment - found->second.at < kKeep) return found->second.bytes;
  }
  Api api(config_);
  const auto bytes = dry_run(api, sql, {.location = config_.text("data_source.bigquery.location")});
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMostKept) known_.clear();
  known_[sql] = {bytes, moment};
  return bytes;
}

void ScanCost::check(const std::vector<const catalog::Table*>& tables, const std::string& sql) {
  if (limit_ == 0 || tables.empty()) return;
  boost::json::array names;
  std::vector<std::string> queries;
  std::string with;
  bool plain = !query::tokenize(sql).empty() && !query::is_word(sql, query::tokenize(sql).front(), "with");
  for (const auto* table : tables) {
    const auto sources = view_sources(*table);
    if (sources.queries.empty())
      throw Error(
          ErrorKind::bad_request,
          fmt::format(
              "what the table {} reads in BigQuery cannot be told from its view, nor what that costs; "
              "an administrator may lift the limit (data_source.bigquery.bq_max_scan_bytes: 0)",
              table->name));
    queries.insert(queries.end(), sources.queries.begin(), sources.queries.end());
    names.emplace_back(table->name);
    plain = plain && sources.plain;
    with +=
        fmt::format("{}`{}` AS ({})", with.empty() ? "WITH " : ", ", table->name, sources.queries.front());
  }
  std::int64_t bytes = 0;
  bool told = false;
  if (plain) {
    try {
      Api api(config_);
      bytes = dry_run(api, with + " " + sql, {.location = config_.text("data_source.bigquery.location")});
      told = true;
    } catch (const Refused&) {
      // DuckDB's SQL, or of other tables too: then all that the tables hold counts.
    }
  }
  if (!told)
    for (const auto& query : queries) bytes += whole(query);
  if (bytes <= limit_) return;
  throw Error(
      ErrorKind::bad_request, "the query would read more in BigQuery than it may",
      boost::json::object{
          {"reason", "remote_scan_too_large"},
          {"message", fmt::format("the query would read {} bytes in BigQuery, more than the {} that it may",
                                  with_thousands(bytes), with_thousands(limit_))},
          {"scan_bytes", bytes},
          {"limit_bytes", limit_},
          {"tables", std::move(names)},
          {"suggestion",
           "Name the columns, filter on the table's partitions, or ask an administrator for a "
           "materialized table"}});
}

}  // namespace agnes::connectors::bigquery
