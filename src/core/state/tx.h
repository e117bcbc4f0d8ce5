#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/duck/rows.h"

// Statements of one transaction on the state database, whichever database keeps it. The SQL is what DuckDB and
// PostgreSQL have in common: `?` for parameters (the driver writes what its database wants), ON CONFLICT DO UPDATE,
// `json ->> 'key'`; no lists, no functions of one database alone.
namespace agnes::state {

// A parameter, or one value of a row read without a struct. JSON is bound as its text.
using Value = duck::Value;

template <class T>
Value param(const T& value) {
  return duck::detail::to_param(value);
}

// A name in SQL made from text.
inline std::string quoted(std::string_view name) {
  return duck::quote_identifier(name);
}

// The columns of a described struct: "a, b, c", for a SELECT.
template <class T>
std::string column_list() {
  return duck::column_list<T>();
}

// Not thread-safe; valid within the `read` or `write` that gave it. Every statement throws Error when the database
// refuses it; the transaction is of no use then, so let it go through.
class Tx {
 public:
  virtual ~Tx() = default;

  struct Answer {
    std::vector<std::string> columns;
    std::vector<std::vector<Value>> rows;
    std::int64_t changed = 0;  // rows, of an INSERT, UPDATE or DELETE
  };
  // What the others below are made of.
  virtual Answer run(const std::string& sql, const std::vector<Value>& params) = 0;

  // Returns the number of rows that it changed.
  template <class... Args>
  std::int64_t execute(const std::string& sql, Args&&... args) {
    return run(sql, {duck::detail::to_param(std::forward<Args>(args))...}).changed;
  }
  // `sql` ends with IN: "DELETE FROM t WHERE id IN". Runs it with `values` behind it, 1000 at a time; nothing when
  // there are none.
  std::int64_t execute_for(const std::string& sql, const std::vector<std::string>& values);

  // Rows as described structs, by the names of the columns. A member without a column, or with a NULL while it is no
  // std::optional, keeps its default.
  template <class T, class... Args>
  std::vector<T> rows(const std::string& sql, Args&&... args) {
    return structs<T>(sql, {duck::detail::to_param(std::forward<Args>(args))...});
  }
  template <class T>
  std::vector<T> structs(const std::string& sql, const std::vector<Value>& params);
  template <class T, class... Args>
  std::optional<T> row(const std::string& sql, Args&&... args) {
    auto found = rows<T>(sql, std::forward<Args>(args)...);
    if (found.empty()) return std::nullopt;
    return std::move(found.front());
  }
  // The first column of the first row; nothing when there is no row or it is NULL.
  template <class T, class... Args>
  std::optional<T> scalar(const std::string& sql, Args&&... args) {
    auto found = run(sql, {duck::detail::to_param(std::forward<Args>(args))...}).rows;
    if (found.empty() || found[0].empty()) return std::nullopt;
    std::optional<T> out;
    duck::detail::assign(out, std::move(found[0][0]));
    return out;
  }

  // Adds described structs as rows, many a statement. `on_conflict` is SQL after the values.
  template <class T>
  void insert(const std::string& table, const std::vector<T>& rows, const std::string& on_conflict = "");
  template <class T>
  void insert(const std::string& table, const T& row, const std::string& on_conflict = "") {
    insert(table, std::vector<T>{row}, on_conflict);
  }
};

template <class T>
std::vector<T> Tx::structs(const std::string& sql, const std::vector<Value>& params) {
  using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
  auto answer = run(sql, params);
  std::unordered_map<std::string, std::size_t> column_of;
  for (std::size_t c = 0; c < answer.columns.size(); ++c) column_of.emplace(answer.columns[c], c);
  std::vector<T> out;
  out.reserve(answer.rows.size());
  for (auto& row : answer.rows) {
    T& item = out.emplace_back();
    boost::mp11::mp_for_each<Members>([&](auto member) {
      const auto found = column_of.find(member.name);
      if (found != column_of.end()) duck::detail::assign(item.*member.pointer, std::move(row[found->second]));
    });
  }
  return out;
}

template <class T>
void Tx::insert(const std::string& table, const std::vector<T>& rows, const std::string& on_conflict) {
  constexpr std::size_t kBatch = 1000;
  using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
  std::string row_of_marks = "(";
  for (std::size_t i = 0; i < boost::mp11::mp_size<Members>::value; ++i) row_of_marks += i == 0 ? "?" : ", ?";
  row_of_marks += ")";
  for (std::size_t first = 0; first < rows.size(); first += kBatch) {
    std::string marks;
    std::vector<Value> values;
    for (std::size_t i = first; i < std::min(rows.size(), first + kBatch); ++i) {
      marks += (marks.empty() ? "" : ", ") + row_of_marks;
      boost::mp11::mp_for_each<Members>(
          [&](auto member) { values.push_back(duck::detail::to_param(rows[i].*member.pointer)); });
    }
    run(fmt::format("INSERT INTO {} ({}) VALUES {} {}", table, column_list<T>(), marks, on_conflict), values);
  }
}

}  // namespace agnes::state
