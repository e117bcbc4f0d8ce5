#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <boost/describe.hpp>

#include "core/query/predicate.h"
#include "core/query/remote.h"
#include "lib/duck/database.h"

namespace agnes::query {

// One table that the callers of an engine may read: Parquet files, a table inside an extract's own
// database file, or a view on an attached engine.
struct ReadableTable {
  std::string name;                         // as SQL names it; case does not matter, as in DuckDB
  std::vector<std::string> files;           // Parquet
  std::optional<std::string> attach_file;   // the database file, where it has the table and `files` is empty
  std::optional<std::string> attach_table;  // the table's name there; `name` when left out
  bool union_by_name = false;               // the files' columns may differ in number or order
  std::string missing = {};                 // in place of all that: why it has no rows here
  std::string remote_alias = {};            // the attachment that `remote_view` reads
  std::string remote_view = {};             // likewise: CREATE VIEW ..., over attachments of the setup
  std::vector<std::string> remote_functions = {};  // table functions that the view may call; lower case
};
BOOST_DESCRIBE_STRUCT(ReadableTable, (),
                      (name, files, attach_file, attach_table, union_by_name, missing, remote_alias,
                       remote_view, remote_functions))

struct EngineSetup {
  std::vector<ReadableTable> tables;
  std::string spill_folder;  // must exist; only this engine writes there
  std::uint64_t memory_limit_bytes = 1ull << 30;
  std::uint64_t max_spill_bytes = 4ull << 30;
  int threads = 2;
  std::vector<Attachment> attachments = {};
  std::string extension_folder = {};
  bool unsigned_extensions = false;
};
BOOST_DESCRIBE_STRUCT(EngineSetup, (),
                      (tables, spill_folder, memory_limit_bytes, max_spill_bytes, threads, attachments,
                       extension_folder, unsigned_extensions))

struct Statement {
  std::string sql;
  std::int64_t row_limit = 1000;                 // 0 or more; of the format "json"
  std::uint64_t max_result_bytes = 64ull << 20;  // of the encoded answer
  // "json": the answer of POST /api/query; "objects": its rows alone, as objects; "arrow": an Arrow IPC stream (duck/arrow_stream.h).
  std::string format = "json";
  std::optional<Predicate> predicate = {};  // a part of `sql` that is checked first, by itself
  int time_limit_seconds = 0;               // 0: the pool's
  // Tables of the setup, in lower case, that another engine has: see run.
  std::vector<std::string> remote = {};
};
BOOST_DESCRIBE_STRUCT(Statement, (),
                      (sql, row_limit, max_result_bytes, format, predicate, time_limit_seconds, remote))

// How often a statement reads each table; -1: any number of times (in a recursion).
using Readings = std::map<std::string, double>;

// What a statement names, found without running it.
struct StatementTables {
  std::vector<std::string> tables;  // in lower case; CTEs are not among them
  std::string refusal;              // why it could not run whatever tables there were; `tables` is empty then
};
BOOST_DESCRIBE_STRUCT(StatementTables, (), (tables, refusal))

// What a worker is asked: one of the two.
struct WorkerRequest {
  std::optional<Statement> run = {};
  std::optional<std::string> inspect = {};  // SQL; the answer is StatementTables as JSON
};
BOOST_DESCRIBE_STRUCT(WorkerRequest, (), (run, inspect))

class Authoriser;
class Sandbox;

// Answers untrusted SQL inside a confined worker process: checks the statement's parse tree (authorise.h),
// then runs it in a database that holds nothing but the tables of the setup (sandbox.h).
//
// One statement at a time; `interrupt` may come from any thread.
class Engine {
 public:
  using Sink = std::function<void(std::string_view chunk)>;

  // Throws Error when DuckDB cannot be opened, and Error (bad_gateway) when an attachment cannot be made.
  // Reads none of the tables' files.
  explicit Engine(const EngineSetup& setup);
  ~Engine();

  // Runs one statement and hands its encoded answer to `sink`, in parts of 256 KB at most. JSON is handed on
  // after the statement has ended well: whatever fails throws before the first part. Arrow is handed on while
  // it runs, in bounded memory, the first part not before 256 KB are there: what fails then cuts the stream.
  // Throws Error:
  //   bad_request  no SQL, a refused statement or function, a mistake in the SQL
  //   forbidden    a table that the setup does not have, whether or not there is one of that name elsewhere
  //   too_large    the statement's text, its answer, or the memory that it needs
  //   timeout      `interrupt` was called
  // A statement that names a table of Statement::remote is allowed but not run: what it reads of all tables is the
  // result, which is empty otherwise.
  // Messages name no table, column, file or setting beyond the setup's tables and the statement itself.
  Readings run(const Statement& statement, const Sink& sink);

  // Reads a statement without running it: any name may be a table. Throws Error (bad_request) when it is not one
  // statement that reads, too_large and timeout as above.
  StatementTables inspect(const std::string& sql);

  // Ends the running statement soon; without one, nothing happens.
  void interrupt();

 private:
  struct Running;
  struct Busy;
  Readings answer(const Statement& statement, const Sink& sink);
  void open();
  void close();

  EngineSetup setup_;
  std::unique_ptr<Sandbox> sandbox_;
  std::unique_ptr<Authoriser> authoriser_;
  std::mutex mutex_;  // guards the next two
  duck::Connection* running_ = nullptr;
  bool busy_ = false;
  std::atomic<bool> interrupted_ = false;
};

}  // namespace agnes::query
