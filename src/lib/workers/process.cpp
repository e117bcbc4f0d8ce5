#include "lib/workers/process.h"

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <fcntl.h>
#include <sched.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::workers {

namespace {
constexpr int kChannelFd = 3;
// The server answers while its workers compute; they take the processor when nobody else wants it.
constexpr int kWorkerPriority = 10;

// The running program's file, which stays right when an update has replaced it: workers must speak our
// version.
constexpr const char* kOwnBinary = "/proc/self/exe";
}  // namespace

std::unique_ptr<Process> Process::start(const std::string& role) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    throw system_error("cannot start a worker process", errno);
  UniqueFd ours(ends[0]), theirs(ends[1]);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawnattr_init(&attributes);
  ::posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, theirs.get(), kChannelFd);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kChannelFd + 1);
  sigset_t none, all;
  ::sigemptyset(&none);
  ::sigfillset(&all);
  ::posix_spawnattr_setsigmask(&attributes, &none);
  ::posix_spawnattr_setsigdefault(&attributes, &all);
  ::posix_spawnattr_setpgroup(&attributes, 0);
  ::posix_spawnattr_setflags(&attributes,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  std::string name = "agnes-server", flag = "--role", what = role;
  char* arguments[] = {name.data(), flag.data(), what.data(), nullptr};
  char* environment[] = {nullptr};
  pid_t pid = -1;
  const int failed = ::posix_spawn(&pid, kOwnBinary, &actions, &attributes, arguments, environment);
  ::posix_spawn_file_actions_destroy(&actions);
  ::posix_spawnattr_destroy(&attributes);
  if (failed != 0) throw system_error("cannot start a worker process", failed);
  ::setpriority(PRIO_PROCESS, static_cast<id_t>(pid), kWorkerPriority);
  return std::unique_ptr<Process>(new Process(pid, std::move(ours)));
}

Process::~Process() {
  kill();
  reap();
}

void Process::kill() {
  if (!reaped_) ::kill(pid_, SIGKILL);
}

void Process::lower_priority() {
  // Thread by thread: those that start later inherit it. Unlike a nice value SCHED_IDLE gives way at once to what wakes
  // up, so that a request does not wait for the end of a statement's time slice.
  std::error_code gone;
  std::filesystem::directory_iterator thread(fmt::format("/proc/{}/task", pid_), gone);
  for (; !gone && thread != std::filesystem::directory_iterator(); thread.increment(gone)) {
    const sched_param none{};
    ::sched_setscheduler(static_cast<pid_t>(parse_int(thread->path().filename().string()).value_or(pid_)),
                         SCHED_IDLE, &none);
  }
  lowered_ = true;
}

std::string Process::reap() {
  if (reaped_) return ending_;
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  reaped_ = true;
  ending_ = WIFSIGNALED(status) ? fmt::format("signal {}", WTERMSIG(status))
                                : fmt::format("exit {}", WEXITSTATUS(status));
  return ending_;
}

Channel adopt_channel() {
  ::fcntl(kChannelFd, F_SETFD, FD_CLOEXEC);
  return Channel(UniqueFd(kChannelFd));
}

}  // namespace agnes::workers
