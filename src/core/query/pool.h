#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/query/engine.h"
#include "lib/base/files.h"
#include "lib/workers/process.h"

namespace agnes::query {

struct PoolOptions {
  std::size_t max_workers = 6;  // processes at once, the spare included; with one, there is no spare
  std::uint64_t memory_bytes = 1u << 30;  // of one worker's DuckDB
  std::uint64_t spill_bytes = 4ull << 30;
  std::uint64_t spill_reserve_bytes = 0;  // of the disk, which no statement may fill
  int threads = 2;                        // of one worker
  int time_limit_seconds = 60;            // of a statement that brings none
  // A process is there for each statement that may run; one may be on its way back, or being replaced.
  std::chrono::milliseconds wait_for_process{5'000};
  fs::path spill_folder;  // workers get a folder of their own below it
};

class Pool;

// What an engine holds: tables, and attachments with what they need; the rest of the setup is the pool's.
using Engines = std::function<EngineSetup()>;

// One statement on its way. Read it with `next` until that is false; letting it go earlier ends the
// statement. Its time is what `next` waits for it, not what its reader takes between two calls.
class Execution {
 public:
  ~Execution();
  // The next part of the answer; false at its end. Throws Error for what the engine refused or failed at,
  // when the time limit is reached (bad_request), and when the statement broke its process (bad_request).
  bool next(std::string& chunk);
  // Waits for the answer's first part. When that is what the statement reads, because it names tables of
  // Statement::remote, it has not run, and there is no answer.
  const Readings& needs_remote();
  // Keeps `what` alive as long as the statement may read it.
  void hold(std::shared_ptr<const void> what) { held_ = std::move(what); }

 private:
  friend class Pool;
  struct Worker;
  Execution(Pool& pool, std::unique_ptr<Worker> worker, std::chrono::seconds limit);
  bool receive(std::string& chunk);
  bool read(std::string& chunk);
  // Hands the request to the process. False when that has ended first: nothing has run.
  bool begin(const std::string& key, const Engines& engine, const std::string& request);
  void end(const std::string& why);
  [[noreturn]] void lose(const std::string& message);

  Pool& pool_;
  std::unique_ptr<Worker> worker_;
  const std::chrono::seconds limit_;
  workers::Channel::Clock::time_point started_;  // moved on by what the reader took
  workers::Channel::Clock::time_point left_;     // when `next` last returned
  bool interrupted_ = false;
  bool finished_ = false;
  std::optional<std::string> first_;  // of the answer, read by `needs_remote`
  Readings readings_;
  std::shared_ptr<const void> held_;
};

// Query worker processes. One statement at a time runs in a process, so that a crash, a kill or a slow
// statement is nobody else's; a process serves callers of one set of rights and one generation, because its
// engine holds nothing else. Idle ones are kept for the next statement of the same key; one that belongs to
// nobody yet is kept warm. Who may run how many statements at once is told by the executor on which they run
// (http::Executor::query), which has a place for each process. Thread-safe.
class Pool {
 public:
  explicit Pool(PoolOptions options);
  ~Pool();
  Pool(const Pool&) = delete;
  Pool& operator=(const Pool&) = delete;

  // Runs `statement` in an engine that holds what `engine` says; `key` stands for exactly that set of tables,
  // files and attachments. Error (unavailable) when there is no free process for seconds. Processes that have died
  // idle are replaced unseen; Error (unavailable) when each one dies before it takes the statement, Error
  // (gateway_timeout) when attaching takes too long.
  std::unique_ptr<Execution> run(const std::string& key, const Engines& engine, const Statement& statement);
  // Reads the statement in such an engine without running it; see Engine::inspect.
  StatementTables inspect(const std::string& key, const Engines& engine, const std::string& sql);

  // Ends idle processes of keys that do not start with `prefix`: those of earlier generations.
  void retire_others(const std::string& prefix);
  // Starts the spare when there is none and room for it.
  void warm();

  // Statements by how they ended since the start, and the processes now.
  struct Counts {
    std::uint64_t ok = 0;
    std::uint64_t refused = 0;      // by the engine or the check: an error in the statement
    std::uint64_t timed_out = 0;    // interrupted or killed at the time limit
    std::uint64_t crashed = 0;      // broke their process
    std::uint64_t abandoned = 0;    // their caller went away
    std::uint64_t turned_away = 0;  // no process became free
    std::size_t processes = 0, busy = 0, idle = 0, spare = 0, most = 0;
  };
  Counts counts() const;
  const std::filesystem::path& spill_folder() const { return options_.spill_folder; }

 private:
  friend class Execution;
  using Worker = Execution::Worker;

  std::unique_ptr<Execution> start(const std::string& key, const Engines& engine,
                                   const WorkerRequest& request, int limit_seconds);
  std::unique_ptr<Worker> lease(const std::string& key);
  std::unique_ptr<Worker> start_worker();
  // False when the process ends instead.
  bool bind(Worker& worker, const std::string& key, EngineSetup setup);
  void drop_dead();
  void give_back(std::unique_ptr<Worker> worker);
  void drop(std::unique_ptr<Worker> worker);

  PoolOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable free_;
  std::list<std::unique_ptr<Worker>> idle_;  // most recently used first; bound to a key
  std::unique_ptr<Worker> spare_;
  std::size_t processes_ = 0;
  std::atomic<std::uint64_t> ok_{0}, refused_{0}, timed_out_{0}, crashed_{0}, abandoned_{0}, turned_away_{0};
};

// The worker's side (role "query"): the exit status for main().
int serve_queries();

}  // namespace agnes::query
