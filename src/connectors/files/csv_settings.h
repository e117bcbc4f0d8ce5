#pragma once

#include <string>

#include "connectors/files/csv_text.h"
#include "connectors/files/values.h"
#include "lib/duck/database.h"

namespace agnes::connectors::files {

// How the configuration says that a table's CSV files are written.
struct CsvSettings {
  CsvDialect dialect;
  std::string encoding;  // in the spelling of `known_encoding`; empty where none is set
  TextForms forms;
  std::string format_type = "TIMESTAMP";  // of what timestamp_format reads
};

// Throws SourceError, which names the setting, for one that cannot be. The candidate has settings.
CsvSettings read_csv_settings(duck::Connection& connection, const Candidate& candidate);

}  // namespace agnes::connectors::files
