#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "catalog/registry.h"
#include "jobs/runner.h"

namespace agnes::sync {

// What became of one table in a sync.
struct SyncedTable {
  std::string name;
  bool failed = false;
  std::string error;  // one line: what, where, what to do
  std::int64_t duration_ms = 0;
  // A table that nobody has registered or unregistered yet: it is registered now, with this description.
  bool fresh = false;
  std::string description;
};

// Among names of tables: those that are new in the source too. No table has this name.
inline constexpr const char* kNewTables = "*";

// A kind of source. The orchestrator calls it from one job at a time; it may block for as long as `context`
// is not cancelled. Work on data happens in worker processes that it starts (workers::run_task).
class Connector {
 public:
  virtual ~Connector() = default;

  // Brings the source's tables into its extract: these (by name; see kNewTables), or all. A table that fails
  // is told in the answer and keeps its last good version; throws Error when nothing could be done at all.
  virtual std::vector<SyncedTable> extract(const std::vector<catalog::Registration>& registered,
                                           const std::optional<std::vector<std::string>>& names,
                                           const jobs::Context& context) = 0;
  // Takes a table out of the extract. Nothing happens when it is not there.
  virtual void remove(const std::string& name, const jobs::Context& context) = 0;
  // What is registered of this source has this source type.
  virtual std::string source_type() const = 0;
};

}  // namespace agnes::sync
