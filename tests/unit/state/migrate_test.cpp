#include "core/state/migrate.h"

#include <csignal>
#include <cstdlib>
#include <thread>

#include <boost/json/serialize.hpp>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/state/duck_tx.h"
#include "core/state/file.h"
#include "core/state/schema.h"
#include "core/state/store.h"
#include "golden.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/time.h"
#include "lib/duck/rows.h"

namespace agnes::state {
namespace {

const MigrationContext kSurroundings{"golden-project"};

std::int64_t count(Store& store, const std::string& sql) {
  return store.read([&](state::Tx& tx) { return tx.scalar<std::int64_t>(sql).value_or(-1); });
}

std::string text(Store& store, const std::string& sql) {
  return store.read([&](state::Tx& tx) { return tx.scalar<std::string>(sql).value_or("NULL"); });
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class MigrateTest : public ::testing::Test {
 protected:
  // A database of an old version, changed by `sql`.
  void given(int version, const std::string& sql = "") {
    fs::remove_all(state_);
    unpack(version, file_);
    if (sql.empty()) return;
    duck::Database database({.file = file_, .settings = {}});
    database.connect().execute(sql);
  }

  std::vector<fs::path> copies() const {
    std::vector<fs::path> out;
    for (const auto& entry : fs::directory_iterator(state_))
      if (const std::string name = entry.path().filename();
          name.starts_with("system.duckdb.v") && !name.ends_with(".wal"))
        out.push_back(entry.path());
    return out;
  }

  // Names in the state folder that nobody should find there.
  std::string litter() const {
    std::string out;
    for (const auto& entry : fs::directory_iterator(state_))
      if (const std::string name = entry.path().filename();
          name.starts_with(".") || name.ends_with(".wal") || name.ends_with(".tmp"))
        out += name + " ";
    return out;
  }

  void expect_rows(int version, Store& store) {
    const auto expected = expectation(version);
    store.read([&](state::Tx& tx) {
      std::set<std::string> tables;
      for (auto& row : tx.run("SELECT table_name FROM duckdb_tables()", {}).rows)
        tables.insert(std::get<std::string>(row[0]));
      EXPECT_EQ(tables.size(), expected.size());
      for (const auto& [name, table] : expected) {
        const auto& columns = table.at("columns").as_array();
        EXPECT_EQ(boost::json::serialize(rows_like_expected(tx, name, columns)),
                  boost::json::serialize(sorted(table.at("rows").as_array())))
            << name;
      }
    });
  }

  TemporaryFolder folder_{fs::temp_directory_path()};
  fs::path state_ = folder_.path() / "state";
  fs::path file_ = state_ / "system.duckdb";
};

TEST_F(MigrateTest, EveryGoldenDatabaseBecomesWhatIsExpected) {
  const auto versions = golden_versions();
  ASSERT_GE(versions.size(), 30u);
  for (const int version : versions) {
    SCOPED_TRACE(fmt::format("version {}", version));
    given(version);
    const auto before = md5_file(file_);
    Store store(state_, kSurroundings);
    expect_rows(version, store);
    store.read([&](state::Tx& tx) { EXPECT_EQ(schema_lines(tx), contract_lines()); });
    ASSERT_EQ(copies().size(), 1u);
    EXPECT_EQ(md5_file(copies()[0]), before);
    EXPECT_TRUE(copies()[0].filename().string().starts_with(fmt::format("system.duckdb.v{}-", version)));
  }
}

// Versions that nobody kept a database of: the tables of the one before with their number.
TEST_F(MigrateTest, EveryOtherVersionOpens) {
  const auto versions = golden_versions();
  for (int version = 1; version <= kSchemaVersion; ++version) {
    const auto older = std::prev(std::upper_bound(versions.begin(), versions.end(), version));
    if (*older == version) continue;
    SCOPED_TRACE(fmt::format("version {}", version));
    given(*older, fmt::format("UPDATE schema_version SET version = {}", version));
    Store store(state_, kSurroundings);
    EXPECT_EQ(count(store, "SELECT count(*) FROM users WHERE active AND NOT (onboarded IS NULL)"), 3);
    EXPECT_EQ(count(store, "SELECT count(*) FROM table_registry"), 3);
    EXPECT_EQ(count(store, "SELECT max(version) FROM schema_version"), 40);
    store.read([&](state::Tx& tx) { EXPECT_EQ(schema_lines(tx), contract_lines()); });
  }
}

TEST_F(MigrateTest, AConvergedDatabaseIsOpenedAsItIsFromThenOn) {
  given(30);
  { Store store(state_, kSurroundings); }
  const auto migrated = md5_file(file_);
  ASSERT_EQ(copies().size(), 1u);
  { Store store(state_, kSurroundings); }
  EXPECT_EQ(copies().size(), 1u);
  EXPECT_EQ(md5_file(file_), migrated);
}

// Version 12 had a list of groups in each user's row, and access to plugins in a table of its own.
TEST_F(MigrateTest, GroupsOfUsersBecomeMembers) {
  given(9, R"(
    UPDATE schema_version SET version = 12;
    CREATE TABLE user_groups (id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL UNIQUE, description TEXT,
      is_system BOOLEAN DEFAULT false, created_at TIMESTAMP DEFAULT current_timestamp, created_by VARCHAR);
    INSERT INTO user_groups (id, name, description) VALUES ('g1', 'Sales', 's'), ('g2', 'Admin', 'ours');
    CREATE TABLE plugin_access (group_id VARCHAR, marketplace_id VARCHAR, plugin_name VARCHAR,
      granted_at TIMESTAMP, granted_by VARCHAR, PRIMARY KEY (group_id, marketplace_id, plugin_name));
    INSERT INTO plugin_access VALUES ('g1', 'm', 'p', '2026-01-01', 'u0'), ('gone', 'm', 'p', NULL, NULL);
    ALTER TABLE users ADD COLUMN groups VARCHAR;
    INSERT INTO users (id, email, groups) VALUES
      ('a', 'a@x.example', '["Sales", "unknown", " ", "Sales"]'), ('b', 'b@x.example', '["Admin"]'),
      ('c', 'c@x.example', 'no json ['), ('d', 'd@x.example', '{"Sales": 1}'), ('e', 'e@x.example', '"Sales"');
  )");
  Store store(state_);
  const auto members = [&](const std::string& of) {
    return text(store, fmt::format("SELECT string_agg(user_id || ' ' || source, ', ' ORDER BY user_id) FROM "
                                   "user_group_members m JOIN user_groups g ON g.id = m.group_id "
                                   "WHERE g.name = '{}' AND added_by = 'system:v13-backfill'",
                                   of));
  };
  EXPECT_EQ(members("Sales"), "a google_sync");
  EXPECT_EQ(members("Admin"), "b google_sync, u0 system_seed");
  EXPECT_EQ(count(store,
                  "SELECT count(*) FROM user_group_members m JOIN user_groups g ON g.id = m.group_id "
                  "WHERE g.name = 'Everyone' AND source = 'system_seed'"),
            8);
  EXPECT_EQ(text(store, "SELECT description FROM user_groups WHERE id = 'g2' AND is_system"), "ours");
  EXPECT_EQ(text(store,
                 "SELECT string_agg(group_id || ' ' || resource_type || ' ' || resource_id || ' ' || "
                 "assigned_by) FROM resource_grants"),
            "g1 marketplace_plugin m/p u0");
}

// The first databases of version 1 had no ids of users, and names of columns of their own. The Python
// implementation could not go on with them.
TEST_F(MigrateTest, UsersKnownByTheirEmailsOnlyComeAlong) {
  fs::create_directories(state_);
  {
    duck::Database database({.file = file_, .settings = {}});
    database.connect().execute(R"(
      CREATE TABLE schema_version (version INTEGER NOT NULL, applied_at TIMESTAMP);
      INSERT INTO schema_version VALUES (1, '2026-03-27');
      CREATE TABLE audit_log (id VARCHAR PRIMARY KEY, timestamp TIMESTAMP, actor VARCHAR, action VARCHAR NOT NULL,
        entity_type VARCHAR, entity_id VARCHAR, details JSON);
      INSERT INTO audit_log VALUES ('a', '2026-03-27', 'ada@example.com', 'login', 'user', 'ada', '{"x": 1}');
      CREATE TABLE dataset_permissions (id VARCHAR PRIMARY KEY, user_email VARCHAR, dataset VARCHAR,
        permission VARCHAR, granted_by VARCHAR, granted_at TIMESTAMP);
      INSERT INTO dataset_permissions VALUES ('p', 'bob@example.com', 'sales', 'read', NULL, NULL);
      CREATE TABLE knowledge_items (id VARCHAR PRIMARY KEY, title VARCHAR NOT NULL, content VARCHAR, category VARCHAR,
        author VARCHAR, status VARCHAR, metadata JSON, created_at TIMESTAMP, updated_at TIMESTAMP);
      INSERT INTO knowledge_items VALUES ('k', 'T', 'c', 'x', 'ada@example.com', 'active', NULL, '2026-03-27', NULL);
      CREATE TABLE knowledge_votes (id VARCHAR PRIMARY KEY, item_id VARCHAR NOT NULL, user_email VARCHAR NOT NULL,
        vote INTEGER NOT NULL, created_at TIMESTAMP);
      INSERT INTO knowledge_votes VALUES ('1', 'k', 'ada@example.com', 1, '2026-03-27 10:00:00'),
        ('2', 'k', 'ada@example.com', -1, '2026-03-27 11:00:00'), ('3', 'k', 'bob@example.com', 1, '2026-03-27');
      CREATE TABLE pending_codes (code VARCHAR PRIMARY KEY, user_email VARCHAR NOT NULL, purpose VARCHAR,
        created_at TIMESTAMP, expires_at TIMESTAMP);
      INSERT INTO pending_codes VALUES ('123456', 'ada@example.com', 'login', '2026-03-27', '2026-03-27');
      CREATE TABLE script_registry (id VARCHAR PRIMARY KEY, name VARCHAR NOT NULL, path VARCHAR NOT NULL,
        description VARCHAR, author VARCHAR, metadata JSON, created_at TIMESTAMP, updated_at TIMESTAMP);
      INSERT INTO script_registry VALUES ('s', 'S', '/s.py', NULL, NULL, NULL, NULL, NULL);
      CREATE TABLE sync_history (id VARCHAR PRIMARY KEY, table_name VARCHAR NOT NULL, status VARCHAR NOT NULL,
        rows_synced INTEGER, started_at TIMESTAMP, finished_at TIMESTAMP, error VARCHAR, metadata JSON);
      INSERT INTO sync_history VALUES ('h', 'orders', 'ok', 5, '2026-03-27', NULL, NULL, NULL);
      CREATE TABLE sync_state (table_name VARCHAR PRIMARY KEY, last_sync TIMESTAMP, status VARCHAR,
        row_count INTEGER, file_hash VARCHAR, metadata JSON);
      INSERT INTO sync_state VALUES ('orders', '2026-03-27', 'ok', 5, 'abc', NULL);
      CREATE TABLE table_profiles (table_name VARCHAR PRIMARY KEY, profile JSON, profiled_at TIMESTAMP);
      INSERT INTO table_profiles VALUES ('orders', '{}', '2026-03-27');
      CREATE TABLE table_registry (table_name VARCHAR PRIMARY KEY, bucket VARCHAR, source VARCHAR,
        sync_strategy VARCHAR, primary_key VARCHAR, description VARCHAR, metadata JSON, registered_at TIMESTAMP,
        updated_at TIMESTAMP);
      INSERT INTO table_registry VALUES ('orders', 'in.c-x', 'keboola', 'full', 'id', NULL, NULL, NULL, NULL);
      CREATE TABLE telegram_links (chat_id VARCHAR PRIMARY KEY, user_email VARCHAR NOT NULL, linked_at TIMESTAMP,
        active BOOLEAN);
      INSERT INTO telegram_links VALUES ('1', 'ada@example.com', '2026-03-26', true),
        ('2', 'ada@example.com', '2026-03-27', true);
      CREATE TABLE user_sync_settings (user_email VARCHAR PRIMARY KEY, settings JSON, updated_at TIMESTAMP);
      INSERT INTO user_sync_settings VALUES ('ada@example.com', '{}', NULL);
      CREATE TABLE users (email VARCHAR PRIMARY KEY, name VARCHAR, picture VARCHAR, role VARCHAR, is_active BOOLEAN,
        metadata JSON, created_at TIMESTAMP, last_login TIMESTAMP);
      INSERT INTO users VALUES ('ada@example.com', 'Ada', NULL, 'admin', true, NULL, '2026-03-27', NULL),
        ('bob@example.com', 'Bob', NULL, 'analyst', false, NULL, '2026-03-27', NULL);
    )");
  }
  Store store(state_);
  const auto rows = [&](const char* what, const char* table) {
    return text(store, fmt::format("SELECT string_agg(concat_ws(' ', {0}), ', ' ORDER BY {0}) FROM {1}", what,
                                   table));
  };
  EXPECT_EQ(rows("id, email, active", "users"),
            "ada@example.com ada@example.com true, bob@example.com bob@example.com false");
  EXPECT_EQ(
      rows("user_id", "user_group_members m JOIN user_groups g ON g.id = m.group_id WHERE g.name = 'Admin'"),
      "ada@example.com");
  EXPECT_EQ(rows("user_id, vote", "knowledge_votes"), "ada@example.com -1, bob@example.com 1");
  EXPECT_EQ(rows("user_id, resource, params", "audit_log"), R"(ada@example.com ada {"x": 1})");
  EXPECT_EQ(rows("source_user", "knowledge_items"), "ada@example.com");
  EXPECT_EQ(rows("table_id, rows, synced_at", "sync_history"), "orders 5 2026-03-27 00:00:00");
  EXPECT_EQ(rows("table_id, rows, hash", "sync_state"), "orders 5 abc");
  EXPECT_EQ(rows("table_id", "table_profiles"), "orders");
  EXPECT_EQ(rows("id, name, bucket, source_type, query_mode", "table_registry"),
            "orders orders in.c-x keboola materialized");
  EXPECT_EQ(rows("user_id, chat_id", "telegram_links"), "ada@example.com 2");
  for (const char* left : {"pending_codes", "script_registry", "user_sync_settings", "resource_grants"})
    EXPECT_EQ(count(store, fmt::format("SELECT count(*) FROM {}", left)), 0) << left;
}

// A role of before 9 counts only there: later it is a leftover, and the grants tell who is an administrator.
TEST_F(MigrateTest, AnOldRoleMakesNobodyAnAdministratorLater) {
  given(9,
        "DELETE FROM user_role_grants; ALTER TABLE users ADD COLUMN IF NOT EXISTS role VARCHAR;"
        "UPDATE users SET role = 'admin' WHERE id = 'u1'");
  Store store(state_);
  EXPECT_EQ(count(store,
                  "SELECT count(*) FROM user_group_members m JOIN user_groups g ON g.id = m.group_id "
                  "WHERE g.name = 'Admin'"),
            0);
}

TEST_F(MigrateTest, MembersOfGroupsThatMirrorOthersAreDropped) {
  const std::string sql = R"(
    DELETE FROM user_group_members; DELETE FROM resource_grants;
    INSERT INTO user_groups (id, name, created_by) VALUES ('gg', 'Mirror', 'system:google-sync');
    INSERT INTO user_group_members (user_id, group_id, source, added_by)
      SELECT 'u0', 'gg', 'admin', 'x' UNION ALL SELECT 'u1', 'gg', 'google_sync', 'x'
      UNION ALL SELECT 'u0', id, 'system_seed', 'system:v13-backfill' FROM user_groups
        WHERE name IN ('Admin', 'Everyone')
      UNION ALL SELECT 'u1', id, 'system_seed', 'auth.bootstrap' FROM user_groups WHERE name = 'Admin';
  )";
  const auto members = [&](Store& store) {
    return text(store,
                "SELECT string_agg(g.name || ' ' || user_id, ', ' ORDER BY g.name, user_id) FROM "
                "user_group_members m JOIN user_groups g ON g.id = m.group_id");
  };
  given(17, sql);
  {
    Store store(state_);
    EXPECT_EQ(members(store), "Admin u0, Admin u1, Everyone u0, Mirror u1");
  }
  given(17, sql);
  ::setenv("AGNES_GROUP_EVERYONE_EMAIL", "all@example.com", 1);
  ::setenv("AGNES_GROUP_ADMIN_EMAIL", "admins@example.com", 1);
  {
    Store store(state_);
    EXPECT_EQ(members(store), "Admin u1, Mirror u1");
  }
  ::unsetenv("AGNES_GROUP_EVERYONE_EMAIL");
  ::unsetenv("AGNES_GROUP_ADMIN_EMAIL");
}

TEST_F(MigrateTest, QueriesForBigQueryNeedTheirProject) {
  given(23);
  const auto before = md5_file(file_);
  const auto message = message_of([&] { Store store(state_); });
  EXPECT_NE(message.find("data_source.bigquery.project"), std::string::npos) << message;
  EXPECT_EQ(md5_file(file_), before);
  EXPECT_TRUE(copies().empty());
  EXPECT_EQ(litter(), "");
  given(23, "UPDATE table_registry SET query_mode = 'remote'");
  Store store(state_);
  EXPECT_EQ(count(store, "SELECT count(*) FROM table_registry WHERE source_query LIKE '%bq.\"%'"), 1);
}

TEST_F(MigrateTest, AChangeThatAnotherProgramLeftHalfDoneIsFinished) {
  given(31, R"(
    UPDATE schema_version SET version = 34;
    DROP TABLE store_entities;
    CREATE TABLE store_entities (id VARCHAR PRIMARY KEY, owner_user_id VARCHAR NOT NULL,
      owner_username VARCHAR NOT NULL, type VARCHAR NOT NULL, name VARCHAR NOT NULL, version VARCHAR NOT NULL,
      created_at TIMESTAMP, install_count BIGINT NOT NULL DEFAULT 0, _vis_v35 VARCHAR);
    INSERT INTO store_entities (id, owner_user_id, owner_username, type, name, version, _vis_v35) VALUES
      ('1', 'u', 'U', 'skill', 'a', 'h1', 'hidden'), ('2', 'u', 'U', 'skill', 'b', 'h2', NULL);
  )");
  Store store(state_);
  EXPECT_EQ(text(store,
                 "SELECT string_agg(id || ' ' || visibility_status, ', ' ORDER BY id) "
                 "FROM store_entities WHERE version_no = 1"),
            "1 hidden, 2 pending");
  EXPECT_EQ(text(store, "SELECT version_history FROM store_entities WHERE id = '2'"),
            R"([{"n":1,"hash":"h2","sha256":null,"size":null,"submission_id":null,"created_at":null,)"
            R"("created_by":"u"}])");
}

TEST_F(MigrateTest, WhatItDoesNotKnowComesAlong) {
  given(30,
        "CREATE TABLE extra (id INTEGER PRIMARY KEY, note VARCHAR); INSERT INTO extra VALUES (7, 'n');"
        "CREATE VIEW glance AS SELECT * FROM extra;"
        "ALTER TABLE audit_log ADD COLUMN \"where from\" VARCHAR DEFAULT 'here'");
  Store store(state_);
  EXPECT_EQ(text(store, "SELECT note FROM extra WHERE id = 7"), "n");
  EXPECT_EQ(count(store, "SELECT count(*) FROM audit_log WHERE \"where from\" = 'here'"), 3);
}

TEST_F(MigrateTest, AMissingTableOfTheNewestVersionIsMade) {
  {
    Store store(state_);
    store.write(
        [](state::Tx& tx) { tx.execute("INSERT INTO users (id, email) VALUES ('u', 'u@example.com')"); });
  }
  {
    duck::Database database({.file = file_, .settings = {}});
    database.connect().execute("DROP TABLE metric_definitions");
  }
  Store store(state_);
  EXPECT_EQ(count(store, "SELECT count(*) FROM metric_definitions"), 0);
  EXPECT_EQ(count(store, "SELECT count(*) FROM users"), 1);
  EXPECT_EQ(copies().size(), 1u) << "the file as it was";
}

TEST_F(MigrateTest, AMissingColumnOfTheNewestVersionIsMade) {
  given(40);
  const auto applied = std::string("SELECT CAST(max(applied_at) AS VARCHAR) FROM schema_version");
  std::string before;
  {
    duck::Database database({.file = file_, .settings = {}});
    auto c = database.connect();
    DuckTx tx(c);
    before = *tx.scalar<std::string>(applied);
    ASSERT_FALSE(is_complete(tx));
  }
  Store store(state_);
  EXPECT_EQ(count(store, "SELECT count(*) FROM bq_metadata_cache WHERE entity_type IS NULL"), 3);
  EXPECT_EQ(text(store, applied), before);
}

TEST_F(MigrateTest, RowsThatCannotBeBroughtAlongChangeNothing) {
  given(30,
        "DROP TABLE user_sync_settings; CREATE TABLE user_sync_settings (user_id VARCHAR, dataset VARCHAR);"
        "INSERT INTO user_sync_settings VALUES ('u', 'd'), ('u', 'd')");
  const auto before = md5_file(file_);
  const auto message = message_of([&] { Store store(state_); });
  EXPECT_NE(message.find(file_.string()), std::string::npos) << message;
  EXPECT_NE(message.find("stays as it is"), std::string::npos) << message;
  EXPECT_EQ(md5_file(file_), before);
  EXPECT_TRUE(copies().empty());
  EXPECT_EQ(litter(), "");
}

// No more than this many bytes can be written to a file, as if the disk were full.
TEST_F(MigrateTest, AFullDiskChangesNothing) {
  for (const rlim_t most : {4'096, 300'000, 3'000'000}) {
    SCOPED_TRACE(fmt::format("{} bytes", most));
    given(30);
    const auto before = md5_file(file_);
    const auto child = ::fork();
    if (child == 0) {
      std::signal(SIGXFSZ, SIG_IGN);
      const rlimit small{most, most};
      ::setrlimit(RLIMIT_FSIZE, &small);
      ::_exit(message_of([&] { Store store(state_); }).empty() ? 1 : 0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(md5_file(file_), before);
    EXPECT_TRUE(copies().empty());
    EXPECT_EQ(litter(), "");
  }
}

// Changes the database in a process that ends without closing it.
void leave_a_log(const fs::path& file, const std::string& sql) {
  const auto child = ::fork();
  if (child == 0) {
    try {
      duck::Database database({.file = file, .settings = {}});
      auto connection = database.connect();
      connection.execute("PRAGMA disable_checkpoint_on_shutdown");
      connection.execute(sql);
      ::kill(::getpid(), SIGKILL);
    } catch (const std::exception& error) {
      write_all(2, error.what());
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_TRUE(fs::exists(file.string() + ".wal"));
}

TEST_F(MigrateTest, TheLogOfAKilledProcessIsHeeded) {
  for (const int version : {2, 30, 39}) {
    SCOPED_TRACE(fmt::format("version {}", version));
    given(version);
    leave_a_log(file_,
                "INSERT INTO users (id, email) VALUES ('late', 'late@example.com');"
                "ALTER TABLE audit_log ADD COLUMN more VARCHAR DEFAULT 'x'; DELETE FROM sync_state");
    {
      Store store(state_);
      EXPECT_EQ(count(store, "SELECT count(*) FROM users WHERE id = 'late' AND active"), 1);
      EXPECT_EQ(count(store, "SELECT count(*) FROM sync_state"), 0);
      EXPECT_EQ(count(store, "SELECT count(*) FROM audit_log WHERE more = 'x'"), 3);
    }
    // The copy can be put back as it is, by people who know nothing of logs.
    ASSERT_EQ(copies().size(), 1u);
    EXPECT_EQ(litter(), "");
    duck::Database database({.file = copies()[0], .settings = {{"access_mode", "READ_ONLY"}}});
    auto c = database.connect();
    DuckTx tx(c);
    EXPECT_EQ(tx.scalar<std::int64_t>("SELECT count(*) FROM users WHERE id = 'late'"), 1);
    EXPECT_EQ(tx.scalar<std::int64_t>("SELECT max(version) FROM schema_version"), version);
  }
}

// DuckDB 1.5.5 cannot open this file by itself, nor could a program that opens it so.
TEST_F(MigrateTest, ALogWithAChangedSchemaIsHeededInTheNewestVersionToo) {
  { Store store(state_); }
  leave_a_log(file_,
              "ALTER TABLE users ADD COLUMN more VARCHAR DEFAULT 'x';"
              "INSERT INTO users (id, email) VALUES ('late', 'late@example.com')");
  Store store(state_);
  EXPECT_EQ(count(store, "SELECT count(*) FROM users WHERE id = 'late' AND more = 'x'"), 1);
  EXPECT_TRUE(copies().empty());
}

TEST_F(MigrateTest, ANewerDatabaseIsLeftAloneWithItsLog) {
  given(40, "UPDATE schema_version SET version = 41");
  leave_a_log(file_, "INSERT INTO users (id, email) VALUES ('late', 'late@example.com')");
  const auto file = md5_file(file_);
  const auto log = md5_file(file_.string() + ".wal");
  const auto message = message_of([&] { Store store(state_); });
  EXPECT_NE(message.find("version 41"), std::string::npos) << message;
  EXPECT_EQ(md5_file(file_), file);
  EXPECT_EQ(md5_file(file_.string() + ".wal"), log);
  EXPECT_TRUE(copies().empty());
}

// The size of everything in a folder: how far a conversion has come.
std::uintmax_t size_of(const fs::path& folder) {
  std::uintmax_t size = 0;
  std::error_code gone;
  for (fs::directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone)) {
    const auto bytes = at->file_size(gone);
    size += gone ? 0 : bytes + 1;
  }
  return size;
}

TEST_F(MigrateTest, AKilledConversionLeavesTheOldFileOrTheNew) {
  int finished = 0;
  for (int round = 0; round < 12; ++round) {
    SCOPED_TRACE(fmt::format("round {}", round));
    given(30);
    if (round % 3 == 2) leave_a_log(file_, "UPDATE users SET name = name || '!'");
    const auto before = size_of(state_);
    const auto child = ::fork();
    if (child == 0) {
      try {
        Store store(state_, kSurroundings);
      } catch (const std::exception& error) {
        write_all(2, error.what());
      }
      ::_exit(0);
    }
    // Further with each round: the new file grows, then the copy is made, then the one takes the other's
    // place.
    const std::uintmax_t more = static_cast<std::uintmax_t>(round) * 3'400'000;
    siginfo_t ended{};
    while (size_of(state_) < before + more &&
           (::waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT) != 0 ||
            ended.si_pid == 0))
      std::this_thread::yield();
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
    finished += WIFEXITED(status) ? 1 : 0;
    Store store(state_, kSurroundings);
    if (round % 3 == 2)
      EXPECT_EQ(count(store, "SELECT count(*) FROM users WHERE name LIKE '%!'"), 3);
    else
      expect_rows(30, store);
    EXPECT_GE(copies().size(), 1u);
  }
  EXPECT_LT(finished, 10) << "hardly any was killed";
}

}  // namespace
}  // namespace agnes::state
