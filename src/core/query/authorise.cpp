#include "core/query/authorise.h"

#include <unordered_set>

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

#include "core/query/lexer.h"
#include "core/query/messages.h"
#include "core/query/tree.h"
#include "core/query/view_body.h"
#include "lib/base/text.h"

namespace agnes::query {

namespace {

namespace bj = boost::json;
using duck::api;

// Levels of the tree's JSON; DuckDB's parser ends at 1,000 levels of expressions, some levels of JSON each.
constexpr std::size_t kMaxTreeDepth = 20'000;

constexpr std::string_view kOnlyQueries =
    "Only statements that read can be run here: SELECT, WITH, FROM, VALUES, PIVOT, UNPIVOT, DESCRIBE, "
    "SUMMARIZE and "
    "EXPLAIN of these.";

// The text of DuckDB's tree of a statement, or of its parser's error, as JSON. Prepared once.
class Serializer {
 public:
  explicit Serializer(duck::Connection& connection) {
    constexpr auto sql =
        "SELECT json_serialize_sql($1::VARCHAR, skip_null := true, skip_empty := true, skip_default := true)";
    if (api().prepare(connection.handle(), sql, &statement_) == DuckDBError)
      throw Error(ErrorKind::internal, "DuckDB cannot serialize parse trees");
  }
  ~Serializer() { api().destroy_prepare(&statement_); }
  Serializer(const Serializer&) = delete;
  Serializer& operator=(const Serializer&) = delete;

  std::string run(std::string_view sql) {
    api().bind_varchar_length(statement_, 1, sql.data(), sql.size());
    duckdb_result raw{};
    const auto state = api().execute_prepared(statement_, &raw);
    duck::Result result(raw);
    if (state == DuckDBError)
      throw duck::QueryError(api().result_error_type(result.handle()), api().result_error(result.handle()));
    auto rows = result.rows();
    return std::get<std::string>(rows.at(0).at(0));
  }

 private:
  duckdb_prepared_statement statement_ = nullptr;
};

// Where the text given to DuckDB has more than the caller's: what was put in, and where in the caller's text.
struct Insertion {
  std::size_t at;
  std::size_t length;
};

std::size_t original_offset(std::size_t offset, const std::vector<Insertion>& insertions) {
  std::size_t before = 0;
  for (const auto& insertion : insertions) {
    if (insertion.at + before >= offset) break;
    before += std::min(insertion.length, offset - insertion.at - before);
  }
  return offset - before;
}

// PIVOT ... ON without IN takes its values from the data, for which DuckDB makes a statement of its own;
// trees exist of single statements only. With an IN put behind each such ON element, the tree names the same
// relations and functions. The text put in has no quote and opens no comment, so wherever it lands it adds
// nothing else.
std::string with_pivot_values(std::string_view sql, const std::vector<Token>& tokens,
                              std::vector<Insertion>& insertions) {
  static constexpr std::string_view kIn = " IN (1)";
  static constexpr std::string_view kEnds[] = {"using", "group",  "order",     "limit", "offset",
                                               "union", "except", "intersect", "on"};
  std::set<std::size_t> places;
  for (std::size_t i = 0; i < tokens.size(); ++i) {
    if (!is_word(sql, tokens[i], "pivot") && !is_word(sql, tokens[i], "pivot_wider")) continue;
    int depth = 0;
    bool in_list = false, has_in = false;
    const auto end_element = [&](std::size_t next) {
      if (in_list && !has_in && next > i + 1) places.insert(tokens[next - 1].end);
      has_in = false;
    };
    std::size_t j = i + 1;
    for (; j < tokens.size(); ++j) {
      const auto& token = tokens[j];
      if (token.kind == Token::Kind::symbol) {
        const char c = sql[token.begin];
        if (c == '(' || c == '[' || c == '{') ++depth;
        if ((c == ')' || c == ']' || c == '}') && --depth < 0) break;
        if (depth == 0 && c == ',') end_element(j);
        continue;
      }
      if (depth > 0 || token.kind != Token::Kind::word) continue;
      if (is_word(sql, token, "in")) has_in = true;
      if (std::any_of(std::begin(kEnds), std::end(kEnds),
                      [&](auto word) { return is_word(sql, token, word); })) {
        end_element(j);
        in_list = is_word(sql, token, "on");
      }
    }
    end_element(j);
  }
  std::string out;
  std::size_t done = 0;
  for (const std::size_t place : places) {
    out.append(sql.substr(done, place - done)).append(kIn);
    insertions.push_back({place, kIn.size()});
    done = place;
  }
  return out.append(sql.substr(done));
}

// EXPLAIN, which has no tree, with its options; the statement behind it has one.
struct Explain {
  bool analyze = false;
  bool json = false;
  std::size_t rest = 0;  // the token after it
};

std::optional<Explain> read_explain(std::string_view sql, const std::vector<Token>& tokens) {
  if (tokens.empty() || !is_word(sql, tokens[0], "explain")) return std::nullopt;
  const auto refuse = [&](std::size_t at) {
    const std::size_t offset = at < tokens.size() ? tokens[at].begin : sql.size();
    throw Error(ErrorKind::bad_request,
                fmt::format("EXPLAIN takes ANALYZE and FORMAT text or json, and a statement that reads ({}).",
                            describe_position(sql, offset)));
  };
  const auto word = [&](std::size_t at, std::string_view text) {
    return at < tokens.size() && is_word(sql, tokens[at], text);
  };
  const auto symbol = [&](std::size_t at, char c) {
    return at < tokens.size() && is_symbol(sql, tokens[at], c);
  };
  Explain out;
  std::size_t at = 1;
  if (word(at, "analyze") || word(at, "analyse")) {
    out.analyze = true;
    ++at;
  } else if (symbol(at, '(') &&
             (word(at + 1, "analyze") || word(at + 1, "analyse") || word(at + 1, "format"))) {
    do {
      ++at;
      if (word(at, "analyze") || word(at, "analyse")) {
        out.analyze = true;
        ++at;
      } else if (word(at, "format") && (word(at + 1, "json") || word(at + 1, "text"))) {
        out.json = word(at + 1, "json");
        at += 2;
      } else {
        refuse(at);
      }
    } while (symbol(at, ','));
    if (!symbol(at, ')')) refuse(at);
    ++at;
  }
  if (at >= tokens.size()) refuse(at);
  out.rest = at;
  return out;
}

// Without semicolons and comments at the end, so that the text can stand in brackets.
std::string_view without_end(std::string_view sql, std::vector<Token>& tokens) {
  while (!tokens.empty() && is_symbol(sql, tokens.back(), ';')) tokens.pop_back();
  if (tokens.empty()) throw Error(ErrorKind::bad_request, "There is no statement to run.");
  return sql.substr(0, tokens.back().end);
}

}  // namespace

struct Authoriser::Impl {
  Impl(duck::Connection connection_in, const std::vector<std::string>& names_in)
      : connection(std::move(connection_in)),
        serializer(connection),
        names(names_in.begin(), names_in.end()) {}

  // The tree of `text`; nothing when it is not a SELECT. `position` maps offsets for messages.
  bj::value tree(const std::string& text, bj::storage_ptr memory, const TreeRules& rules) {
    const std::string answer = serializer.run(text);
    bj::parse_options options;
    options.max_depth = kMaxTreeDepth;
    boost::system::error_code failed;
    bj::value parsed = bj::parse(answer, failed, std::move(memory), options);
    if (failed || !parsed.is_object())
      throw Error(ErrorKind::bad_request,
                  "The statement cannot be checked: it nests too deeply, or has a number or a text that is "
                  "none; simplify it.");
    const auto& root = parsed.get_object();
    if (const auto* error = root.if_contains("error"); error != nullptr && *error == bj::value(true)) {
      if (text_of(root, "error_type") == "not implemented") return nullptr;
      std::string message = first_line(text_of(root, "error_message"));
      const auto position = parse_int(text_of(root, "position"));
      throw Error(ErrorKind::bad_request,
                  position ? fmt::format("SQL error: {} ({}).", message,
                                         rules.position(static_cast<std::uint64_t>(*position)))
                           : fmt::format("SQL error: {}", message));
    }
    return parsed;
  }

  // The tables of the one SELECT in `text`; nothing when it is another kind of statement.
  // What its tree may not hold is thrown, or told in `refusal` where one is given.
  std::optional<NamedTables> tables_of(const std::string& text, const TreeRules& rules,
                                       std::string* refusal = nullptr) {
    unsigned char buffer[16384];
    bj::monotonic_resource memory(buffer);  // trees go in one piece, without recursion
    const bj::value parsed = tree(text, &memory, rules);
    if (parsed.is_null()) return std::nullopt;
    const auto* statements = parsed.get_object().if_contains("statements");
    if (statements == nullptr || !statements->is_array() || statements->get_array().empty())
      throw Error(ErrorKind::bad_request, "There is no statement to run.");
    const auto& list = statements->get_array();
    if (list.size() != 1)
      throw Error(ErrorKind::bad_request, "One statement at a time; send the others by themselves.");
    if (!list[0].is_object()) throw Error(ErrorKind::bad_request, std::string(kOnlyQueries));
    if (refusal == nullptr) return check_tree(list[0].get_object(), rules);
    try {
      return check_tree(list[0].get_object(), rules);
    } catch (const Error& error) {
      *refusal = error.what();
      return NamedTables();
    }
  }

  duck::Connection connection;
  Serializer serializer;
  std::unordered_set<std::string> names;
};

Authoriser::Authoriser(duck::Connection connection, const std::vector<std::string>& names)
    : impl_(std::make_unique<Impl>(std::move(connection), names)) {}
Authoriser::~Authoriser() = default;

duck::Connection& Authoriser::connection() {
  return impl_->connection;
}

StatementInspection Authoriser::inspect(std::string_view sql) {
  auto tokens = check_text(sql);
  const std::string_view whole = without_end(sql, tokens);
  std::vector<Insertion> insertions;
  TreeRules rules;
  rules.readable = [](const std::string&) { return true; };
  rules.position = [&](std::uint64_t offset) {
    return describe_position(sql, original_offset(static_cast<std::size_t>(offset), insertions));
  };
  StatementInspection out;
  auto tables = impl_->tables_of(std::string(whole), rules, &out.refusal);
  if (!tables) {
    const auto varied = with_pivot_values(whole, tokens, insertions);
    if (!insertions.empty()) tables = impl_->tables_of(varied, rules, &out.refusal);
  }
  if (!tables) throw Error(ErrorKind::bad_request, std::string(kOnlyQueries));
  out.readings = std::move(tables->readings);
  out.tables.assign(tables->names.begin(), tables->names.end());
  return out;
}

void Authoriser::check_view(const ReadableTable& table) {
  const std::string alias = to_lower(table.remote_alias);
  TreeRules rules;
  rules.readable = [](const std::string&) { return false; };
  rules.elsewhere = [&](const std::string& catalog, const std::string& schema, const std::string&) {
    return catalog.empty() ? schema == alias : catalog == alias;
  };
  rules.table_function = [&](const std::string& name) {
    const auto& allowed = table.remote_functions;
    return std::find(allowed.begin(), allowed.end(), name) != allowed.end();
  };
  rules.position = [](std::uint64_t) { return std::string("in its view"); };
  std::string why = "it is not a SELECT";
  try {
    if (impl_->tables_of("SELECT * FROM " + view_body(table.remote_view), rules)) return;
  } catch (const duck::QueryError& error) {
    why = first_line(error.what());
  } catch (const Error& error) {
    why = error.what();
  }
  throw Error(
      ErrorKind::bad_gateway,
      fmt::format("The table \"{}\" cannot be read: its view does more than to read tables of its engine: {}",
                  table.name, why));
}

void Authoriser::check(const Predicate& predicate) {
  static constexpr std::string_view kBefore = "SELECT 1 FROM t WHERE ";
  const auto tokens = check_text(predicate.text);
  TreeRules rules;
  rules.position = [&](std::uint64_t offset) {
    const auto at = static_cast<std::size_t>(offset);
    return describe_position(predicate.text, at - std::min(at, kBefore.size()));
  };
  bj::value parsed;
  try {
    parsed = impl_->tree(std::string(kBefore) + predicate.text, {}, rules);
  } catch (const duck::QueryError&) {
    throw;
  } catch (const Error& error) {
    throw rejected("parse_error", error.what());
  }
  if (parsed.is_null())  // something else stands behind a semicolon
    throw rejected("multi_statement", "A predicate is one expression; there is a semicolon in this one");
  check_predicate(parsed, predicate, rules.position);
}

AuthorisedStatement Authoriser::check(std::string_view sql) {
  auto tokens = check_text(sql);
  const std::string_view whole = without_end(sql, tokens);

  AuthorisedStatement out;
  std::size_t start = 0;
  if (const auto explain = read_explain(whole, tokens)) {
    out.kind = AuthorisedStatement::Kind::explain;
    out.plan_as_json = explain->json;
    start = tokens[explain->rest].begin;
    out.sql = fmt::format("EXPLAIN ({}FORMAT {}) ", explain->analyze ? "ANALYZE, " : "",
                          explain->json ? "json" : "text");
  }
  const std::string text(whole.substr(start));
  out.sql += text;

  std::vector<Insertion> insertions;
  TreeRules rules;
  rules.readable = [&](const std::string& name) { return impl_->names.contains(name); };
  rules.position = [&](std::uint64_t offset) {
    return describe_position(sql, start + original_offset(static_cast<std::size_t>(offset), insertions));
  };
  auto tables = impl_->tables_of(text, rules);
  if (!tables && start == 0) {
    const auto varied = with_pivot_values(whole, tokens, insertions);
    if (!insertions.empty()) tables = impl_->tables_of(varied, rules);
    out.kind = AuthorisedStatement::Kind::pivot;
  }
  if (!tables && start > 0 && !with_pivot_values(whole, tokens, insertions).empty() && !insertions.empty())
    throw Error(ErrorKind::bad_request,
                "EXPLAIN needs the values of PIVOT; add IN (...) behind each name after ON.");
  if (!tables) throw Error(ErrorKind::bad_request, std::string(kOnlyQueries));
  out.tables.assign(tables->names.begin(), tables->names.end());
  return out;
}

}  // namespace agnes::query
