#include "lib/base/files.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/error.h"

namespace agnes {
namespace {

class Files : public ::testing::Test {
 protected:
  Files() : folder(fs::temp_directory_path()), file(folder.path() / "file") {}
  std::size_t entries() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(folder.path()), fs::directory_iterator()));
  }
  TemporaryFolder folder;
  fs::path file;
};

TEST_F(Files, AreReplacedWhole) {
  EXPECT_EQ(read_file(file), std::nullopt);
  EXPECT_EQ(read_file(file / "below"), std::nullopt);
  replace_file(file, "one", 0600);
  EXPECT_EQ(read_file(file), "one");
  struct stat info {};
  ASSERT_EQ(::stat(file.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  replace_file(file, "");
  EXPECT_EQ(read_file(file), "");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, KeepTheOldContentWhenWritingFails) {
  replace_file(file, "old");
  // In a process of its own: a limit on file sizes stands for a full disk.
  const pid_t child = ::fork();
  if (child == 0) {
    rlimit limit{1000, 1000};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    ::signal(SIGXFSZ, SIG_IGN);
    try {
      replace_file(file, std::string(100000, 'x'));
    } catch (const Error&) {
      ::_exit(7);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_EQ(read_file(file), "old");
  EXPECT_EQ(entries(), 1u) << "nothing is left behind";
}

TEST_F(Files, KeepTheOldContentWhenKilledWhileWriting) {
  replace_file(file, "old");
  const pid_t child = ::fork();
  if (child == 0) {
    PendingFile pending(file);
    UniqueFd fd(::creat(pending.temporary().c_str(), 0644));
    write_all(fd.get(), "new");
    ::kill(::getpid(), SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(read_file(file), "old");
  EXPECT_EQ(entries(), 2u);
  remove_leftovers(folder.path());
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, LeftoversOfRunningWorkStay) {
  // Those of this process's own id too: a container's first process has the same one after a restart.
  replace_file(folder.path() / fmt::format(".agnes-tmp-{}-abc", ::getppid()), "theirs");
  replace_file(temporary_name(file), "of the last start");
  remove_leftovers(folder.path());
  EXPECT_EQ(entries(), 1u);
  remove_leftovers(folder.path(), Leftovers::all);
  EXPECT_EQ(entries(), 0u);
}

TEST_F(Files, PendingOnesAreRemovedOrCommitted) {
  {
    PendingFile pending(file);
    replace_file(pending.temporary(), "x");
  }
  EXPECT_EQ(entries(), 0u);
  PendingFile pending(file);
  replace_file(pending.temporary(), "x");
  pending.commit();
  EXPECT_EQ(read_file(file), "x");
  EXPECT_EQ(entries(), 1u);
}

TEST_F(Files, NameWhatFails) {
  try {
    replace_file(folder.path() / "no" / "file", "x");
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("No such file or directory"), std::string::npos);
  }
  EXPECT_THROW(rename_synced(folder.path() / "a", folder.path() / "b"), Error);
}

TEST_F(Files, LocksExclude) {
  auto lock = FileLock::try_lock(folder.path() / "lock");
  ASSERT_TRUE(lock.has_value());
  EXPECT_FALSE(FileLock::try_lock(folder.path() / "lock").has_value());
  lock.reset();
  EXPECT_TRUE(FileLock::try_lock(folder.path() / "lock").has_value());
}

TEST_F(Files, TemporaryFoldersGo) {
  fs::path path;
  {
    TemporaryFolder inner(folder.path());
    path = inner.path();
    replace_file(path / "x", "y");
  }
  EXPECT_FALSE(fs::exists(path));
}

}  // namespace
}  // namespace agnes
