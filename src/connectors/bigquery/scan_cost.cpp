#include "connectors/bigquery/scan_cost.h"

#include <cmath>

#include "connectors/bigquery/bigquery_query.h"
#include "core/query/lexer.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::connectors::bigquery {

namespace {

// A table grows by less than would matter in that time.
constexpr std::chrono::minutes kKeep{10};
constexpr std::size_t kMostKept = 1000;
// Somebody waits for the query besides.
constexpr std::chrono::seconds kWaitLimit{15};

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

std::optional<std::string> in_bigquery_words(std::string_view sql) {
  std::string out;
  std::size_t end = 0;  // of the token before
  for (const auto& token : query::tokenize(sql)) {
    const auto text = sql.substr(token.begin, token.end - token.begin);
    const bool apart = token.begin > end;
    if (apart && !out.empty()) out += ' ';
    // e'...' and x'...' are other kinds of text, as r'...' is there.
    if (!apart && !out.empty() && token.kind == query::Token::Kind::text) return std::nullopt;
    end = token.end;
    switch (token.kind) {
      case query::Token::Kind::quoted: {
        const auto name = backticked({unquoted(sql, token)});
        if (!name) return std::nullopt;
        out += *name;
        break;
      }
      case query::Token::Kind::text:
        // A quote in it, an escape or another kind of text means something else there.
        if (text.size() < 2 || text.front() != '\'' || text.back() != '\'' ||
            text.substr(1, text.size() - 2).find_first_of("'\\\n\r") != std::string_view::npos)
          return std::nullopt;
        out += text;
        break;
      case query::Token::Kind::symbol:
        if (text.find_first_of("#@$\\`?;") != std::string_view::npos) return std::nullopt;
        out += text;
        break;
      case query::Token::Kind::word:
      case query::Token::Kind::number:
        if (!std::all_of(text.begin(), text.end(), [](unsigned char c) {
              return c < 0x80 && (std::isalnum(c) != 0 || c == '_' || c == '.');
            }))
          return std::nullopt;
        out += text;
    }
  }
  return out.empty() ? std::nullopt : std::optional(out);
}

std::int64_t ScanCost::ask(const catalog::Table& table, const std::string& sql) {
  const auto settings = config_.get<BigQuerySettings>();
  auto data = settings.project, billing = settings.billing_project;
  if (data.empty()) data = project_of(table.remote->url);
  if (billing.empty()) billing = data;
  Api api(settings.server, Api::Projects{data, billing}, credentials_(), kWaitLimit);
  return dry_run(api, sql, {.location = settings.location});
}

std::int64_t ScanCost::whole(const catalog::Table& table, const std::string& sql) {
  const auto moment = std::chrono::steady_clock::now();
  {
    const std::lock_guard lock(mutex_);
    const auto found = known_.find(sql);
    if (found != known_.end() && moment - found->second.at < kKeep) return found->second.bytes;
  }
  const auto bytes = ask(table, sql);
  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMostKept) known_.clear();
  known_[sql] = {bytes, moment};
  return bytes;
}

double ScanCost::estimated_bytes(const std::vector<query::RemoteUse>& uses, const std::string& sql) {
  std::string with;
  double most = 1, all = 0;
  bool plain = true;
  std::vector<std::pair<const query::RemoteUse*, ViewSources>> sources;
  for (const auto& use : uses) {
    sources.emplace_back(&use, view_sources(*use.table));
    const auto& found = sources.back().second;
    if (found.queries.empty())
      throw Error(
          ErrorKind::bad_request,
          fmt::format("what the table {} reads in BigQuery cannot be derived from its view, nor what that "
                      "costs; an administrator may lift the limit "
                      "(data_source.bigquery.bq_max_scan_bytes: 0)",
                      use.table->name));
    plain = plain && found.plain;
    most = std::max(most, use.readings);
    with +=
        fmt::format("{}`{}` AS ({})", with.empty() ? "WITH " : ", ", use.table->name, found.queries.front());
  }
  const auto words = plain ? in_bigquery_words(sql) : std::nullopt;
  if (words && !iequals(words->substr(0, 5), "with ")) {
    try {
      return static_cast<double>(ask(*uses.front().table, with + " " + *words)) * most;
    } catch (const Error& error) {
      // No SQL of BigQuery's, or of tables that are not there; then all that the tables hold counts.
      const bool refused = dynamic_cast<const Refused*>(&error) != nullptr ||
                           error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::not_found;
      if (!refused) throw;
    }
  }
  for (const auto& [use, found] : sources)
    for (const auto& query : found.queries)
      all += static_cast<double>(whole(*use->table, query)) * use->readings;
  return all;
}

void ScanCost::check(const std::vector<query::RemoteUse>& uses, const std::string& sql) {
  if (limit_ == 0 || uses.empty()) return;
  boost::json::array names;
  for (const auto& use : uses) {
    names.emplace_back(use.table->name);
    if (std::isinf(use.readings))
      throw Error(
          ErrorKind::bad_request,
          fmt::format("a recursive query may read the table {} in BigQuery any number of times: read it once "
                      "before the recursion",
                      use.table->name));
  }
  double bytes = 0;
  try {
    bytes = estimated_bytes(uses, sql);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::bad_request && !error.detail().is_object()) throw;
    // Accounts, projects and key files concern operators.
    log::warn("what a query costs in BigQuery is not known: {}", error.what());
    throw Error(
        ErrorKind::bad_gateway,
        "BigQuery does not tell what the query would cost, so that it is not run; the server's log says why");
  }
  if (bytes <= static_cast<double>(limit_)) return;
  const auto number = static_cast<std::int64_t>(std::min(bytes, 9e18));
  throw Error(
      ErrorKind::bad_request, "the query would read more in BigQuery than it may",
      boost::json::object{
          {"reason", "remote_scan_too_large"},
          {"message", fmt::format("the query would read {} bytes in BigQuery, more than the {} that it may",
                                  with_thousands(number), with_thousands(limit_))},
          {"scan_bytes", number},
          {"limit_bytes", limit_},
          {"tables", std::move(names)},
          {"suggestion",
           "Name the columns, filter on the table's partitions, or ask an administrator for a "
           "materialized table"}});
}

}  // namespace agnes::connectors::bigquery
