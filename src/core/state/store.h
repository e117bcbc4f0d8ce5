#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "core/state/migrate.h"
#include "core/state/tx.h"

namespace agnes::state {

// The state database `system.duckdb` in a folder, opened by one process at a time. A missing one is created
// with the declared schema; one of an older version is brought to it after a copy was made beside; one of a
// version that this program does not know, or that is not a state database, is refused and not touched.
//
// What `write` committed survives the end of the process at any moment. Thread-safe.
class Store {
 public:
  // Throws Error (`conflict`) naming the process that has it open, or (`internal`) naming the file and what
  // is wrong.
  explicit Store(const std::filesystem::path& folder, const MigrationContext& migration_context = {});
  // Ends what runs and writes everything into the one file.
  ~Store();
  Store(const Store&) = delete;
  Store& operator=(const Store&) = delete;

  // Runs `work(tx)` on one consistent state; it can change nothing. Never waits for a writer.
  template <class Work>
  auto read(Work&& work) {
    return returning<Work>([this](const Task& task) { run_read(task); }, work);
  }

  // Runs `work(tx)` as one transaction, after the writers before it; its changes are on disk when this returns,
  // and undone when `work` throws. Throws Error (`insufficient_storage`) when the disk does not take them. `work` is run
  // again when the database finds a conflict, so it must touch nothing but the database: return what is to be kept. Keep it
  // short.
  template <class Work>
  auto write(Work&& work) {
    return returning<Work>([this](const Task& task) { run_write(task); }, work);
  }

  // Moves the write-ahead log into the file.
  void checkpoint();

  // Nothing is written while `work` runs, so `file()` with its log beside it is all that was committed, for
  // another process to copy. This one must not open them: closing a file gives up DuckDB's lock on it.
  void with_writes_paused(const std::function<void()>& work);

  const std::filesystem::path& file() const;

 private:
  using Task = std::function<void(Tx&)>;
  class Impl;

  template <class Work, class Runner>
  static auto returning(Runner&& run, Work& work) {
    using Value = std::invoke_result_t<Work&, Tx&>;
    if constexpr (std::is_void_v<Value>) {
      run(Task([&](Tx& tx) { work(tx); }));
    } else {
      std::optional<Value> value;
      run(Task([&](Tx& tx) { value.emplace(work(tx)); }));
      return std::move(*value);
    }
  }

  void run_read(const Task& task);
  void run_write(const Task& task);

  std::unique_ptr<Impl> impl_;
};

}  // namespace agnes::state
