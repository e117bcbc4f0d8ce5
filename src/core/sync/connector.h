#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/object.hpp>

#include "app/config/config.h"
#include "core/catalog/registry.h"
#include "core/catalog/remote_tables.h"
#include "core/extracts/problem.h"
#include "core/sync/table_selection.h"
#include "lib/jobs/context.h"

namespace agnes::sync {

// What became of one table in a run.
struct TableOutcome {
  std::string name;
  bool failed = false;
  std::string error;            // one line: what, where, what to do
  std::string kind = "failed";  // of the failure: extracts::Problem::kind
  std::int64_t duration_ms = 0;
  // A table that nobody has registered or unregistered yet: it is registered now, with this description.
  bool is_new = false;
  std::string description;
  std::string source_type;  // the connector's; `ingest` sets it
};

// What a connector found and brought.
struct Extraction {
  std::vector<TableOutcome> tables;
  // What else is wrong, or worth a note, with the whole source as it is now: it stands until the next run says what does.
  std::vector<extracts::Problem> problems;  // `ingest` sets their source

  Extraction(std::vector<TableOutcome> tables = {}, std::vector<extracts::Problem> problems = {})
      : tables(std::move(tables)), problems(std::move(problems)) {}
};

// What a source has to offer.
struct Offer {
  boost::json::object shown;  // as the source tells of it, in the contract's words
  // As it would be registered: id, name, source_type, bucket, source_table, query_mode, description. Without
  // an id it is not a table, but a part of the source to look into.
  catalog::Registration row;
  std::string unfit;  // why it cannot be registered; empty: it can
};
struct Discovery {
  std::string list = "tables";  // what the offers are called in the answer
  std::vector<Offer> offers;
  boost::json::object more;  // beside the list
  std::string problem;       // why there is nothing to look into; empty: there is
};

// The longest that a request waits for a source's answer.
inline constexpr std::chrono::seconds kSourceTimeout{60};

// A source, as a sync and those who look into it ask it. One folder below connectors/ and one line in the list of modules
// each. Work on data happens in worker processes that the connector starts
// (workers::run_task). What throws, throws Error; where the source is to blame its detail is that of
// connectors::source_error.
class Connector {
 public:
  virtual ~Connector() = default;

  // What is registered of this source has this source type.
  virtual std::string source_type() const = 0;

  // A request waits for these five, kSourceTimeout at most; they may run side by side.

  // Asks the source, with the settings that it was made with, who it takes us for; the facts are shown to
  // administrators.
  virtual boost::json::object test() = 0;
  // What the source offers, or a part of it (a dataset, a bucket), by name.
  virtual Discovery discover(const std::optional<std::string>& part) = 0;
  // What the source knows of a table that is to be registered: rows, size_bytes, columns ({name, type}), ...
  // Empty when it cannot tell before a sync. Throws Error (not_found) when it has no such table.
  virtual boost::json::object look_up(const catalog::Registration&) { return {}; }

  // The same of a table that stays there, for the catalogue; nothing when the source does not know it.
  virtual std::optional<catalog::RemoteFacts> facts(const catalog::Registration&) { return std::nullopt; }
  // And its first rows, as objects by column: dates as times, decimals as numbers, as samples of other
  // tables.
  virtual boost::json::array sample(const catalog::Registration&, int /*rows*/) { return {}; }

  // The orchestrator calls the next two from one job at a time; they may block for as long as `context` is
  // not cancelled. A source whose tables all stay where they are leaves them out.

  // Brings the selected tables of the source into its extract. `registered` are the tables of all sources. A
  // table that fails is reported as failed and keeps its last good version; throws Error when nothing could be
  // done at all, as when the source is not there. Without tables of its own among `registered`, a source that finds none by itself is not asked
  // anything.
  virtual Extraction extract(const std::vector<catalog::Registration>& /*registered*/,
                             const TableSelection& /*selection*/, const jobs::Context& /*context*/) {
    return {};
  }
  // Takes a table out of the extract. Nothing happens when it is not there.
  virtual void remove(const std::string& /*name*/, const jobs::Context& /*context*/) {}
};

// How a connector becomes known: each connector's module adds one to the services, and declares what the source is to
// the catalogue (catalog::SourceKind).
struct ConnectorKind {
  std::string_view source;  // as data_source.type and routes name it
  std::unique_ptr<Connector> (*make)(const config::Config& config);
};
using ConnectorKinds = std::vector<ConnectorKind>;

// The connector of a source, as the configuration sets it up; "local" and "csv" are "files". Null for a name
// that no source has.
std::unique_ptr<Connector> make_connector(const ConnectorKinds& kinds, std::string_view source,
                                          const config::Config& config);
// Those that a sync asks: the configuration's own source first, then those whose registered tables are
// brought beside it.
std::vector<std::unique_ptr<Connector>> connectors_for_sync(const ConnectorKinds& kinds,
                                                            const config::Config& config);

}  // namespace agnes::sync
