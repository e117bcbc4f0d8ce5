#include "core/query/predicate.h"

#include <map>
#include <set>

#include "core/query/allowlist.h"
#include "core/query/tree.h"
#include "lib/base/shorten.h"
#include "lib/base/text.h"

namespace agnes::query {

namespace {

namespace bj = boost::json;

constexpr std::size_t kMaxName = 100;  // bytes of a name in a message

// The order in which faults are told.
enum Rank { kNested, kDisallowed, kCrossTable, kFunction, kColumn };

// Written like columns, but values of their own.
bool is_value_name(const std::string& lower_case) {
  static const std::set<std::string_view> names = {"current_date", "current_time", "current_timestamp",
                                                   "localtime", "localtimestamp"};
  return names.contains(lower_case);
}

std::string upper(std::string text) {
  for (auto& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

class Walker {
 public:
  Walker(const Predicate& predicate, const std::function<std::string(std::uint64_t)>& position)
      : position_(position), table_(to_lower(predicate.table)) {
    for (const auto& column : predicate.columns) columns_.insert(to_lower(column));
  }

  void expression(const bj::value& value) {
    visit(value);
    if (!faults_.empty()) throw faults_.begin()->second;
  }

 private:
  void fault(Rank rank, std::string_view kind, const std::string& message, const bj::object& node,
             bj::object details = {}) {
    if (faults_.contains(rank)) return;
    const auto offset = offset_of(node);
    const std::string where = offset == kNowhere ? "" : fmt::format(" ({})", position_(offset));
    faults_.emplace(rank, rejected(kind, message + where, std::move(details)));
  }

  void visit(const bj::value& value) {
    if (const auto* list = value.if_array()) {
      for (const auto& item : *list) visit(item);
    } else if (const auto* object = value.if_object()) {
      node(*object);
    }
  }

  void node(const bj::object& node) {
    const auto kind = text_of(node, "class");
    if (kind == "CONSTANT") return;
    if (kind == "SUBQUERY") return fault(kNested, "nested_select", "A predicate holds no SELECT", node);
    if (kind == "WINDOW" || kind == "PARAMETER")
      return fault(kDisallowed, "disallowed_node", "A predicate holds no window function and no parameter",
                   node);
    if (kind == "COLUMN_REF") return column(node);
    std::size_t names = 0;
    if (kind == "LAMBDA") {
      if (const auto* parameters = node.if_contains("lhs")) names = parameters_of(*parameters);
    } else if (kind == "FUNCTION") {
      const std::string name(text_of(node, "function_name"));
      if (!is_harmless_function(name))
        fault(kFunction, "unknown_function",
              fmt::format("There is no function {} here; only those that work on values can be used",
                          shown_text(name, kMaxName)),
              node, {{"function", upper(name)}});
    }
    for (const auto& member : node) visit(member.value());
    parameters_.resize(parameters_.size() - names);
  }

  // The names that a lambda gives to its parameters: x -> ..., (x, i) -> ...; how many.
  std::size_t parameters_of(const bj::value& lhs) {
    const auto* node = lhs.if_object();
    if (node == nullptr) return 0;
    std::size_t count = 0;
    if (const auto* names = node->if_contains("column_names"); names != nullptr && names->is_array()) {
      for (const auto& name : names->get_array())
        if (name.is_string()) {
          parameters_.push_back(to_lower(std::string_view(name.get_string())));
          ++count;
        }
    } else if (const auto* children = node->if_contains("children"); children != nullptr) {
      if (const auto* list = children->if_array())
        for (const auto& child : *list) count += parameters_of(child);
    }
    return count;
  }

  void column(const bj::object& node) {
    std::vector<std::string> names;
    if (const auto* list = node.if_contains("column_names"); list != nullptr && list->is_array())
      for (const auto& name : list->get_array()) names.emplace_back(std::string_view(name.as_string()));
    if (names.empty()) return;
    const auto known = [&](const std::string& name) {
      const auto lower = to_lower(name);
      return columns_.contains(lower) ||
             std::find(parameters_.begin(), parameters_.end(), lower) != parameters_.end();
    };
    const bool qualified = names.size() > 1 && to_lower(names[0]) == table_;
    const std::string& name = names[qualified ? 1 : 0];
    if (known(name) || known(names[0])) return;  // what follows are fields of a STRUCT
    if (names.size() == 1 && is_value_name(to_lower(name))) return;
    if (names.size() > 1 && !qualified)
      return fault(
          kCrossTable, "cross_table_reference",
          fmt::format("\"{}\" is neither this table nor a column of it", shown_text(names[0], kMaxName)),
          node);
    fault(kColumn, "unknown_column",
          fmt::format("The table has no column \"{}\"", shown_text(name, kMaxName)), node,
          {{"column", name}});
  }

  const std::function<std::string(std::uint64_t)>& position_;
  const std::string table_;
  std::set<std::string> columns_;
  std::vector<std::string> parameters_;  // of the lambdas around
  std::map<Rank, Error> faults_;
};

}  // namespace

Error rejected(std::string_view kind, const std::string& message, bj::object details) {
  return {ErrorKind::bad_request, message,
          bj::object{{"error", "validator_rejected"},
                     {"kind", kind},
                     {"details", std::move(details)},
                     {"message", message}}};
}

void check_predicate(const bj::value& tree, const Predicate& predicate,
                     const std::function<std::string(std::uint64_t)>& position) {
  const auto& statements = tree.at("statements").as_array();
  if (statements.size() != 1)
    throw rejected("multi_statement", "A predicate is one expression; there is a semicolon in this one");
  const auto& statement = statements[0].as_object();
  const auto* node = statement.if_contains("node");
  const auto* select = node != nullptr ? node->if_object() : nullptr;
  const bool plain = select != nullptr && text_of(*select, "type") == "SELECT_NODE" &&
                     text_of(*select, "aggregate_handling") == "STANDARD_HANDLING" && statement.size() == 1 &&
                     select->size() == 5 && select->contains("where_clause") &&
                     select->contains("from_table") && select->contains("select_list");
  if (!plain) {
    if (statement.contains("named_param_map"))
      throw rejected("disallowed_node", "Parameters ($1, ?, $name) have no values here; write the values");
    throw rejected("disallowed_node",
                   "A predicate is one expression: GROUP BY, ORDER BY, LIMIT, UNION and their like are not "
                   "part of it");
  }
  Walker(predicate, position).expression(select->at("where_clause"));
}

}  // namespace agnes::query
