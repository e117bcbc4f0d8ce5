#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "app/config/config.h"
#include "core/extracts/extract_writer.h"
#include "core/sync/connector.h"

// Tables that a connector fetches from a service: rows come into files of a scratch folder first, then a
// confined worker reads those and writes the extract. What the service sent is never parsed by DuckDB in the
// server.
namespace agnes::connectors {

// The worker's task "extract.store": one table from files of the scratch folder into an extract.
struct StagedTable {
  std::string extract_dir;
  std::string scratch;  // the files, and where DuckDB may spill
  std::string table, description, query_mode;
  std::string select;  // over the files
  std::uint64_t memory_bytes = 0;
};
BOOST_DESCRIBE_STRUCT(StagedTable, (),
                      (extract_dir, scratch, table, description, query_mode, select, memory_bytes))
// The worker's side. Answers the number of rows. Throws as ExtractWriter does.
std::int64_t store(const StagedTable& table);
// The same of taking a table out of an extract. Both wait for half a minute while another process writes
// there.
void take_out(const std::string& extract_dir, const std::string& table);

// What a fetch is given beside the registration.
struct Fetching {
  std::filesystem::path scratch;  // an empty folder of its own
  std::filesystem::path current;  // the table's Parquet file as it is now, if there is one
  std::chrono::steady_clock::time_point ends;
  StopToken cancelled;                                 // or out of time
  std::function<void(std::string_view state)> report;  // for those who watch: "waiting for BigQuery"

  std::chrono::milliseconds left() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(ends - std::chrono::steady_clock::now());
  }
  // Returns early, throwing Error (timeout), when it was cancelled.
  void wait(std::chrono::milliseconds time) const;
};
// Brings a table's rows into files below fetching.scratch and answers the SELECT that reads them. Throws
// Error with what is to be told of the table.
using Fetch = std::function<std::string(const catalog::Registration&, const Fetching&)>;

// Those of `registered` that are of `source`, in one of these modes, and selected.
std::vector<catalog::Registration> chosen(const std::vector<catalog::Registration>& registered,
                                          std::string_view source,
                                          const std::vector<catalog::QueryMode>& query_modes,
                                          const sync::TableSelection& selection);

// Fetches each of these tables and writes it to the extract of `source`, `at_once` of them side by side,
// within extract.timeout_seconds in all. A table that fails is told in the answer, keeps its last good
// version, and stops no other. Once `context` is cancelled no more are begun, and only those that were
// finished are told.
std::vector<sync::TableOutcome> bring(const std::vector<catalog::Registration>& tables,
                                      std::string_view source, const config::Config& config,
                                      std::size_t at_once, const jobs::Context& context, const Fetch& fetch);

// Takes a table out of the extract of `source`.
void take_out(const std::string& table, std::string_view source, const config::Config& config,
              const jobs::Context& context);

}  // namespace agnes::connectors
