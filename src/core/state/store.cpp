#include "core/state/store.h"

#include <mutex>
#include <shared_mutex>
#include <thread>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "core/state/duck_tx.h"
#include "core/state/file.h"
#include "core/state/schema.h"
#include "core/state/seed.h"
#include "lib/base/files.h"
#include "lib/base/log.h"
#include "lib/duck/rows.h"

namespace agnes::state {

namespace {

constexpr int kAttempts = 5;
constexpr std::size_t kIdleReaders = 4;

// The lock beside the database tells who holds it, which DuckDB's own lock cannot across containers.
FileLock take_lock(const fs::path& folder) {
  const fs::path file = folder / "system.lock";
  auto lock = FileLock::try_lock(file);
  if (!lock) {
    const auto holder = read_file(file).value_or("");
    throw Error(ErrorKind::conflict,
                fmt::format("{} is in use by another agnes-server{}: stop that one first", folder.string(),
                            holder.empty() ? "" : fmt::format(" (process {})", holder)));
  }
  UniqueFd fd(::open(file.c_str(), O_WRONLY | O_TRUNC | O_CLOEXEC));
  if (fd) write_all(fd.get(), std::to_string(::getpid()));
  return std::move(*lock);
}

std::string sql_name(std::string_view name) {
  return duck::quote_identifier(name);
}

std::string column_names(const Table& table) {
  std::string out;
  for (const auto& column : table.columns) out += (out.empty() ? "" : ", ") + sql_name(column.name);
  return out;
}

// Makes a table anew, with the same rows.
void rewrite(duck::Connection& connection, const Table& table, bool with_references) {
  const std::string aside = sql_name(std::string(table.name) + "_aside"), columns = column_names(table);
  connection.execute(
      fmt::format("CREATE TEMP TABLE {} AS SELECT {} FROM {}", aside, columns, sql_name(table.name)));
  connection.execute("DROP TABLE " + sql_name(table.name));
  Table made = table;
  if (!with_references) {
    made.references.clear();
    made.indexes.clear();
  }
  connection.execute(create_sql(made));
  connection.execute(
      fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2}", sql_name(table.name), columns, aside));
  connection.execute("DROP TABLE " + aside);
}

// DuckDB would not notice it within the transaction that deletes the row.
void refuse_dangling(duck::Connection& connection, const Table& table) {
  for (const auto& reference : table.references) {
    const auto dangling = duck::scalar<std::int64_t>(
        connection, fmt::format("SELECT count(*) FROM {} c WHERE {} IS NOT NULL AND NOT EXISTS (SELECT 1 "
                                "FROM {} p WHERE p.{} = c.{})",
                                sql_name(table.name), sql_name(reference.column), sql_name(reference.table),
                                sql_name(reference.target), sql_name(reference.column)));
    if (dangling.value_or(0) > 0)
      throw duck::QueryError(DUCKDB_ERROR_CONSTRAINT,
                             fmt::format("{} rows of {} would violate its foreign key to {}", *dangling,
                                         table.name, reference.table));
  }
}

// DuckDB checks a foreign key against what was committed before the transaction, so a row cannot be deleted together
// with those that reference it, nor get another value in an indexed column while they do. Within `work` the tables
// that have one are without it; at the end every row is checked and they get it back. Takes time in proportion to the
// size of these tables.
void without_references(duck::Connection& connection, const std::function<void()>& work) {
  std::vector<const Table*> tables;
  for (const auto& table : schema())
    if (!table.references.empty()) tables.push_back(&table);
  for (const auto* table : tables) rewrite(connection, *table, false);
  work();
  for (const auto* table : tables) {
    refuse_dangling(connection, *table);
    rewrite(connection, *table, true);
  }
}

bool is_foreign_key(const duck::QueryError& error) {
  return error.type() == DUCKDB_ERROR_CONSTRAINT &&
         std::string_view(error.what()).find("foreign key") != std::string_view::npos;
}

bool is_fatal(const duck::QueryError& error) {
  return error.type() == DUCKDB_ERROR_FATAL || error.type() == DUCKDB_ERROR_INTERNAL;
}

// Whether the disk did not take what was written; a commit that fails on that is an error of the transaction.
bool is_of_disk(const duck::QueryError& error) {
  const std::string_view text = error.what();
  return error.type() == DUCKDB_ERROR_IO || error.kind() == ErrorKind::insufficient_storage ||
         text.find("Could not write") != std::string_view::npos ||
         text.find("No space left") != std::string_view::npos;
}

}  // namespace

class Store::Impl {
 public:
  Impl(const fs::path& folder, const MigrationContext& migration_context)
      : file_(folder / "system.duckdb"), lock_(prepare(folder, migration_context)) {
    open();
  }

  void read(const Task& task) {
    std::shared_lock open_now(open_mutex_);
    if (!database_) throw not_open();
    Lease lease(*this);
    auto& connection = lease.get();
    connection.execute("BEGIN TRANSACTION READ ONLY");
    try {
      DuckTx tx(connection);
      task(tx);
    } catch (...) {
      lease.give_up();
      throw;
    }
    connection.execute("COMMIT");
  }

  void write(const Task& task) {
    std::lock_guard one_at_a_time(write_mutex_);
    try {
      write_or_throw(task);
    } catch (const duck::QueryError& error) {
      if (!is_of_disk(error)) throw;
      // What DuckDB says of it names files of the server.
      log::error("the state database cannot be written: {}", error.what());
      throw Error(ErrorKind::insufficient_storage,
                  "the server cannot write to its disk, which may be full: nothing was changed");
    }
  }

  void checkpoint() {
    std::lock_guard one_at_a_time(write_mutex_);
    std::shared_lock open_now(open_mutex_);
    if (!writer_) throw not_open();
    try_checkpoint();
  }

  void with_writes_paused(const std::function<void()>& work) {
    std::lock_guard one_at_a_time(write_mutex_);
    std::shared_lock open_now(open_mutex_);
    if (!writer_) throw not_open();
    try_checkpoint();
    work();
  }

  const fs::path& file() const { return file_; }

 private:
  void write_or_throw(const Task& task) {
    bool references_aside = false;
    for (int attempt = 1;; ++attempt) {
      try {
        if (!writer_) reopen("it was left closed");
        std::shared_lock open_now(open_mutex_);
        duck::Transaction transaction(*writer_);
        DuckTx tx(*writer_);
        if (references_aside)
          without_references(*writer_, [&] { task(tx); });
        else
          task(tx);
        transaction.commit();
        // A log with a changed schema is the part of DuckDB's recovery that failed before; do not leave one
        // behind.
        if (references_aside) try_checkpoint();
        return;
      } catch (const duck::QueryError& error) {
        if (is_fatal(error)) reopen(error.what());
        const bool again = (error.type() == DUCKDB_ERROR_TRANSACTION && !is_of_disk(error)) ||
                           (is_foreign_key(error) && !references_aside);
        if (!again || attempt == kAttempts) throw;
        references_aside = references_aside || is_foreign_key(error);
      }
    }
  }

  // A reader's connection, given back to the pool unless its transaction broke.
  class Lease {
   public:
    explicit Lease(Impl& owner) : owner_(owner) {
      {
        std::lock_guard guard(owner_.pool_mutex_);
        if (!owner_.pool_.empty()) {
          connection_.emplace(std::move(owner_.pool_.back()));
          owner_.pool_.pop_back();
        }
      }
      if (!connection_) connection_.emplace(connect(*owner_.database_));
    }
    ~Lease() {
      std::lock_guard guard(owner_.pool_mutex_);
      if (connection_ && owner_.pool_.size() < kIdleReaders) owner_.pool_.push_back(std::move(*connection_));
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    duck::Connection& get() { return *connection_; }
    void give_up() { connection_.reset(); }

   private:
    Impl& owner_;
    std::optional<duck::Connection> connection_;
  };

  Error not_open() const {
    return Error(ErrorKind::unavailable,
                 fmt::format("{} could not be opened again: see the log", file_.string()));
  }

  FileLock prepare(const fs::path& folder, const MigrationContext& migration_context) {
    std::error_code error;
    fs::create_directories(folder, error);
    if (error)
      throw Error(ErrorKind::internal, fmt::format("cannot create {}: {}", folder.string(), error.message()));
    auto lock = take_lock(folder);
    remove_leftovers(folder);
    prepare_file(file_, migration_context);
    return lock;
  }

  void open() {
    database_.emplace(open_database(file_));
    writer_.emplace(connect(*database_));
    seed(*writer_);
  }

  // After a fatal error (the disk was full while a commit was written) DuckDB refuses all work until it is
  // opened again; what was committed is in the log.
  void reopen(const std::string& reason) {
    log::error("the state database failed and is opened again: {}", reason);
    std::unique_lock alone(open_mutex_);
    writer_.reset();
    pool_.clear();
    database_.reset();
    open();
  }

  void try_checkpoint() {
    try {
      writer_->execute("CHECKPOINT");
    } catch (const duck::QueryError& error) {
      log::debug("the state database's log stays for now: {}", error.what());  // a reader is at work
    }
  }

  fs::path file_;
  FileLock lock_;
  std::shared_mutex open_mutex_;  // unique only while the database is opened again
  std::mutex write_mutex_, pool_mutex_;
  std::optional<duck::Database> database_;
  std::optional<duck::Connection> writer_;
  std::vector<duck::Connection> pool_;
};

Store::Store(const fs::path& folder, const MigrationContext& migration_context)
    : impl_(std::make_unique<Impl>(folder, migration_context)) {}
Store::~Store() = default;
void Store::run_read(const Task& task) {
  impl_->read(task);
}
void Store::run_write(const Task& task) {
  impl_->write(task);
}
void Store::checkpoint() {
  impl_->checkpoint();
}
void Store::with_writes_paused(const std::function<void()>& work) {
  impl_->with_writes_paused(work);
}
const fs::path& Store::file() const {
  return impl_->file();
}

}  // namespace agnes::state
