#include "core/state/store.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/state/audit.h"
#include "core/state/schema.h"
#include "core/state/seed.h"
#include "golden.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"
#include "modules.h"
#include "server/modules.h"

namespace agnes::state {
namespace {

// All of the server's: together they are the contract's tables.
[[maybe_unused]] const auto* const kDeclared =
    declare_for_tests({server::modules().begin(), server::modules().end()});

std::int64_t count(Store& store, const std::string& sql) {
  return store.read([&](state::Tx& tx) { return tx.scalar<std::int64_t>(sql).value_or(-1); });
}

void add_user(state::Tx& tx, const std::string& id) {
  tx.execute("INSERT INTO users (id, email) VALUES (?, ?)", id, id + "@example.com");
}

std::string message_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

class StoreTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_{fs::temp_directory_path()};
  fs::path state_ = folder_.path() / "state";
  fs::path file_ = state_ / "system.duckdb";
};

TEST_F(StoreTest, AFreshDatabaseHasTheContractsTables) {
  Store store(state_);
  const auto found = store.read([](state::Tx& tx) { return schema_lines(tx); });
  const auto expected = contract_lines();
  ASSERT_GT(expected.size(), 300u);
  for (const auto& line : expected) EXPECT_TRUE(found.contains(line)) << "missing: " << line;
  for (const auto& line : found) EXPECT_TRUE(expected.contains(line)) << "too much: " << line;
}

TEST_F(StoreTest, ATableIsDeclaredOnce) {
  const auto before = schema().size();
  declare_table(schema().front());
  EXPECT_EQ(schema().size(), before) << "the same again is no other one";
  Table other = schema().front();
  other.columns.pop_back();
  EXPECT_THROW(declare_table(other), std::logic_error);
  EXPECT_THROW(declare_table({.name = "late",
                              .columns = {{"early_id", types::kText}},
                              .references = {{"early_id", "early", "id"}}}),
               std::logic_error)
      << "what it references comes before";
  EXPECT_EQ(schema().size(), before);
}

TEST_F(StoreTest, AFreshDatabaseHasItsFirstRows) {
  Store store(state_);
  EXPECT_EQ(count(store, "SELECT version FROM schema_version"), 40);
  EXPECT_EQ(count(store, "SELECT count(*) FROM schema_version"), 1);
  EXPECT_EQ(count(store, "SELECT count(*) FROM user_groups WHERE is_system AND created_by = 'system:seed'"),
            2);
  EXPECT_EQ(count(store, "SELECT count(*) FROM setup_banner WHERE id = 1"), 1);
  EXPECT_EQ(count(store, "SELECT count(*) FROM instance_templates WHERE content IS NULL"), 3);
}

TEST_F(StoreTest, WhatWasWrittenIsThereAgain) {
  {
    Store store(state_);
    store.write([](state::Tx& tx) { add_user(tx, "u1"); });
  }
  EXPECT_FALSE(fs::exists(file_.string() + ".wal")) << "closing writes the log into the file";
  Store store(state_);
  EXPECT_EQ(count(store, "SELECT count(*) FROM users WHERE id = 'u1' AND active AND NOT onboarded"), 1);
  EXPECT_EQ(count(store, "SELECT count(*) FROM user_groups"), 2) << "the groups are not made twice";
}

TEST_F(StoreTest, AFailedWriteLeavesNothing) {
  Store store(state_);
  EXPECT_THROW(store.write([](state::Tx& tx) {
    add_user(tx, "u1");
    throw Error(ErrorKind::conflict, "no");
  }),
               Error);
  EXPECT_THROW(store.write([](state::Tx& tx) {
    add_user(tx, "u1");
    add_user(tx, "u1");
  }),
               duck::QueryError);
  EXPECT_EQ(count(store, "SELECT count(*) FROM users"), 0);
  store.write([](state::Tx& tx) { add_user(tx, "u1"); });
  EXPECT_EQ(count(store, "SELECT count(*) FROM users"), 1);
}

TEST_F(StoreTest, AReaderCannotWriteAndBreaksNothing) {
  Store store(state_);
  EXPECT_THROW(store.read([](state::Tx& tx) { add_user(tx, "u1"); }), duck::QueryError);
  EXPECT_EQ(count(store, "SELECT count(*) FROM users"), 0);
}

TEST_F(StoreTest, AReaderSeesOneStateAndWaitsForNoWriter) {
  Store store(state_);
  std::int64_t before = -1, after = -1;
  store.write([&](state::Tx& tx) {
    add_user(tx, "u1");
    // Another thread reads while this transaction is open.
    std::thread([&] { before = count(store, "SELECT count(*) FROM users"); }).join();
  });
  EXPECT_EQ(before, 0);
  store.read([&](state::Tx& tx) {
    before = *tx.scalar<std::int64_t>("SELECT count(*) FROM users");
    std::thread([&] { store.write([](state::Tx& tx) { add_user(tx, "u2"); }); }).join();
    after = *tx.scalar<std::int64_t>("SELECT count(*) FROM users");
  });
  EXPECT_EQ(before, 1);
  EXPECT_EQ(after, 1);
  EXPECT_EQ(count(store, "SELECT count(*) FROM users"), 2);
}

TEST_F(StoreTest, ManyWritersAndReadersAtOnce) {
  Store store(state_);
  std::vector<std::thread> threads;
  std::atomic<bool> failed = false;
  for (int t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      try {
        for (int i = 0; i < 20; ++i) {
          store.write([&](state::Tx& tx) { add_user(tx, fmt::format("u{}-{}", t, i)); });
          count(store, "SELECT count(*) FROM users");
        }
      } catch (const std::exception&) {
        failed = true;
      }
    });
  for (auto& thread : threads) thread.join();
  EXPECT_FALSE(failed);
  EXPECT_EQ(count(store, "SELECT count(*) FROM users"), 160);
}

// DuckDB keeps deleted keys while an older reader could see them.
TEST_F(StoreTest, AKeyCanBeUsedAgainWhileAReaderIsAtWork) {
  Store store(state_);
  store.write([](state::Tx& tx) { add_user(tx, "u1"); });
  store.read([&](state::Tx& tx) {
    EXPECT_EQ(tx.scalar<std::int64_t>("SELECT count(*) FROM users"), 1);
    std::thread([&] {
      store.write([](state::Tx& tx) { tx.execute("DELETE FROM users WHERE id = 'u1'"); });
      store.write([](state::Tx& tx) { add_user(tx, "u1"); });
      store.write([](state::Tx& tx) {
        tx.execute("DELETE FROM users WHERE id = 'u1'");
        add_user(tx, "u1");
      });
      store.write(
          [](state::Tx& tx) { tx.execute("UPDATE users SET email = 'b@example.com' WHERE id = 'u1'"); });
    }).join();
    EXPECT_EQ(tx.scalar<std::int64_t>("SELECT count(*) FROM users"), 1);
  });
  EXPECT_EQ(count(store, "SELECT count(*) FROM users WHERE email = 'b@example.com'"), 1);
}

TEST_F(StoreTest, ARowThatOthersReferenceCanBeChanged) {
  {
    Store store(state_);
    store.write([](state::Tx& tx) {
      tx.execute("INSERT INTO user_groups (id, name) VALUES ('g1', 'old'), ('g2', 'other')");
      tx.execute("INSERT INTO user_group_members (user_id, group_id, source) VALUES ('u1', 'g1', 'admin')");
      tx.execute(
          "INSERT INTO resource_grants (id, group_id, resource_type, resource_id) "
          "VALUES ('r1', 'g1', 'table', 't'), ('r2', 'g2', 'table', 't')");
    });
    const auto rename = [](const char* name) {
      return [name](state::Tx& tx) { tx.execute("UPDATE user_groups SET name = ? WHERE id = 'g1'", name); };
    };
    EXPECT_THROW(store.write(rename("other")), duck::QueryError) << "names are unique";
    store.write(rename("new"));
    store.read([](state::Tx& tx) { EXPECT_EQ(schema_lines(tx), contract_lines()); });
    EXPECT_THROW(store.write([](state::Tx& tx) {
      tx.execute("INSERT INTO user_group_members (user_id, group_id, source) VALUES ('u1', 'nope', 'admin')");
    }),
                 duck::QueryError)
        << "the foreign keys are there again";
  }
  Store store(state_);
  EXPECT_EQ(count(store,
                  "SELECT count(*) FROM user_groups g JOIN user_group_members m ON m.group_id = g.id "
                  "JOIN resource_grants r ON r.group_id = g.id WHERE g.name = 'new'"),
            1);
  EXPECT_EQ(count(store, "SELECT count(*) FROM resource_grants"), 2);
}

TEST_F(StoreTest, ARowIsDeletedTogetherWithThoseThatReferenceIt) {
  {
    Store store(state_);
    store.write([](state::Tx& tx) {
      tx.execute("INSERT INTO user_groups (id, name) VALUES ('g1', 'one'), ('g2', 'two')");
      tx.execute(
          "INSERT INTO user_group_members (user_id, group_id, source) VALUES ('u1', 'g1', 'admin'), "
          "('u1', 'g2', 'admin')");
    });
    const auto remove = [](const std::string& id, bool members) {
      return [=](state::Tx& tx) {
        if (members) tx.execute("DELETE FROM user_group_members WHERE group_id = ?", id);
        tx.execute("DELETE FROM user_groups WHERE id = ?", id);
        record(tx, {}, "delete", id);
      };
    };
    EXPECT_THROW(store.write(remove("g2", false)), duck::QueryError) << "its member would hang in the air";
    store.write(remove("g1", true));
    EXPECT_EQ(count(store, "SELECT count(*) FROM audit_log"), 1) << "the attempts before left nothing";
    store.read([](state::Tx& tx) { EXPECT_EQ(schema_lines(tx), contract_lines()); });
  }
  Store store(state_);
  EXPECT_EQ(count(store, "SELECT count(*) FROM user_groups WHERE NOT is_system"), 1);
  EXPECT_EQ(count(store, "SELECT count(*) FROM user_group_members WHERE group_id = 'g2'"), 1);
  EXPECT_EQ(count(store, "SELECT count(*) FROM user_group_members"), 1);
}

TEST_F(StoreTest, AListOfAnyLengthIsOneCondition) {
  Store store(state_);
  std::vector<std::string> ids;
  for (int i = 0; i < 2500; ++i) ids.push_back(fmt::format("u{}", i));
  const auto changed = store.write([&](state::Tx& tx) {
    for (const int i : {0, 999, 1000, 2499}) add_user(tx, ids[static_cast<std::size_t>(i)]);
    add_user(tx, "other");
    EXPECT_EQ(tx.execute_for("DELETE FROM users WHERE id IN", {}), 0);
    return tx.execute_for("DELETE FROM users WHERE id IN", ids);
  });
  EXPECT_EQ(changed, 4);
  EXPECT_EQ(count(store, "SELECT count(*) FROM users"), 1);
}

TEST_F(StoreTest, ASecondProcessIsToldWhoHasIt) {
  Store store(state_);
  const auto message = message_of([&] { Store second(state_); });
  EXPECT_NE(message.find(std::to_string(::getpid())), std::string::npos) << message;
  EXPECT_EQ(message.find('\n'), std::string::npos);
  EXPECT_EQ(count(store, "SELECT count(*) FROM user_groups"), 2) << "the first one goes on";
}

TEST_F(StoreTest, AProcessThatKnowsOnlyDuckDBsLockIsSeen) {
  { Store store(state_); }
  int ready[2], done[2];
  ASSERT_EQ(::pipe(ready), 0);
  ASSERT_EQ(::pipe(done), 0);
  const auto child = ::fork();
  if (child == 0) {
    char byte = 0;
    {
      duck::Database database({.file = file_, .settings = {}});
      if (::write(ready[1], "x", 1) != 1 || ::read(done[0], &byte, 1) != 1) ::_exit(1);
    }
    ::_exit(0);
  }
  char byte = 0;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  const auto message = message_of([&] { Store store(state_); });
  EXPECT_NE(message.find("in use by process " + std::to_string(child)), std::string::npos) << message;
  ASSERT_EQ(::write(done[1], "x", 1), 1);
  ::waitpid(child, nullptr, 0);
  Store store(state_);
}

TEST_F(StoreTest, WhatItDoesNotKnowStaysAsItIs) {
  const auto refused = [&](const std::string& hint) {
    const auto before = md5_file(file_);
    const auto message = message_of([&] { Store store(state_); });
    EXPECT_NE(message.find(hint), std::string::npos) << message;
    EXPECT_NE(message.find("system.duckdb"), std::string::npos) << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_EQ(md5_file(file_), before) << message;
    EXPECT_FALSE(fs::exists(file_.string() + ".wal"));
  };
  fs::create_directories(state_);
  replace_file(file_,
               "this is not a database, but it is somebody's text, and long enough to be looked at twice");
  refused("cannot be opened");
  fs::remove(file_);
  { duck::Database database({.file = file_, .settings = {}}); }
  refused("not a state database");
  for (const int version : {41, 1000, 0, -1}) {
    fs::remove(file_);
    { Store store(state_); }
    {
      duck::Database database({.file = file_, .settings = {}});
      auto c = database.connect();
      c.execute("UPDATE schema_version SET version = ?", version);
    }
    refused(fmt::format("version {}", version));
  }
}

TEST_F(StoreTest, ALostFileBesideItsLogIsNotReplacedByAnEmptyOne) {
  fs::create_directories(state_);
  replace_file(file_.string() + ".wal", "rest");
  EXPECT_NE(message_of([&] { Store store(state_); }).find("log"), std::string::npos);
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(StoreTest, AFolderThatCannotBeMadeIsNamed) {
  replace_file(folder_.path() / "state", "a file");
  EXPECT_NE(message_of([&] { Store store(state_); }).find(state_.string()), std::string::npos);
}

TEST_F(StoreTest, ADeletedSystemGroupComesBackAndAManualOneIsTaken) {
  {
    Store store(state_);
    store.write([](state::Tx& tx) {
      tx.execute("DELETE FROM user_groups");
      tx.execute("INSERT INTO user_groups (id, name, description) VALUES ('mine', 'Everyone', 'ours')");
    });
  }
  Store store(state_);
  EXPECT_EQ(count(store, "SELECT count(*) FROM user_groups WHERE name = 'Admin' AND is_system"), 1);
  EXPECT_EQ(
      count(store,
            "SELECT count(*) FROM user_groups WHERE id = 'mine' AND is_system AND description = 'ours'"),
      1);
}

// A child process writes numbered rows and reports each one after its commit; it is killed after a number of
// reports that differs each time. Everything reported must be there, and nothing half of a transaction.
TEST_F(StoreTest, AKilledProcessLosesNothingThatItCommitted) {
  for (const int reports : {0, 1, 2, 3, 5, 8, 13, 40, 120}) {
    int pipe[2];
    ASSERT_EQ(::pipe(pipe), 0);
    const auto child = ::fork();
    if (child == 0) {
      ::close(pipe[0]);
      try {
        Store store(state_);
        const auto first = count(store, "SELECT count(*) FROM users") / 2;
        if (::write(pipe[1], "x", 1) != 1) ::_exit(1);
        for (auto i = first; i < first + 1000; ++i) {
          const auto add = [&](state::Tx& tx) {
            add_user(tx, fmt::format("u{}", i));
            add_user(tx, fmt::format("v{}", i));
            record(tx, {}, "test", std::string(2000, 'x'));
            if (i % 7 == 3) {
              tx.execute("INSERT INTO user_groups (id, name) VALUES (?, ?)", fmt::format("g{}", i),
                         fmt::format("group {}", i));
              tx.execute(
                  "INSERT INTO user_group_members (user_id, group_id, source) VALUES ('u', ?, 'admin')",
                  fmt::format("g{}", i));
            } else if (i % 7 == 5) {
              tx.execute("DELETE FROM user_group_members");
              tx.execute("DELETE FROM user_groups WHERE NOT is_system");
            }
          };
          store.write(add);
          if (i % 11 == 5) store.checkpoint();
          if (::write(pipe[1], "x", 1) != 1) ::_exit(1);
        }
      } catch (const std::exception& error) {
        write_all(2, error.what());
      }
      ::_exit(1);
    }
    ::close(pipe[1]);
    char byte = 0;
    for (int i = 0; i <= reports; ++i) ASSERT_EQ(::read(pipe[0], &byte, 1), 1) << "after " << i;
    ::kill(child, SIGKILL);
    std::int64_t reported = reports;
    while (::read(pipe[0], &byte, 1) == 1) ++reported;
    ::close(pipe[0]);
    ::waitpid(child, nullptr, 0);
    static std::int64_t at_least = 0;
    at_least += reported;
    Store store(state_);
    const auto users = count(store, "SELECT count(*) FROM users");
    EXPECT_GE(users, 2 * at_least);
    EXPECT_EQ(users % 2, 0);
    EXPECT_EQ(count(store, "SELECT count(*) FROM audit_log") * 2, users);
    EXPECT_EQ(count(store, "SELECT count(*) FROM user_groups WHERE is_system"), 2);
    EXPECT_EQ(count(store, "SELECT count(*) FROM user_groups WHERE NOT is_system"),
              count(store, "SELECT count(*) FROM user_group_members"))
        << "no half of a deletion";
    at_least = users / 2;
  }
}

// The size of everything in a folder: how far a first start has come.
std::uintmax_t size_of(const fs::path& folder) {
  std::uintmax_t size = 0;
  std::error_code gone;
  for (fs::directory_iterator at(folder, gone), end; !gone && at != end; at.increment(gone)) {
    const auto bytes = at->file_size(gone);
    size += gone ? 0 : bytes + 1;
  }
  return size;
}

TEST_F(StoreTest, AKilledFirstStartLeavesAWholeFileOrNone) {
  for (const std::uintmax_t size :
       {0, 1, 20, 12'000, 13'000, 20'000, 40'000, 1'000'000, 5'000'000, 9'000'000}) {
    fs::remove_all(state_);
    const auto child = ::fork();
    if (child == 0) {
      try {
        Store store(state_);
      } catch (const std::exception& error) {
        write_all(2, error.what());
      }
      ::_exit(0);
    }
    while (size_of(state_) < size && !fs::exists(file_)) std::this_thread::yield();
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    Store store(state_);
    EXPECT_EQ(count(store, "SELECT count(*) FROM user_groups WHERE is_system"), 2);
    EXPECT_EQ(count(store, "SELECT count(*) FROM user_groups WHERE NOT is_system"),
              count(store, "SELECT count(*) FROM user_group_members"))
        << "no half of a deletion";
    for (const auto& entry : fs::directory_iterator(state_))
      EXPECT_FALSE(entry.path().filename().string().starts_with(".agnes-tmp-")) << entry.path();
  }
}

// No more than this many bytes can be written to a file, as if the disk were full.
TEST_F(StoreTest, AFullDiskIsAnErrorAndNotTheEnd) {
  { Store store(state_); }
  const auto child = ::fork();
  if (child == 0) {
    int failures = 0;
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit whole{};
    ::getrlimit(RLIMIT_FSIZE, &whole);
    try {
      Store store(state_);
      store.write([](state::Tx& tx) { add_user(tx, "before"); });
      rlimit small = whole;
      small.rlim_cur = 64 * 1024;
      ::setrlimit(RLIMIT_FSIZE, &small);
      for (int i = 0; i < 3; ++i) try {
          store.write([](state::Tx& tx) {
            for (int n = 0; n < 200; ++n) record(tx, {}, "big", std::string(2000, 'x'));
          });
        } catch (const Error& error) {
          const std::string_view said = error.what();
          if (error.kind() == ErrorKind::insufficient_storage && said.find('/') == said.npos)
            ++failures;
          else
            write_all(2, said);
        }
      ::setrlimit(RLIMIT_FSIZE, &whole);
      store.write([](state::Tx& tx) { add_user(tx, "after"); });
      const bool good = failures == 3 && count(store, "SELECT count(*) FROM users") == 2 &&
                        count(store, "SELECT count(*) FROM audit_log") == 0;
      ::_exit(good ? 0 : 10 + failures);
    } catch (const std::exception& error) {
      write_all(2, error.what());
    }
    ::_exit(1);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  Store store(state_);
  EXPECT_EQ(count(store, "SELECT count(*) FROM users"), 2);
}

TEST(Audit, WritesJsonAsExistingDatabasesHaveIt) {
  EXPECT_EQ(json_text({{"name", "golden"},
                       {"n", 1},
                       {"list", {true, nullptr, 1.5, 2.0}},
                       {"empty", boost::json::object()}}),
            R"({"name": "golden", "n": 1, "list": [true, null, 1.5, 2.0], "empty": {}})");
  EXPECT_EQ(json_text("a\"b\\c\n\x01\x7f \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80"),
            R"("a\"b\\c\n\u0001\u007f \u00e9 \u20ac \ud83d\ude00")");
}

}  // namespace
}  // namespace agnes::state
