#pragma once

#include "core/extracts/file_facts.h"

namespace agnes::extracts {

// What an extract.duckdb holds, by attaching it read-only for as long as that takes. Throws what DuckDB says
// of a file that is damaged, locked by a writer or of a newer DuckDB; Error (invalid) when it has no _meta.
ExtractFacts read_database(duck::Connection& connection, const fs::path& file, const FileStamp& stamp);

// What can be had of an extract whose database only a later DuckDB reads: one of a Python connector, which
// takes the newest there is. By the contract a table is data/<table>.parquet, or the Parquet files of the
// folder data/<table>.
ExtractFacts facts_from_files(const fs::path& folder, const FileStamp& stamp);

}  // namespace agnes::extracts
