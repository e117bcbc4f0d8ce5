#include <csignal>

#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/workers/confine.h"
#include "lib/workers/process.h"
#include "lib/workers/task.h"

namespace agnes::workers {
namespace {

using boost::json::value;

// What this very program does when it is started again in the role "extract".
TaskTable test_tasks() {
  return {
      {"echo", [](const value& input, const TaskContext&) { return serialize(input); }},
      {"count",
       [](const value& input, const TaskContext& context) {
         for (int i = 0; i < input.to_number<int>(); ++i) context.progress(i);
         return serialize(input);
       }},
      {"repeat",
       [](const value& input, const TaskContext&) -> std::string {
         return agnes::json::to_text(std::string(input.to_number<std::size_t>(), 'a'));
       }},
      {"complain",
       [](const value& input, const TaskContext&) -> std::string {
         throw Error(ErrorKind::invalid, std::string(input.to_number<std::size_t>(), 'a'));
       }},
      {"refuse",
       [](const value&, const TaskContext&) -> std::string {
         throw Error(ErrorKind::not_found, "orders.csv, line 7: not there", value{{"line", 7}});
       }},
      {"crash",
       [](const value&, const TaskContext&) -> std::string {
         ::signal(SIGSEGV,
                  SIG_DFL);  // a sanitizer has a handler of its own, which ends the process otherwise
         ::raise(SIGSEGV);
         return "null";
       }},
      {"leave", [](const value&, const TaskContext&) -> std::string { ::_exit(9); }},
      {"hang",
       [](const value&, const TaskContext&) -> std::string {
         while (true) ::pause();
       }},
      {"read",
       [](const value& input, const TaskContext&) -> std::string {
         return agnes::json::to_text(read_file(std::string(input.as_string())).value_or("(none)"));
       }},
      {"write",
       [](const value& input, const TaskContext&) -> std::string {
         replace_file(std::string(input.as_string()), "written");
         return "true";
       }},
      {"connect",
       [](const value& input, const TaskContext&) -> std::string {
         const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
         sockaddr_in to{};
         to.sin_family = AF_INET;
         to.sin_port = htons(static_cast<std::uint16_t>(input.to_number<int>()));
         to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
         const int failed = ::connect(fd, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0 ? 0 : errno;
         ::close(fd);
         return std::to_string(failed);
       }},
      {"allocate",
       [](const value& input, const TaskContext&) -> std::string {
         const auto bytes = input.to_number<std::size_t>();
         std::string block;
         block.resize(bytes, 'x');
         return std::to_string(block.size());
       }},
      {"surroundings",
       [](const value&, const TaskContext&) -> std::string {
         int variables = 0, descriptors = 0;
         for (char** at = ::environ; at != nullptr && *at != nullptr; ++at) ++variables;
         for (int fd = 3; fd < 256; ++fd) descriptors += ::fcntl(fd, F_GETFD) != -1;
         return serialize(value{{"variables", variables}, {"descriptors", descriptors}});
       }},
  };
}

TEST(Channel, IsClosedWhenTheOtherEndIsGoneAndNothingOfItIsLeft) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  Channel ours{UniqueFd(ends[0])};
  EXPECT_FALSE(ours.closed());
  {
    Channel theirs{UniqueFd(ends[1])};
    EXPECT_TRUE(theirs.send(FrameType::done, "{}"));
  }
  EXPECT_FALSE(ours.closed());
  Frame frame;
  EXPECT_EQ(ours.receive(frame), Channel::Outcome::frame);
  EXPECT_TRUE(ours.closed());
}

TEST(Task, AnswersAndTellsProgress) {
  std::vector<int> heard;
  const auto answer =
      run_task("count", {}, 3, {[&](const value& said) { heard.push_back(said.to_number<int>()); }, {}});
  EXPECT_EQ(answer, value(3));
  EXPECT_EQ(heard, (std::vector<int>{0, 1, 2}));
}

TEST(Task, LargeValuesArriveWhole) {
  const std::string large(5 << 20, 'a');
  EXPECT_EQ(run_task("echo", {}, value(large)), value(large));
}

TEST(Task, AnAnswerThatIsTooLargeIsAnErrorOfItsTask) {
  try {
    run_task("repeat", {}, 65 << 20);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::internal);
    EXPECT_NE(std::string(error.what()).find("the answer of repeat"), std::string::npos) << error.what();
    EXPECT_NE(std::string(error.what()).find("too large"), std::string::npos) << error.what();
  }
}

TEST(Task, AnErrorTextIsCut) {
  try {
    run_task("complain", {}, 65 << 20);
    FAIL();
  } catch (const Error& error) {
    EXPECT_LT(std::string_view(error.what()).size(), 5000u);
    EXPECT_LT(error.detail().as_string().size(), 5000u);
  }
}

TEST(Task, AnErrorKeepsItsKindMessageAndDetail) {
  try {
    run_task("refuse", {}, nullptr);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::not_found);
    EXPECT_STREQ(error.what(), "orders.csv, line 7: not there");
    EXPECT_EQ(error.detail().at("line"), value(7));
  }
}

TEST(Task, ACrashIsAnErrorThatSaysHowItEnded) {
  for (const auto& [task, ending] : {std::pair{"crash", "signal 11"}, std::pair{"leave", "exit 9"}}) {
    try {
      run_task(task, {}, nullptr);
      FAIL();
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::internal);
      EXPECT_NE(std::string(error.what()).find(ending), std::string::npos) << error.what();
    }
  }
}

TEST(Task, CancellingEndsATaskThatNeverWould) {
  EXPECT_THROW(run_task("hang", {}, nullptr, {{}, StopToken().until(StopToken::Clock::time_point::min())}),
               Error);
}

TEST(Task, SeesNoVariablesAndNoDescriptorsButItsChannel) {
  ::setenv("AGNES_TEST_SECRET", "x", 1);
  const auto answer = run_task("surroundings", {}, nullptr);
  EXPECT_EQ(answer.at("variables"), value(0));
  EXPECT_EQ(answer.at("descriptors"), value(1));
}

class Confined : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_GT(landlock_version(), 0) << "these tests need a kernel with Landlock (5.13 or later)";
    fs::create_directories(folder_.path() / "in");
    fs::create_directories(folder_.path() / "out");
    replace_file(folder_.path() / "in" / "a.txt", "inside");
    replace_file(folder_.path() / "secret.txt", "outside");
    fs::create_symlink(folder_.path() / "secret.txt", folder_.path() / "in" / "link.txt");
    confinement_.readable = {folder_.path() / "in"};
    confinement_.writable = {folder_.path() / "out"};
  }
  std::string path(const char* below) { return folder_.path() / below; }

  TemporaryFolder folder_{fs::temp_directory_path()};
  Confinement confinement_;
};

TEST_F(Confined, ReadsWhatItMayAndNothingElse) {
  EXPECT_EQ(run_task("read", confinement_, value(path("in/a.txt"))), value("inside"));
  for (const std::string& file :
       {path("secret.txt"), path("in/link.txt"), path("in/../secret.txt"), std::string("/etc/passwd"),
        std::string("/proc/1/environ"), fmt::format("/proc/{}/environ", ::getpid())})
    EXPECT_THROW(run_task("read", confinement_, value(file)), Error) << file;
}

TEST_F(Confined, WritesWhereItMayAndNowhereElse) {
  EXPECT_EQ(run_task("write", confinement_, value(path("out/b.txt"))), value(true));
  EXPECT_EQ(read_file(path("out/b.txt")), "written");
  for (const std::string& file :
       {path("in/a.txt"), path("secret.txt"), path("new.txt"), std::string("/tmp/agnes-x")})
    EXPECT_THROW(run_task("write", confinement_, value(file)), Error) << file;
  EXPECT_EQ(read_file(path("in/a.txt")), "inside");
}

TEST_F(Confined, ReachesNoNetwork) {
  if (landlock_version() < 4) return;  // the kernel cannot forbid it
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in at{};
  at.sin_family = AF_INET;
  at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&at), sizeof at), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  socklen_t size = sizeof at;
  ::getsockname(listener, reinterpret_cast<sockaddr*>(&at), &size);
  EXPECT_EQ(run_task("connect", confinement_, ntohs(at.sin_port)), value(EACCES));
  confinement_.network = true;
  EXPECT_EQ(run_task("connect", confinement_, ntohs(at.sin_port)), value(0));
  ::close(listener);
}

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)  // their allocators ignore the limit
TEST_F(Confined, MemoryEndsAtTheLimit) {
  confinement_.memory_bytes = 256u << 20;
  EXPECT_EQ(run_task("allocate", confinement_, 64 << 20), value(64 << 20));
  EXPECT_THROW(run_task("allocate", confinement_, 512 << 20), Error);
}
#endif

TEST(Confine, RefusesWhenAnotherThreadRuns) {
  std::atomic<bool> end = false;
  std::thread other([&] { end.wait(false); });
  EXPECT_THROW(confine({}), Error);
  end = true;
  end.notify_all();
  other.join();
}

}  // namespace
}  // namespace agnes::workers

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "--role")
    return agnes::workers::serve_task(agnes::workers::test_tasks());
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
