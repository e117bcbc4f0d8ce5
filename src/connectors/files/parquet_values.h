#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "connectors/files/parquet_footer.h"
#include "lib/duck/database.h"

// SQL and checks for values of Parquet files that another type would change.
namespace agnes::connectors::files {

// Which columns of a twin (write_parquet_twin) have times that microseconds do not hold.
struct NanosFound {
  std::vector<bool> inexact;       // by column of the table: digits below a microsecond
  std::vector<bool> out_of_range;  // and something that is no time, or none that DuckDB has
};
NanosFound find_nanos(duck::Connection& connection, const std::string& twin, const ParquetFooter& footer);

// The value of a twin's column {name} with all its digits: TIMESTAMP_NS for INT96, else a text.
std::string exact_nanos_sql(const std::string& name, Nanos kind);

// SQL that is true where every time in the value {name} is one that DuckDB can write out again: times of day are within
// one, nanoseconds have no infinity. "true" where the type has no times.
std::string has_times_sql(const std::string& name, std::string_view type);
// SQL that is true where no map in the value has a key twice, of which readers of JSON keep one. "true" where there is no map.
std::string has_keys_once_sql(const std::string& name, std::string_view type);

// SQL that is true where {name}, of type `from`, says the same as a value of type `to`. Both in DuckDB's spelling.
std::string keeps_value_sql(const std::string& name, std::string_view from, std::string_view to);

}  // namespace agnes::connectors::files
