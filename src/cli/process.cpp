#include "cli/process.h"

#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/outcome.h"
#include "lib/base/files.h"

extern char** environ;

namespace agnes::cli {

namespace {
constexpr std::size_t kMostOutput = 16u << 20;
}

Ended run_program(const std::vector<std::string>& words, bool captured,
                  std::optional<std::chrono::seconds> limit) {
  using Clock = std::chrono::steady_clock;
  int ends[2] = {-1, -1};
  if (captured && ::pipe2(ends, O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  const UniqueFd out(ends[0]);
  UniqueFd in(ends[1]);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  if (captured)
    for (const int fd : {STDOUT_FILENO, STDERR_FILENO})
      posix_spawn_file_actions_adddup2(&actions, in.get(), fd);
  std::vector<std::string> copies = words;
  std::vector<char*> argv;
  for (auto& word : copies) argv.push_back(word.data());
  argv.push_back(nullptr);
  pid_t pid = 0;
  const int problem = ::posix_spawnp(&pid, argv[0], &actions, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (problem == ENOENT) throw Failure(Cause::failed, "there is no program " + words[0] + " here", "");
  if (problem != 0) throw system_error("cannot run " + words[0], problem);
  in.reset();

  Ended ended;
  const auto until = limit ? Clock::now() + *limit : Clock::time_point::max();
  bool killed = false;
  char buffer[65536];
  while (captured) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
    pollfd waiting{out.get(), POLLIN, 0};
    const int ready = ::poll(&waiting, 1, !limit ? -1 : static_cast<int>(std::max<std::int64_t>(left, 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) {
      ::kill(pid, SIGKILL);
      killed = true;
      break;
    }
    const auto got = ::read(out.get(), buffer, sizeof buffer);
    if (got <= 0) break;
    if (ended.output.size() < kMostOutput) ended.output.append(buffer, static_cast<std::size_t>(got));
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  ended.exit = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (killed) ended.output += fmt::format("no answer for {} s", limit->count());
  return ended;
}

}  // namespace agnes::cli
