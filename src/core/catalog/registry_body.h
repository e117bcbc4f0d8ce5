#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "core/catalog/registry.h"
#include "lib/base/json.h"

// The bodies with which administrators register and change tables: what each field must be. What the fields
// must be together is in registry_rules.h.
namespace agnes::catalog {

// A table's key: a list of column names, or one name as a plain text.
struct KeyColumns {
  std::vector<std::string> names;
};

// Row filters in their stored form: {column, operator, values}, values as texts.
struct Filters {
  boost::json::array list;
};

namespace body {
// Each says what is wrong with a field's text, "" when nothing is.
std::string check_name(std::string_view text);
std::string check_schedule(std::string_view text);
std::string check_source(std::string_view text);
std::string check_mode(std::string_view text);
std::string check_strategy(std::string_view text);
std::string check_granularity(std::string_view text);
// Fills `out`; says what is wrong otherwise.
std::string read_filters(const boost::json::value& given, boost::json::array& out);
}  // namespace body

}  // namespace agnes::catalog

template <>
struct agnes::json::Codec<agnes::catalog::KeyColumns> {
  static bool read(Reader& reader, const boost::json::value& value, catalog::KeyColumns& out) {
    if (value.is_string()) {
      out.names.emplace_back(value.as_string());
      return true;
    }
    return json::read(reader, value, out.names);
  }
  static boost::json::value write(const catalog::KeyColumns& key) { return to_json(key.names); }
  static boost::json::object schema(Components& components) {
    return json::schema<std::vector<std::string>>(components);
  }
};

template <>
struct agnes::json::Codec<agnes::catalog::Filters> {
  static bool read(Reader& reader, const boost::json::value& value, catalog::Filters& out) {
    const auto problem = catalog::body::read_filters(value, out.list);
    if (!problem.empty()) reader.fail("value_error", problem, value);
    return problem.empty();
  }
  static boost::json::value write(const catalog::Filters& filters) { return filters.list; }
  static boost::json::object schema(Components&) {
    return {{"type", "array"}, {"items", {{"type", "object"}, {"additionalProperties", true}}}};
  }
};

namespace agnes::catalog {

// What a registration may say beside its name; all of it may be left out.
struct TableBody {
  json::Field<std::string> folder, sync_strategy;
  json::Field<KeyColumns> primary_key;
  json::Field<std::string> description, source_type, bucket, source_table, source_query, query_mode,
      sync_schedule;
  json::Field<bool> profile_after_sync;
  json::Field<int> incremental_window_days, max_history_days;
  json::Field<std::string> incremental_column;
  json::Field<Filters> where_filters;
  json::Field<std::string> partition_by, partition_granularity;
  json::Field<int> initial_load_chunk_days;

  // Whether it says anew where the source has the table.
  bool moves() const {
    return !source_type.omitted() || !bucket.omitted() || !source_table.omitted() ||
           !source_query.omitted() || !query_mode.omitted();
  }

  // Puts what is given into the row, and adds the names of those fields to `changed` unless it is null.
  void apply(Registration& row, std::vector<std::string>* changed) const;
};

#define AGNES_TABLE_RULES                                                   \
  {.field = "sync_strategy", .check = body::check_strategy},                \
      {.field = "source_type", .check = body::check_source},                \
      {.field = "sync_schedule", .check = body::check_schedule},            \
      {.field = "query_mode", .not_null = true, .check = body::check_mode}, \
      {.field = "partition_granularity", .check = body::check_granularity}, \
      {.field = "incremental_window_days", .ge = 1, .le = 100'000},         \
      {.field = "max_history_days", .ge = 1, .le = 100'000}, {              \
    .field = "initial_load_chunk_days", .ge = 1, .le = 100'000              \
  }

struct RegisterTable : TableBody {
  std::string name;
  static constexpr json::Rule rules[] = {{.field = "name", .check = body::check_name}, AGNES_TABLE_RULES};
};
struct UpdateTable : TableBody {
  json::Field<std::string> name;
  static constexpr json::Rule rules[] = {{.field = "name", .not_null = true, .check = body::check_name},
                                         AGNES_TABLE_RULES};
  void check(json::Check& check) const;
};
#undef AGNES_TABLE_RULES
BOOST_DESCRIBE_STRUCT(TableBody, (),
                      (folder, sync_strategy, primary_key, description, source_type, bucket, source_table,
                       source_query, query_mode, sync_schedule, profile_after_sync, incremental_window_days,
                       max_history_days, incremental_column, where_filters, partition_by,
                       partition_granularity, initial_load_chunk_days))
BOOST_DESCRIBE_STRUCT(RegisterTable, (TableBody), (name))
BOOST_DESCRIBE_STRUCT(UpdateTable, (TableBody), (name))

}  // namespace agnes::catalog
