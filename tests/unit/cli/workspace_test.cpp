#include "cli/workspace.h"

#include <csignal>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/views.h"
#include "lib/duck/database.h"
#include "lib/duck/rows.h"

namespace agnes::cli {
namespace {

class Workspaces : public testing::Test {
 protected:
  Workspaces() : folder_(fs::temp_directory_path()), workspace_{folder_.path() / "w"} {
    fs::create_directories(workspace_.parquet());
  }
  void parquet(const std::string& table, const std::string& sql) {
    duck::Database db({});
    db.connect().execute("COPY (" + sql + ") TO " +
                         duck::quote_literal(workspace_.parquet_of(table).string()) + " (FORMAT parquet)");
  }
  std::vector<View> views(std::initializer_list<std::string> names) const {
    std::vector<View> out;
    for (const auto& name : names) out.push_back({name, workspace_.parquet_of(name)});
    return out;
  }
  // The answer of a query on the workspace's database, "error" for one.
  std::string ask(const std::string& sql) const {
    try {
      duck::Database db({workspace_.database(), {{"access_mode", "READ_ONLY"}}});
      auto connection = db.connect();
      return duck::scalar<std::string>(connection, "SELECT (" + sql + ")::VARCHAR").value_or("null");
    } catch (const Error&) {
      return "error";
    }
  }
  void change(const std::string& sql) {
    duck::Database db({workspace_.database(), {}});
    db.connect().execute(sql);
  }

  TemporaryFolder folder_;
  Workspace workspace_;
};

TEST_F(Workspaces, ViewsComeAndGoWithTheTables) {
  parquet("orders", "SELECT 1 AS id");
  parquet("customers", "SELECT 2 AS id");
  EXPECT_TRUE(make_views(workspace_.database(), views({"orders", "customers"})).problems.empty());
  EXPECT_EQ(ask("SELECT id FROM orders"), "1");
  parquet("orders", "SELECT 'x' AS other, 3 AS id");
  make_views(workspace_.database(), views({"orders"}));
  EXPECT_EQ(ask("SELECT other FROM orders"), "x");
  EXPECT_EQ(ask("SELECT id FROM customers"), "error");
  EXPECT_EQ(std::distance(fs::directory_iterator(workspace_.database().parent_path()), {}), 1)
      << "nothing else is left there";
}

TEST_F(Workspaces, WhatTheUserMadeStays) {
  parquet("orders", "SELECT 1 AS id");
  parquet("taken", "SELECT 1 AS id");
  make_views(workspace_.database(), views({"orders"}));
  change(
      "CREATE TABLE notes AS SELECT 'mine' AS text; CREATE TABLE Taken AS SELECT 'mine' AS text; "
      "CREATE VIEW twice AS SELECT id * 2 AS id FROM orders; CREATE SCHEMA s; CREATE TABLE s.orders AS "
      "SELECT 9 AS id");
  const auto made = make_views(workspace_.database(), views({"orders", "taken"}));
  ASSERT_EQ(made.problems.size(), 1u);
  EXPECT_TRUE(made.problems[0].starts_with("taken: "));
  EXPECT_EQ(ask("SELECT text FROM notes"), "mine");
  EXPECT_EQ(ask("SELECT text FROM taken"), "mine");
  EXPECT_EQ(ask("SELECT id FROM twice"), "2");
  EXPECT_EQ(ask("SELECT id FROM s.orders"), "9");
}

TEST_F(Workspaces, OneBrokenFileCostsOneView) {
  parquet("orders", "SELECT 1 AS id");
  replace_file(workspace_.parquet_of("broken"), "PAR1 this is none PAR1");
  replace_file(workspace_.parquet_of("empty"), "");
  const auto made = make_views(workspace_.database(), views({"broken", "empty", "orders"}));
  EXPECT_EQ(made.problems.size(), 2u);
  EXPECT_EQ(ask("SELECT id FROM orders"), "1");
}

TEST_F(Workspaces, NamesAndPathsAreQuoted) {
  workspace_.root = folder_.path() / "it's \"here\"";
  fs::create_directories(workspace_.parquet());
  parquet("in.c-crm.orders", "SELECT 1 AS id");
  for (int i = 0; i < 2; ++i)
    EXPECT_TRUE(make_views(workspace_.database(), views({"in.c-crm.orders"})).problems.empty())
        << "also the second time";
  EXPECT_EQ(ask("SELECT id FROM \"in.c-crm.orders\""), "1");
}

TEST_F(Workspaces, ReadersGoOnWithTheOldDatabase) {
  parquet("orders", "SELECT 1 AS id");
  parquet("customers", "SELECT 2 AS id");
  make_views(workspace_.database(), views({"orders"}));
  // DuckDB's locks hold between processes only: one of our own stands in for a reader elsewhere.
  const pid_t reader = ::fork();
  if (reader == 0) {
    const int fd = ::open(workspace_.database().c_str(), O_RDONLY);
    struct flock lock {};
    lock.l_type = F_RDLCK;
    lock.l_whence = SEEK_SET;
    ::fcntl(fd, F_SETLK, &lock);
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(reader, &status, WUNTRACED);
  const auto made = make_views(workspace_.database(), views({"orders", "customers"}));
  EXPECT_FALSE(made.postponed);
  EXPECT_EQ(ask("SELECT id FROM customers"), "2");
  ::kill(reader, SIGCONT);
  ::waitpid(reader, &status, 0);
}

TEST_F(Workspaces, AWriterPostponesTheViews) {
  parquet("orders", "SELECT 1 AS id");
  make_views(workspace_.database(), {});
  const pid_t writer = ::fork();
  if (writer == 0) {
    const int fd = ::open(workspace_.database().c_str(), O_RDWR);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    ::fcntl(fd, F_SETLK, &lock);
    ::raise(SIGSTOP);
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(writer, &status, WUNTRACED);
  EXPECT_TRUE(make_views(workspace_.database(), views({"orders"})).postponed);
  ::kill(writer, SIGCONT);
  ::waitpid(writer, &status, 0);
  EXPECT_FALSE(make_views(workspace_.database(), views({"orders"})).postponed);
  EXPECT_EQ(ask("SELECT id FROM orders"), "1");
}

TEST_F(Workspaces, TheLogOfAKilledWriterIsNotLost) {
  parquet("orders", "SELECT 1 AS id");
  make_views(workspace_.database(), {});
  const pid_t writer = ::fork();
  if (writer == 0) {
    try {
      duck::Database db({workspace_.database(), {{"threads", "1"}}});
      auto connection = db.connect();
      connection.execute("PRAGMA disable_checkpoint_on_shutdown");
      connection.execute("CREATE TABLE notes AS SELECT 'mine' AS text");
    } catch (const std::exception&) {
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(writer, &status, 0);
  const fs::path log = workspace_.database().string() + ".wal";
  ASSERT_TRUE(fs::exists(log));
  EXPECT_FALSE(make_views(workspace_.database(), views({"orders"})).postponed);
  EXPECT_FALSE(fs::exists(log));
  EXPECT_EQ(ask("SELECT text FROM notes"), "mine");
  EXPECT_EQ(ask("SELECT id FROM orders"), "1");
}

TEST_F(Workspaces, TheStateComesBackAsItWas) {
  PullState state;
  state.server = "https://a.example.com";
  state.manifest_etag = "W/\"x y\"";
  state.manifest["orders"] = {"abc", 10, 3, "local", Timestamp{5}};
  state.manifest["../evil"] = {"abc", 10, 3, "local", Timestamp{5}};
  state.manifest["remote"] = {"", 0, 0, "remote", {}};
  state.files["orders"] = {"abc", 10, 1'700'000'000'123'456'789, 42, "https://a.example.com"};
  state.files["old"] = {"", 0, 0, 0, "https://b.example.com"};
  state.views = "v1";
  state.rules_etag = "\"r\"";
  state.rules = 7;
  save_pull_state(workspace_, state);
  const PullState back = load_pull_state(workspace_);
  EXPECT_EQ(back.server, state.server);
  EXPECT_EQ(back.manifest_etag, state.manifest_etag);
  EXPECT_EQ(back.manifest.size(), 2u) << "unsafe names are not kept";
  EXPECT_EQ(back.manifest.at("orders").rows, 3);
  EXPECT_FALSE(back.manifest.at("remote").has_file());
  EXPECT_TRUE(looks_same(back.files.at("orders"), state.files.at("orders")));
  EXPECT_EQ(back.files.at("orders").server, state.server);
  EXPECT_EQ(back.files.at("old").server, "https://b.example.com");
  EXPECT_EQ(back.views, "v1");
  EXPECT_EQ(back.rules_etag, "\"r\"");
  EXPECT_EQ(back.rules, 7);
}

TEST_F(Workspaces, AStateThatWasCutIsNone) {
  PullState state;
  state.server = "https://a.example.com";
  for (int i = 0; i < 20; ++i) state.files["t" + std::to_string(i)] = {"abc", 10, 1, 2, state.server};
  save_pull_state(workspace_, state);
  const std::string whole = read_file(workspace_.state()).value();
  for (std::size_t length = 0; length + 5 < whole.size(); length += 7) {
    replace_file(workspace_.state(), whole.substr(0, length));
    EXPECT_TRUE(load_pull_state(workspace_).files.empty()) << length;
  }
}

TEST_F(Workspaces, ListsTablesInFoldersToo) {
  const ParquetFolder none(Workspace{folder_.path() / "nowhere"});
  EXPECT_TRUE(none.names().empty());
  EXPECT_EQ(none.stat_file("orders"), std::nullopt);
  fs::create_directories(workspace_.parquet() / "sub");
  for (const char* name : {"b.parquet", "a.parquet", ".hidden.parquet", "c.txt", "sub/d.parquet"})
    replace_file(workspace_.parquet() / name, "x");
  fs::create_directory_symlink(folder_.path(), workspace_.parquet() / "link");
  EXPECT_EQ(ParquetFolder(workspace_).names(),
            (std::vector<std::string>{"a.parquet", "b.parquet", "sub/d.parquet"}));
  EXPECT_EQ(ParquetFolder(workspace_).stat_file("a")->size, 1u);
}

}  // namespace
}  // namespace agnes::cli
