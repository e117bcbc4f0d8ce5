#include "cli/views.h"

#include <cerrno>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/duck/database.h"
#include "lib/duck/rows.h"

namespace agnes::cli {

namespace {
// A database with more of the user's own data than this is changed in place rather than copied.
constexpr std::uintmax_t kTooLargeToCopy = 256u << 20;

enum class Use { none, readers, writer };

// Who else has the database open, by the locks that DuckDB sets (fcntl, on the whole file).
Use use_of(int fd) {
  struct flock lock {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  if (::fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK) return Use::none;
  return lock.l_type == F_WRLCK ? Use::writer : Use::readers;
}
// Keeps writers out while the copy is made.
void share(int fd) {
  struct flock lock {};
  lock.l_type = F_RDLCK;
  lock.l_whence = SEEK_SET;
  ::fcntl(fd, F_SETLK, &lock);
}

void copy_file(int from, const fs::path& to) {
  UniqueFd target(::open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!target) throw system_error("cannot write " + to.string(), errno);
  if (::ioctl(target.get(), FICLONE, from) == 0) return;
  char buffer[1 << 16];
  ::lseek(from, 0, SEEK_SET);
  while (true) {
    const auto got = ::read(from, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("cannot read the database", errno);
    if (got == 0) return;
    write_or_throw(target.get(), std::string_view(buffer, static_cast<std::size_t>(got)), to);
  }
}

// Views that a pull made, this program's or another client's; all others are the user's.
bool is_ours(std::string_view sql) {
  constexpr std::string_view kSelect = " AS SELECT * FROM read_parquet('";
  const auto at = sql.find(kSelect);
  if (at == sql.npos) return false;
  const std::string_view rest = sql.substr(at + kSelect.size());
  const auto end = rest.find("')");
  const auto file = rest.substr(0, end);
  return end != rest.npos && rest.size() <= end + 3 &&
         (file.find("/server/parquet/") != file.npos || file.find("/user/snapshots/") != file.npos);
}

struct Found {
  std::string name;
  std::string sql;
};
BOOST_DESCRIBE_STRUCT(Found, (), (name, sql))

std::string scan(const View& view) {
  return "read_parquet(" + duck::quote_literal(view.file.string()) + ")";
}

void change(duck::Connection& connection, const std::vector<View>& views,
            std::vector<std::string>& problems) {
  duck::Transaction transaction(connection);
  std::set<std::string> taken;
  for (const auto& table : duck::rows<Found>(
           connection,
           "SELECT table_name AS name FROM duckdb_tables() WHERE NOT internal AND schema_name = 'main'"))
    taken.insert(to_lower(table.name));
  for (const auto& view : duck::rows<Found>(
           connection,
           "SELECT view_name AS name, sql FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'")) {
    if (is_ours(view.sql))
      connection.execute("DROP VIEW " + duck::quote_identifier(view.name));
    else
      taken.insert(to_lower(view.name));
  }
  for (const auto& view : views) {
    if (!taken.insert(to_lower(view.name)).second) {
      problems.push_back(
          fmt::format("{}: the local database has a table or view of that name already; it stays, and "
                      "the server's table is in {}",
                      view.name, view.file.string()));
      continue;
    }
    connection.execute("CREATE VIEW " + duck::quote_identifier(view.name) + " AS SELECT * FROM " +
                       scan(view));
  }
  transaction.commit();
}

// A view is bound when it is made, so one broken file would end it all: then those that can be read are found
// first.
void change_around_broken_files(duck::Connection& connection, const std::vector<View>& views,
                                std::vector<std::string>& problems) {
  std::vector<std::string> first_problems;
  try {
    change(connection, views, first_problems);
    problems = std::move(first_problems);
    return;
  } catch (const duck::QueryError& error) {
    if (error.kind() == ErrorKind::insufficient_storage) throw;
  }
  std::vector<View> good;
  for (const auto& view : views) {
    try {
      connection.execute("SELECT * FROM " + scan(view) + " LIMIT 0");
      good.push_back(view);
    } catch (const duck::QueryError& error) {
      problems.push_back(fmt::format("{}: {}", view.name, escape_control(error.what())));
    }
  }
  change(connection, good, problems);
}
// Makes the database of a copy of the one that `old` is open on, if any, and puts it in its place.
void make_beside(const fs::path& database, int old,
                 const std::function<void(const fs::path&)>& open_and_change) {
  PendingFile pending(database);
  if (old >= 0) copy_file(old, pending.temporary());
  try {
    open_and_change(pending.temporary());
  } catch (...) {
    ::unlink((pending.temporary().string() + ".wal").c_str());
    throw;
  }
  pending.commit();
}

// "analytics.duckdb.v2.0.0", "analytics.duckdb.v2.0.0-2"... with its log.
fs::path set_aside(const fs::path& database) {
  const std::string writer = duck::writer_of(database);
  const std::string plain = database.string() + "." + (writer.empty() ? "old" : writer);
  fs::path kept = plain;
  for (int i = 2; fs::exists(kept); ++i) kept = fmt::format("{}-{}", plain, i);
  std::error_code none;
  fs::rename(database.string() + ".wal", kept.string() + ".wal", none);
  rename_synced(database, kept);
  return kept;
}
}  // namespace

ViewsMade make_views(const fs::path& database, const std::vector<View>& views) {
  ViewsMade made;
  fs::create_directories(database.parent_path());
  remove_leftovers(database.parent_path());
  if (fs::exists(database) && fs::is_empty(database)) fs::remove(database);
  if (fs::exists(database) && !duck::is_database(database)) made.kept = set_aside(database);
  const auto open_and_change = [&](const fs::path& file) {
    duck::Database db({file, {{"threads", "1"}}});
    auto connection = db.connect();
    change_around_broken_files(connection, views, made.problems);
    connection.execute("CHECKPOINT");
  };

  std::error_code error;
  const fs::path log = database.string() + ".wal";
  if (fs::exists(log, error)) {
    // A program that wrote was killed. Its last changes are in the log; DuckDB brings them into the database
    // when it is opened for writing, unless somebody else has it open.
    try {
      duck::Database db({database, {}});
      db.connect().execute("CHECKPOINT");
    } catch (const duck::NewerFormat&) {
      // Below.
    } catch (const Error&) {
      made.postponed = true;
      return made;
    }
  }

  UniqueFd old(::open(database.c_str(), O_RDWR | O_CLOEXEC));
  if (!old && errno != ENOENT) throw system_error("cannot open " + database.string(), errno);
  const Use use = old ? use_of(old.get()) : Use::none;
  if (use == Use::writer) {
    made.postponed = true;
    return made;
  }
  try {
    if (old && use == Use::none && fs::file_size(database) > kTooLargeToCopy) {
      old.reset();
      open_and_change(database);
      return made;
    }
    if (old) share(old.get());
    make_beside(database, old.get(), open_and_change);
  } catch (const duck::NewerFormat&) {
    made.kept = set_aside(database);
    make_beside(database, -1, open_and_change);
  }
  return made;
}

namespace {
// The views that there should be, and what they are made of.
std::vector<View> wanted_views(const Workspace& workspace, const PullState& state,
                               const std::set<std::string>& gone, std::string& made_of) {
  std::vector<View> views;
  const auto note_file = [&](const fs::path& file) {
    if (const auto seen = stat_file(file)) made_of += fmt::format("{}-{}", seen->size, seen->modified_ns);
  };
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(workspace.snapshots(), none)) {
    const auto& file = entry.path();
    if (file.extension() == ".parquet" && !file.filename().string().starts_with('.'))
      views.push_back({file.stem(), file});
  }
  std::sort(views.begin(), views.end(), [](const View& a, const View& b) { return a.name < b.name; });
  for (const auto& view : views) {
    made_of += '\n' + view.file.string() + '\t';
    note_file(view.file);
  }
  made_of += '\n' + workspace.parquet().string();
  for (const auto& name : ParquetFolder(workspace).names()) {
    // A file in a folder below is not a table of the server's, and keeps its slash.
    const auto table = name.substr(0, name.size() - std::string_view(".parquet").size());
    if (gone.contains(table)) continue;
    const auto file = workspace.parquet() / name;
    views.push_back({fs::path(name).stem(), file});
    made_of += '\n' + name + '\t';
    const auto known = state.files.find(table);
    if (known != state.files.end() && !known->second.hash.empty())
      made_of += known->second.hash;
    else
      note_file(file);
  }
  return views;
}
}  // namespace

ViewsMade refresh_views(const Workspace& workspace, PullState& state, const std::set<std::string>& gone) {
  std::string text;
  const auto views = wanted_views(workspace, state, gone, text);
  // Of this file: another program may have put another one in its place.
  const auto made_of = [&] {
    const auto database = stat_file(workspace.database());
    return database ? fmt::format("{} {}", md5_hex(text), database->inode) : std::string();
  };
  if (!state.views.empty() && state.views == made_of() && duck::is_database(workspace.database())) {
    ViewsMade made;
    made.unchanged = true;
    return made;
  }
  const auto made = make_views(workspace.database(), views);
  state.views = made.postponed ? "" : made_of();
  return made;
}

}  // namespace agnes::cli
