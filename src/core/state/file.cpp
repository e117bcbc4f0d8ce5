#include "core/state/file.h"

#include <fmt/format.h>
#include <unistd.h>

#include "core/state/duck_tx.h"
#include "core/state/migrate.h"
#include "core/state/schema.h"
#include "lib/base/files.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/time.h"
#include "lib/duck/rows.h"

namespace agnes::state {

namespace {

fs::path log_of(const fs::path& file) {
  return file.string() + ".wal";
}

// The process that DuckDB names when it finds a file locked: "... (PID 123)."
std::string lock_holder(const std::string& message) {
  const auto at = message.find("(PID ");
  if (at == std::string::npos) return "another process";
  const auto end = message.find(')', at);
  return "process " + message.substr(at + 5, end - at - 5);
}

Error cannot_open(const fs::path& file, const Error& error) {
  if (duck::is_newer_format(error))
    return Error(ErrorKind::internal,
                 fmt::format("{}; docs/switching.md has the way to copy it into an older format",
                             duck::NewerFormat(file).what()));
  std::string message = error.what();
  if (duck::is_locked(error))
    return Error(ErrorKind::conflict,
                 fmt::format("{} is in use by {}: stop that one first", file.string(), lock_holder(message)));
  // Errors that DuckDB takes for its own faults come with a stack trace.
  message.erase(std::min(message.find('\n'), message.size()));
  return Error(error.kind(),
               fmt::format("{} cannot be opened as the state database: {}", file.string(), message));
}

duck::Database open(const fs::path& file, const fs::path& named) {
  try {
    return duck::Database({.file = file,
                           .settings = {{"threads", "2"},
                                        {"memory_limit", "256MB"},
                                        {"autoinstall_known_extensions", "false"},
                                        {"autoload_known_extensions", "false"}}});
  } catch (const Error& error) {
    throw cannot_open(named, error);
  }
}

// The file inside an empty database, with nothing else in sight. Opened as the main one, a file is refused by
// DuckDB 1.5.5 when its log has an ALTER TABLE with a default, as a killed change of the schema leaves it:
// the log is read before there is a default database to look functions up in.
class Attached {
 public:
  Attached(const fs::path& file, bool writable) : database_(open({}, file)), connection_(connect(database_)) {
    try {
      connection_.execute(fmt::format("ATTACH {} AS state{}",
                                      duck::quote_literal(fs::absolute(file).string()),
                                      writable ? "" : " (READ_ONLY)"));
      connection_.execute("USE state");
    } catch (const Error& error) {
      throw cannot_open(file, error);
    }
  }
  duck::Connection& connection() { return connection_; }

 private:
  duck::Database database_;
  duck::Connection connection_;
};

// Makes `file` of what `make` makes at a name beside it, so that no half of one is ever found.
void put_in_place(const fs::path& file, const std::function<void(const fs::path&)>& make) {
  const fs::path temporary = temporary_name(file);
  try {
    make(temporary);
    if (fs::exists(log_of(temporary)))
      throw Error(ErrorKind::internal,
                  fmt::format("{} could not be written in one piece", temporary.string()));
    rename_synced(temporary, file);
  } catch (...) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    fs::remove(log_of(temporary), ignored);
    throw;
  }
}

void create_database(const fs::path& file) {
  auto database = open(file, file);
  auto connection = connect(database);
  duck::Transaction transaction(connection);
  for (const auto& table : schema()) connection.execute(create_sql(table));
  fill_new_database(connection);
  transaction.commit();
  connection.execute("CHECKPOINT");
}

// "system.duckdb.v35-20260102T030405": the file as it was, with what is in its log. So the log is tried on
// the copy first.
fs::path back_up(const fs::path& file, int version) {
  std::string moment = format_iso(Timestamp{now().micros / 1'000'000 * 1'000'000});
  std::erase_if(moment, [](char c) { return c == '-' || c == ':'; });
  const fs::path copy = fmt::format("{}.v{}-{}", file.string(), version, moment);
  const auto copy_synced = [](const fs::path& from, const fs::path& to) {
    PendingFile pending(to);
    fs::copy_file(from, pending.temporary(), fs::copy_options::overwrite_existing);
    pending.commit();
  };
  const bool has_log = fs::exists(log_of(file));
  // Without a log, nobody writes into this file any more: a second name for it does, however large it is.
  if (!has_log && ::link(file.c_str(), copy.c_str()) == 0) return copy;
  if (has_log) copy_synced(log_of(file), log_of(copy));
  copy_synced(file, copy);
  if (has_log) write_log_into(copy);
  return copy;
}

}  // namespace

duck::Database open_database(const fs::path& file) {
  return open(file, file);
}

std::optional<int> version_of(Tx& tx) {
  const auto known = tx.scalar<bool>(
      "SELECT count(*) > 0 FROM information_schema.tables WHERE table_name = 'schema_version'");
  if (!known.value_or(false)) return std::nullopt;
  return tx.scalar<int>("SELECT max(version) FROM schema_version");
}

void read_through(Tx& tx, std::string_view table) {
  tx.execute(
      fmt::format("SELECT CAST(bit_xor(hash(t)) AS VARCHAR) FROM {} t", duck::quote_identifier(table)));
}

void look_into(const fs::path& file, const std::function<void(Tx&)>& work) {
  Attached attached(file, false);
  DuckTx tx(attached.connection());
  work(tx);
}

void write_log_into(const fs::path& file) {
  Attached attached(file, true);
  attached.connection().execute("CHECKPOINT state");
}

duck::Connection connect(duck::Database& database) {
  auto connection = database.connect();
  // Defaults made of current_timestamp go into columns without a zone.
  connection.execute("SET TimeZone = 'UTC'");
  return connection;
}

void prepare_file(const fs::path& file, const MigrationContext& migration_context) {
  if (!fs::exists(file)) {
    if (fs::exists(log_of(file)))
      throw Error(ErrorKind::internal, fmt::format("{} is missing but its log {} is there: bring "
                                                   "the file back, or move the log away",
                                                   file.string(), log_of(file).string()));
    return put_in_place(file, create_database);
  }
  int version = 0;
  bool complete = false;
  {
    Attached attached(file, false);
    DuckTx tx(attached.connection());
    const auto found = version_of(tx);
    if (!found)
      throw Error(ErrorKind::internal, fmt::format("{} is not a state database (it has no "
                                                   "schema_version): move it away",
                                                   file.string()));
    version = *found;
    if (version > kSchemaVersion || version < kOldestVersion)
      throw Error(ErrorKind::internal, fmt::format("{} has schema version {}, this program opens {} "
                                                   "to {}: use another one",
                                                   file.string(), version, kOldestVersion, kSchemaVersion));
    complete = version == kSchemaVersion && is_complete(tx);
  }
  if (complete) {
    if (fs::exists(log_of(file))) write_log_into(file);
    return;
  }
  log::info("bringing {} from schema version {} to {}", file.string(), version, kSchemaVersion);
  std::optional<fs::path> copy;
  if (fs::exists(log_of(file))) {
    // A log beside the new file would be taken for its own.
    copy = back_up(file, version);
    write_log_into(file);
  }
  try {
    put_in_place(file, [&](const fs::path& temporary) {
      migrate(file, version, temporary, migration_context);
      // Last, so that starts that fail do not fill the disk with copies.
      if (!copy) copy = back_up(file, version);
      log::info("the file as it was is kept as {}", copy->string());
    });
  } catch (const duck::QueryError& error) {
    throw Error(ErrorKind::internal, fmt::format("{} cannot be brought from schema version {} to {} "
                                                 "and stays as it is: {}",
                                                 file.string(), version, kSchemaVersion, error.what()));
  }
}

}  // namespace agnes::state
