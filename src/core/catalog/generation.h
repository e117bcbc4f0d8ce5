#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/catalog/registry.h"
#include "lib/base/time.h"

namespace agnes::catalog {

// Data older than this is shown as stale.
inline constexpr std::int64_t kStaleAfterSeconds = 24 * 3600;

// Where an extract says that rows are which it does not hold: behind an attachment of DuckDB.
struct RemoteEngine {
  std::string extension, alias, url, token_env;  // `token_env`: the variable with the token, or empty
};

struct Column {
  std::string name, type;  // DuckDB's name of the type
  bool nullable = true;
};

// One table as the server knows it: registered, found in an extract, or both.
struct Table {
  std::string id, name;     // as registered; both the extract's name when nobody registered it
  std::string source;       // folder under extracts/; empty while there is no data
  std::string source_type;  // as registered, "" when not
  std::string query_mode{name_of(QueryMode::local)};
  std::string sync_strategy;
  std::string description;
  bool registered = false;

  std::vector<std::string> files;          // absolute paths of Parquet files; empty while there is no data
  bool union_by_name = false;              // the files' columns may differ in number or order
  std::optional<std::string> attach_file;  // the extract database that holds the table itself
  std::string attach_name;                 // the table's name there
  std::shared_ptr<const RemoteEngine>
      remote;               // where the rows are, when an extract says that they are elsewhere
  std::string remote_view;  // and how it names them there: CREATE VIEW ...
  std::vector<Column> columns;
  std::string hash;  // MD5 of the one file; of the files' hashes when there are several
  std::int64_t rows = 0, size_bytes = 0;
  std::optional<Timestamp> updated;

  bool has_data() const { return !files.empty() || attach_file.has_value(); }
  // Why there is nothing to read when it has no data, in words for people.
  std::string why_no_data() const;
};

// What there is at one moment, never changed once made. `number` grows with each one of a process.
class Generation {
 public:
  Generation(std::uint64_t number, std::vector<Table> tables);

  std::uint64_t number() const { return number_; }
  // Sorted by name, as people sort: without regard to case.
  const std::vector<Table>& tables() const { return tables_; }
  // By id or name, exactly as written; null when there is none.
  const Table* find(std::string_view id_or_name) const;

 private:
  std::uint64_t number_;
  std::vector<Table> tables_;
  std::unordered_map<std::string_view, const Table*> by_key_;
};

// The current generation. Readers hold on to the one that they began with. Thread-safe.
class Generations {
 public:
  // Waits for the first one to be published; throws Error (unavailable) when that takes longer than 10 s.
  std::shared_ptr<const Generation> current() const;
  // The same without waiting, or for as long as `timeout`: null when there is none by then.
  std::shared_ptr<const Generation> peek(std::chrono::milliseconds timeout = {}) const;
  // Makes the next generation of `tables` the current one. Subscribers hear of it when `notify` is called next.
  std::shared_ptr<const Generation> publish(std::vector<Table> tables);
  // Calls the subscribers for each generation that they have not heard of: in the order of their numbers, one at a
  // time, without any lock held. One thread does that; meanwhile others, and subscribers that publish, leave it to that
  // one and return at once. So a subscriber may hear of a generation when a later one is current already. What it
  // throws is logged.
  void notify();
  void on_publish(std::function<void(const Generation&)> subscriber);

 private:
  mutable std::mutex mutex_;
  mutable std::condition_variable published_;
  std::shared_ptr<const Generation> current_;
  std::vector<std::function<void(const Generation&)>> subscribers_;
  std::deque<std::shared_ptr<const Generation>> unannounced_;
  bool notifying_ = false;  // some thread is in `notify`
};

}  // namespace agnes::catalog
