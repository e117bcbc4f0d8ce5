#include "core/query/tree.h"

#include <limits>
#include <unordered_set>
#include <utility>

#include "core/query/allowlist.h"
#include "lib/base/error.h"
#include "lib/base/shorten.h"
#include "lib/base/text.h"

namespace agnes::query {

namespace {

namespace bj = boost::json;

// DuckDB's time to bind a lambda doubles with each one around it: 15 deep take 90 ms.
constexpr int kMaxLambdas = 12;

constexpr std::size_t kMaxName = 100;  // bytes of a name in a message

using Set = std::unordered_set<std::string_view>;

// What else a node of each class may be; the class alone says too little (an operator can be many things).
const std::unordered_map<std::string_view, Set>& expression_types() {
  static const std::unordered_map<std::string_view, Set> table = {
      {"COLUMN_REF", {"COLUMN_REF"}},
      {"CONSTANT", {"VALUE_CONSTANT"}},
      {"STAR", {"STAR"}},
      {"POSITIONAL_REFERENCE", {"POSITIONAL_REFERENCE"}},
      {"LAMBDA", {"LAMBDA"}},
      {"LAMBDA_REF", {"LAMBDA_REF"}},
      {"FUNCTION", {"FUNCTION"}},
      {"CAST", {"OPERATOR_CAST"}},
      {"COLLATE", {"COLLATE"}},
      {"CASE", {"CASE_EXPR"}},
      {"BETWEEN", {"COMPARE_BETWEEN", "COMPARE_NOT_BETWEEN"}},
      {"CONJUNCTION", {"CONJUNCTION_AND", "CONJUNCTION_OR"}},
      {"SUBQUERY", {"SUBQUERY"}},
      {"COMPARISON",
       {"COMPARE_EQUAL", "COMPARE_NOTEQUAL", "COMPARE_LESSTHAN", "COMPARE_GREATERTHAN",
        "COMPARE_LESSTHANOREQUALTO", "COMPARE_GREATERTHANOREQUALTO", "COMPARE_DISTINCT_FROM",
        "COMPARE_NOT_DISTINCT_FROM"}},
      {"OPERATOR",
       {"OPERATOR_NOT", "OPERATOR_IS_NULL", "OPERATOR_IS_NOT_NULL", "OPERATOR_COALESCE", "OPERATOR_NULLIF",
        "OPERATOR_TRY", "OPERATOR_UNPACK", "COMPARE_IN", "COMPARE_NOT_IN", "ARRAY_EXTRACT", "ARRAY_SLICE",
        "ARRAY_CONSTRUCTOR", "STRUCT_EXTRACT", "ARROW", "GROUPING_FUNCTION"}},
      {"WINDOW",
       {"WINDOW_AGGREGATE", "WINDOW_RANK", "WINDOW_RANK_DENSE", "WINDOW_NTILE", "WINDOW_PERCENT_RANK",
        "WINDOW_CUME_DIST", "WINDOW_ROW_NUMBER", "WINDOW_FIRST_VALUE", "WINDOW_LAST_VALUE", "WINDOW_LEAD",
        "WINDOW_LAG", "WINDOW_NTH_VALUE", "WINDOW_FILL"}},
  };
  return table;
}

// FROM 'name' reads a file when no table has that name. Such names are told apart by their look alone, so the
// answer says nothing of what there is.
bool looks_like_file(const std::string& name) {
  if (name.find('/') != std::string::npos || name.find('\\') != std::string::npos ||
      name.find('*') != std::string::npos)
    return true;
  static const Set endings = {"csv",     "tsv",    "txt",    "json",    "jsonl", "ndjson", "parquet",
                              "db",      "duckdb", "sqlite", "gz",      "zst",   "xlsx",   "arrow",
                              "feather", "avro",   "shp",    "geojson", "vortex"};
  const auto dot = name.rfind('.');
  return dot != std::string::npos && endings.contains(std::string_view(name).substr(dot + 1));
}

// Names of relations that WITH introduces, as far as the node sees them.
using Readings = std::map<std::string, double>;
struct Scope {
  const Scope* outer = nullptr;
  std::map<std::string, Readings> names;  // with what each reads itself
  const Readings* find(const std::string& name) const {
    const auto found = names.find(name);
    return found != names.end() ? &found->second : outer != nullptr ? outer->find(name) : nullptr;
  }
  bool has(const std::string& name) const { return find(name) != nullptr; }
};

class Walker {
 public:
  explicit Walker(const TreeRules& rules) : rules_(rules) {}

  void statement(const bj::object& node) {
    if (node.contains("named_param_map"))
      refuse("Parameters ($1, ?, $name) have no values here; write the values into the SQL", kNowhere);
    only(node, {"node"});
    query(child(node, "node"), nullptr);
  }

  NamedTables named;

 private:
  // What `work` reads, by itself.
  template <class F>
  Readings readings_of(const F& work) {
    Readings own;
    Readings* const outer = std::exchange(counting_, &own);
    work();
    counting_ = outer;
    return own;
  }
  void count(const Readings& readings, double times = 1) {
    for (const auto& [table, number] : readings) (*counting_)[table] += number * times;
  }

  [[noreturn]] void refuse(const std::string& why, std::uint64_t offset,
                           ErrorKind kind = ErrorKind::bad_request) const {
    throw Error(kind, offset == kNowhere ? why + "." : fmt::format("{} ({}).", why, rules_.position(offset)));
  }
  [[noreturn]] void unknown(std::string_view what, const bj::object& node) const {
    refuse(fmt::format("{} cannot be used here", what), offset_of(node));
  }

  // Every member must be one that is looked at below, or plain: a name that a later DuckDB adds is refused.
  void only(const bj::object& node, const Set& known) const {
    for (const auto& [key, value] : node)
      if (!known.contains(key)) unknown(fmt::format("A clause (\"{}\")", std::string_view(key)), node);
  }
  const bj::object& child(const bj::object& node, std::string_view key) const {
    const auto* value = node.if_contains(key);
    const auto* object = value != nullptr ? value->if_object() : nullptr;
    if (object == nullptr) unknown("This kind of statement", node);
    return *object;
  }
  template <class Visit>
  void each(const bj::object& node, std::string_view key, Visit visit) const {
    const auto* value = node.if_contains(key);
    if (value == nullptr) return;
    const auto* list = value->if_array();
    if (list == nullptr) unknown("This kind of statement", node);
    for (const auto& item : *list) {
      if (!item.is_object()) unknown("This kind of statement", node);
      visit(item.get_object());
    }
  }
  template <class Visit>
  void maybe(const bj::object& node, std::string_view key, Visit visit) const {
    if (node.contains(key)) visit(child(node, key));
  }

  // Queries

  void select(const bj::object& node, const Scope* scope) {
    only(node, {"node"});
    query(child(node, "node"), scope);
  }

  void query(const bj::object& node, const Scope* outer) {
    Scope scope{outer, {}};
    maybe(node, "cte_map", [&](const bj::object& map) {
      only(map, {"map"});
      each(map, "map", [&](const bj::object& entry) {
        only(entry, {"key", "value"});
        const auto& cte = child(entry, "value");
        only(cte, {"aliases", "query", "materialized", "key_targets"});
        // A CTE does not see itself, so that WITH orders AS (SELECT ... FROM orders) reads the table; a
        // recursive one adds its own name below.
        auto own = readings_of([&] {
          select(child(cte, "query"), &scope);
          expressions(cte, "key_targets", &scope);
        });
        scope.names[to_lower(text_of(entry, "key"))] = std::move(own);
      });
    });

    const auto type = text_of(node, "type");
    if (type == "SELECT_NODE") {
      only(node, {"type", "modifiers", "cte_map", "select_list", "from_table", "where_clause",
                  "group_expressions", "group_sets", "aggregate_handling", "having", "sample", "qualify"});
      maybe(node, "from_table", [&](const bj::object& from) { relation(from, &scope); });
      expressions(node, "select_list", &scope);
      expressions(node, "group_expressions", &scope);
      for (const auto key : {"where_clause", "having", "qualify"})
        maybe(node, key, [&](const bj::object& e) { expression(e, &scope); });
    } else if (type == "SET_OPERATION_NODE") {
      only(node, {"type", "modifiers", "cte_map", "setop_type", "left", "right", "setop_all", "children"});
      for (const auto key : {"left", "right"})
        maybe(node, key, [&](const bj::object& side) { query(side, &scope); });
      each(node, "children", [&](const bj::object& side) { query(side, &scope); });
    } else if (type == "RECURSIVE_CTE_NODE") {
      only(node, {"type", "modifiers", "cte_map", "cte_name", "union_all", "left", "right", "aliases",
                  "key_targets"});
      query(child(node, "left"), &scope);
      scope.names[to_lower(text_of(node, "cte_name"))] = {};
      // Once for each step, however many there are.
      const auto step = readings_of([&] { query(child(node, "right"), &scope); });
      count(step, std::numeric_limits<double>::infinity());
      expressions(node, "key_targets", &scope);
    } else if (type == "CTE_NODE") {
      only(node, {"type", "modifiers", "cte_map", "cte_name", "query", "child", "aliases", "materialized"});
      auto own = readings_of([&] { query(child(node, "query"), &scope); });
      scope.names[to_lower(text_of(node, "cte_name"))] = std::move(own);
      query(child(node, "child"), &scope);
    } else {
      unknown("This kind of statement", node);
    }
    each(node, "modifiers", [&](const bj::object& modifier) { clause(modifier, &scope); });
  }

  // ORDER BY, LIMIT, DISTINCT
  void clause(const bj::object& node, const Scope* scope) {
    const auto type = text_of(node, "type");
    if (type == "ORDER_MODIFIER") {
      only(node, {"type", "orders"});
      orders(node, "orders", scope);
    } else if (type == "LIMIT_MODIFIER" || type == "LIMIT_PERCENT_MODIFIER") {
      only(node, {"type", "limit", "offset"});
      for (const auto key : {"limit", "offset"})
        maybe(node, key, [&](const bj::object& e) { expression(e, scope); });
    } else if (type == "DISTINCT_MODIFIER") {
      only(node, {"type", "distinct_on_targets"});
      expressions(node, "distinct_on_targets", scope);
    } else {
      unknown("A clause of this kind", node);
    }
  }

  void orders(const bj::object& node, std::string_view key, const Scope* scope) {
    each(node, key, [&](const bj::object& order) {
      only(order, {"type", "null_order", "expression"});
      expression(child(order, "expression"), scope);
    });
  }

  // Relations

  void relation(const bj::object& node, const Scope* scope) {
    const auto type = text_of(node, "type");
    const auto allow = [&](std::initializer_list<std::string_view> keys) {
      Set known = {"type", "alias", "sample", "query_location"};
      known.insert(keys.begin(), keys.end());
      only(node, known);
    };
    if (type == "BASE_TABLE") {
      if (node.contains("at_clause")) unknown("AT (a table's earlier version)", node);
      allow({"schema_name", "table_name", "column_name_alias", "catalog_name"});
      table(node, scope);
    } else if (type == "SUBQUERY") {
      allow({"subquery", "column_name_alias"});
      select(child(node, "subquery"), scope);
    } else if (type == "JOIN") {
      allow({"left", "right", "condition", "join_type", "ref_type", "using_columns", "delim_flipped",
             "is_implicit"});
      relation(child(node, "left"), scope);
      relation(child(node, "right"), scope);
      maybe(node, "condition", [&](const bj::object& e) { expression(e, scope); });
    } else if (type == "TABLE_FUNCTION") {
      allow({"function", "column_name_alias", "with_ordinality"});
      table_function(child(node, "function"), scope);
    } else if (type == "EXPRESSION_LIST") {
      allow({"expected_names", "expected_types", "values"});
      if (const auto* rows = node.if_contains("values"); rows != nullptr && rows->is_array())
        for (const auto& row : rows->get_array()) list(row, node, scope);
      if (const auto* types = node.if_contains("expected_types")) type_of(*types, node);
    } else if (type == "EMPTY") {
      allow({});
    } else if (type == "PIVOT") {
      allow({"source", "aggregates", "unpivot_names", "pivots", "groups", "column_name_alias",
             "include_nulls"});
      relation(child(node, "source"), scope);
      expressions(node, "aggregates", scope);
      each(node, "pivots", [&](const bj::object& pivot) {
        if (pivot.contains("pivot_enum")) unknown("PIVOT with a named type", node);
        only(pivot, {"pivot_expressions", "unpivot_names", "entries"});
        expressions(pivot, "pivot_expressions", scope);
        each(pivot, "entries", [&](const bj::object& entry) {
          only(entry, {"values", "star_expr", "alias"});
          maybe(entry, "star_expr", [&](const bj::object& e) { expression(e, scope); });
        });
      });
    } else if (type == "SHOW_REF") {
      show(node, scope);
    } else {
      unknown("A relation of this kind", node);
    }
  }

  // DESCRIBE and SUMMARIZE hold the query that they are of. SHOW TABLES and its like hold none and would list
  // what there is.
  void show(const bj::object& node, const Scope* scope) {
    const auto kind = text_of(node, "show_type");
    if ((kind != "DESCRIBE" && kind != "SUMMARY") || !node.contains("query") || node.contains("table_name"))
      refuse("SHOW lists no tables here; ask the catalog for yours (`agnes catalog`), or DESCRIBE one",
             offset_of(node), ErrorKind::forbidden);
    only(node, {"type", "alias", "sample", "query_location", "query", "show_type"});
    query(child(node, "query"), scope);
  }

  void table(const bj::object& node, const Scope* scope) {
    const std::string name = to_lower(text_of(node, "table_name"));
    const std::string schema = to_lower(text_of(node, "schema_name"));
    const std::string catalog = to_lower(text_of(node, "catalog_name"));
    if (const auto* cte = catalog.empty() && schema.empty() ? scope->find(name) : nullptr; cte != nullptr) {
      count(*cte);
      return;
    }
    // USING KEY names the rows so far as recurring.<name>.
    if (catalog.empty() && schema == "recurring" && scope->has(name)) return;
    const bool ours = catalog.empty() ? schema.empty() || schema == "main" || schema == "memory"
                                      : catalog == "memory" && schema == "main";
    if (ours && rules_.readable(name)) {
      named.names.insert(name);
      (*counting_)[name] += 1;
      return;
    }
    if (rules_.elsewhere && rules_.elsewhere(catalog, schema, name)) return;
    for (const auto& part : {schema, catalog})
      if (part == "information_schema" || part == "pg_catalog" || part == "system" || part == "temp")
        refuse(
            "System tables cannot be read; ask the catalog for your tables and their columns (`agnes "
            "catalog`)",
            offset_of(node));
    if (schema.empty() && looks_like_file(name))
      refuse("Files cannot be read; query a table", offset_of(node));
    std::string shown;
    for (const auto key : {"catalog_name", "schema_name", "table_name"})
      if (const auto part = text_of(node, key); !part.empty())
        shown += (shown.empty() ? "" : ".") + std::string(part);
    refuse(
        fmt::format("Table \"{}\" cannot be read: there is none of that name, or it is not granted to you; "
                    "`agnes catalog` lists yours",
                    shown_text(shown, kMaxName)),
        offset_of(node), ErrorKind::forbidden);
  }

  void table_function(const bj::object& node, const Scope* scope) {
    if (text_of(node, "class") != "FUNCTION") unknown("This", node);
    const auto name = text_of(node, "function_name");
    const bool harmless = is_harmless_table_function(name) ||
                          (rules_.table_function && rules_.table_function(to_lower(std::string(name))));
    if (!harmless || !plain_schema(node)) refuse_function(name, node);
    arguments(node, scope);
  }

  // Expressions

  [[noreturn]] void refuse_function(std::string_view name, const bj::object& node) const {
    if (reads_by_name(name))
      refuse(fmt::format(
                 "Function {} reads tables named in a text, which is not allowed; name the table in FROM",
                 shown_text(name, kMaxName)),
             offset_of(node), ErrorKind::forbidden);
    refuse(fmt::format("There is no function {} here; only those that work on values can be used",
                       shown_text(name, kMaxName)),
           offset_of(node));
  }

  bool plain_schema(const bj::object& node) const {
    const auto schema = text_of(node, "schema");
    return (schema.empty() || schema == "main") && text_of(node, "catalog").empty();
  }

  // A name before the function's is a schema, or a column: name.upper() is upper(name). The function must be
  // harmless under any reading, so only its own name counts.
  void arguments(const bj::object& node, const Scope* scope) {
    only(node, {"class", "type", "alias", "query_location", "function_name", "schema", "catalog", "children",
                "filter", "order_bys", "distinct", "is_operator"});
    expressions(node, "children", scope);
    maybe(node, "filter", [&](const bj::object& e) { expression(e, scope); });
    maybe(node, "order_bys", [&](const bj::object& e) { clause(e, scope); });
  }

  void expressions(const bj::object& node, std::string_view key, const Scope* scope) {
    each(node, key, [&](const bj::object& e) { expression(e, scope); });
  }

  void list(const bj::value& items, const bj::object& node, const Scope* scope) {
    if (!items.is_array()) unknown("This", node);
    for (const auto& item : items.get_array()) {
      if (!item.is_object()) unknown("This", node);
      expression(item.get_object(), scope);
    }
  }

  void expression(const bj::object& node, const Scope* scope) {
    const auto kind = text_of(node, "class");
    if (kind == "PARAMETER")
      refuse("Parameters ($1, ?, $name) have no values here; write the values into the SQL", offset_of(node));
    const auto known = expression_types().find(kind);
    if (known == expression_types().end() || !known->second.contains(text_of(node, "type")))
      unknown("An expression of this kind", node);
    const auto allow = [&](std::initializer_list<std::string_view> keys) {
      for (const auto& [key, value] : node) {
        const std::string_view name = key;
        if (name == "class" || name == "type" || name == "alias" || name == "query_location") continue;
        if (std::find(keys.begin(), keys.end(), name) == keys.end())
          unknown(fmt::format("A clause (\"{}\")", name), node);
      }
    };
    const auto visit = [&](std::initializer_list<std::string_view> keys) {
      for (const auto key : keys) maybe(node, key, [&](const bj::object& e) { expression(e, scope); });
    };

    if (kind == "CONSTANT") {
      allow({"value"});
    } else if (kind == "COLUMN_REF") {
      allow({"column_names"});
    } else if (kind == "FUNCTION") {
      const auto name = text_of(node, "function_name");
      if (!is_harmless_function(name) && !(is_harmless_table_function(name) && name == "unnest"))
        refuse_function(name, node);
      arguments(node, scope);
    } else if (kind == "COMPARISON") {
      allow({"left", "right"});
      visit({"left", "right"});
    } else if (kind == "CONJUNCTION" || kind == "OPERATOR") {
      allow({"children"});
      expressions(node, "children", scope);
    } else if (kind == "CAST") {
      allow({"child", "cast_type", "try_cast"});
      visit({"child"});
      if (const auto* type = node.if_contains("cast_type")) type_of(*type, node);
    } else if (kind == "COLLATE") {
      allow({"child", "collation"});
      visit({"child"});
    } else if (kind == "CASE") {
      allow({"case_checks", "else_expr"});
      each(node, "case_checks", [&](const bj::object& check) {
        only(check, {"when_expr", "then_expr"});
        for (const auto key : {"when_expr", "then_expr"}) expression(child(check, key), scope);
      });
      visit({"else_expr"});
    } else if (kind == "BETWEEN") {
      allow({"input", "lower", "upper"});
      visit({"input", "lower", "upper"});
    } else if (kind == "LAMBDA") {
      allow({"lhs", "expr", "syntax_type"});
      if (++lambdas_ > kMaxLambdas)
        refuse(fmt::format("Lambdas stand more than {} deep in each other; flatten them", kMaxLambdas),
               offset_of(node));
      visit({"lhs", "expr"});
      --lambdas_;
    } else if (kind == "LAMBDA_REF") {
      allow({"lambda_idx", "column_name"});
    } else if (kind == "POSITIONAL_REFERENCE") {
      allow({"index"});
    } else if (kind == "STAR") {
      allow({"relation_name", "exclude_list", "replace_list", "columns", "expr", "unpacked",
             "qualified_exclude_list", "rename_list"});
      visit({"expr"});
      each(node, "replace_list", [&](const bj::object& entry) {
        only(entry, {"key", "value"});
        expression(child(entry, "value"), scope);
      });
    } else if (kind == "SUBQUERY") {
      allow({"subquery_type", "subquery", "child", "comparison_type"});
      visit({"child"});
      select(child(node, "subquery"), scope);
    } else {  // WINDOW
      allow({"function_name", "schema", "catalog", "children", "partitions", "orders", "start", "end",
             "start_expr", "end_expr", "offset_expr", "default_expr", "ignore_nulls", "filter_expr",
             "exclude_clause", "distinct", "arg_orders"});
      const auto name = text_of(node, "function_name");
      if (!is_harmless_function(name)) refuse_function(name, node);
      expressions(node, "children", scope);
      expressions(node, "partitions", scope);
      orders(node, "orders", scope);
      orders(node, "arg_orders", scope);
      visit({"start_expr", "end_expr", "offset_expr", "default_expr", "filter_expr"});
    }
  }

  // Types hold no expressions and name no schema.
  void type_of(const bj::value& value, const bj::object& node) const {
    if (const auto* list = value.if_array()) {
      for (const auto& item : *list) type_of(item, node);
    } else if (const auto* object = value.if_object()) {
      for (const auto& [key, member] : *object) {
        const std::string_view name = key;
        if (name == "class" || name == "node" || name == "children" || name == "catalog" || name == "schema")
          unknown("A type of this kind", node);
        type_of(member, node);
      }
    }
  }

  const TreeRules& rules_;
  Readings* counting_ = &named.readings;
  int lambdas_ = 0;
};

}  // namespace

std::string_view text_of(const bj::object& node, std::string_view key) {
  const auto* value = node.if_contains(key);
  const auto* text = value != nullptr ? value->if_string() : nullptr;
  return text != nullptr ? std::string_view(*text) : std::string_view();
}

std::uint64_t offset_of(const bj::object& node) {
  const auto* value = node.if_contains("query_location");
  if (value == nullptr) return kNowhere;
  if (const auto* n = value->if_int64()) return static_cast<std::uint64_t>(*n);
  if (const auto* n = value->if_uint64()) return *n;
  return kNowhere;
}

NamedTables check_tree(const boost::json::object& statement, const TreeRules& rules) {
  Walker walker(rules);
  walker.statement(statement);
  return std::move(walker.named);
}

}  // namespace agnes::query
