#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace agnes::connectors::bigquery {

// BigQuery's answer of rows (TableSchema, TableRow) as JSON lines that DuckDB reads with the right types:
//
//   INTEGER BIGINT, FLOAT DOUBLE, NUMERIC(p,s) DECIMAL(p,s) (38,9 unless said), BOOLEAN, STRING VARCHAR,
//   BYTES BLOB, DATE, TIME, DATETIME TIMESTAMP, TIMESTAMP TIMESTAMP WITH TIME ZONE, RECORD STRUCT, REPEATED a
//   list; a BIGNUMERIC with more than 38 digits, GEOGRAPHY, JSON, INTERVAL, RANGE and what comes after them
//   VARCHAR.
//
// The rows must have been asked for with formatOptions.useInt64Timestamp. Source: the REST reference of
// BigQuery v2, "TableFieldSchema" and jobs.getQueryResults.
class Rows {
 public:
  // `schema` is a TableSchema. Throws Error (bad_gateway) for an invalid one.
  explicit Rows(const boost::json::object& schema);

  // Appends a page's rows to `out`, a line each. Throws Error (bad_gateway) when they are not of the schema.
  void append(const boost::json::array& page, std::string& out);
  std::int64_t count() const { return count_; }

  // A page's rows as objects by column, for people: numbers as numbers, times with a "T", NaN as null.
  boost::json::array objects(const boost::json::array& page) const;

  // The SELECT that reads a file of all lines so far.
  std::string select(const std::filesystem::path& file) const;

 private:
  struct Field {
    std::string name, type;  // type in upper case, one name for each
    std::string key;         // as a line has it: "\"c0\":" for a column, its name for a part of a record
    bool repeated = false;
    std::int64_t precision = 0, scale = 0;
    std::vector<Field> fields;
  };
  static std::vector<Field> fields_of(const boost::json::object& schema, int depth);
  static std::string one_type(const Field& field);
  static std::string type_of(const Field& field);
  static bool is_coded(const Field& field);
  static std::string decoded(const Field& field, const std::string& from, int depth);
  static std::string decoded_one(const Field& field, const std::string& from, int depth);
  static void append_value(const Field& field, const boost::json::value& value, std::string& out);
  static void append_one(const Field& field, const boost::json::value& value, std::string& out);
  static void append_cells(const std::vector<Field>& fields, const boost::json::value& row, std::string& out);

  static boost::json::value shown(const Field& field, const boost::json::value& value);
  static boost::json::value shown_one(const Field& field, const boost::json::value& value);
  static boost::json::object shown_cells(const std::vector<Field>& fields, const boost::json::value& row);
  // The cells of a row (TableRow), as many as there are fields.
  static std::vector<const boost::json::value*> cells_of(const std::vector<Field>& fields,
                                                         const boost::json::value& row);

  std::vector<Field> fields_;
  std::int64_t count_ = 0;
  std::size_t longest_ = 0;
};

}  // namespace agnes::connectors::bigquery
