#pragma once

#include <type_traits>
#include <unordered_map>

#include <boost/describe.hpp>
#include <boost/json/parse.hpp>
#include <boost/mp11.hpp>

#include "lib/duck/database.h"

// Rows as plain structs: BOOST_DESCRIBE_STRUCT(User, (), (id, email, ...)) and the column of each member's
// name is read into it. A member without a column keeps its default; a NULL in a member that is no
// std::optional does too.
namespace agnes::duck {

namespace detail {
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

template <class T>
void assign(T& member, Value&& value) {
  if (std::holds_alternative<std::monostate>(value)) return;
  if constexpr (is_optional<T>::value) {
    typename T::value_type inner{};
    assign(inner, std::move(value));
    member = std::move(inner);
  } else if constexpr (std::is_same_v<T, boost::json::value>) {
    boost::system::error_code error;
    auto* text = std::get_if<std::string>(&value);
    if (text != nullptr) member = boost::json::parse(*text, error);
    if (error) member = nullptr;
  } else if constexpr (std::is_same_v<T, bool>) {
    if (auto* v = std::get_if<bool>(&value)) member = *v;
  } else if constexpr (std::is_integral_v<T>) {
    if (auto* v = std::get_if<std::int64_t>(&value)) member = static_cast<T>(*v);
  } else if constexpr (std::is_floating_point_v<T>) {
    if (auto* v = std::get_if<double>(&value))
      member = *v;
    else if (auto* i = std::get_if<std::int64_t>(&value))
      member = static_cast<T>(*i);
  } else {
    if (auto* v = std::get_if<T>(&value)) member = std::move(*v);
  }
}
}  // namespace detail

template <class T>
std::vector<T> to_structs(Result&& result) {
  using Members = boost::describe::describe_members<T, boost::describe::mod_public>;
  std::unordered_map<std::string, std::size_t> column_of;
  for (std::size_t c = 0; c < result.column_count(); ++c) column_of.emplace(result.column_name(c), c);
  std::vector<T> out;
  for (auto& row : result.rows()) {
    T& item = out.emplace_back();
    boost::mp11::mp_for_each<Members>([&](auto member) {
      const auto found = column_of.find(member.name);
      if (found != column_of.end()) detail::assign(item.*member.pointer, std::move(row[found->second]));
    });
  }
  return out;
}

template <class T, class... Args>
std::vector<T> rows(Connection& connection, const std::string& sql, Args&&... args) {
  return to_structs<T>(connection.execute(sql, std::forward<Args>(args)...));
}

template <class T, class... Args>
std::optional<T> row(Connection& connection, const std::string& sql, Args&&... args) {
  auto found = rows<T>(connection, sql, std::forward<Args>(args)...);
  if (found.empty()) return std::nullopt;
  return std::move(found.front());
}

// The first column of the first row; nothing when there is no row or it is NULL.
template <class T, class... Args>
std::optional<T> scalar(Connection& connection, const std::string& sql, Args&&... args) {
  auto found = connection.execute(sql, std::forward<Args>(args)...).rows();
  if (found.empty() || found[0].empty()) return std::nullopt;
  std::optional<T> out;
  detail::assign(out, std::move(found[0][0]));
  return out;
}

// "a, b, c" of the struct's members, for a SELECT or an INSERT.
template <class T>
std::string column_list() {
  std::string out;
  boost::mp11::mp_for_each<boost::describe::describe_members<T, boost::describe::mod_public>>(
      [&](auto member) { out += (out.empty() ? "" : ", ") + quote_identifier(member.name); });
  return out;
}

}  // namespace agnes::duck
