#include "cli/browser.h"

#include <array>
#include <chrono>
#include <fstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/api.h"
#include "cli/output.h"
#include "cli/sign_in.h"
#include "lib/base/env.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/ids.h"
#include "lib/base/text.h"

extern char** environ;

namespace agnes::cli {

namespace {
using Clock = std::chrono::steady_clock;

constexpr std::chrono::minutes kPatience{5};    // as long as the server keeps a code
constexpr std::chrono::seconds kOneRequest{2};  // for all of what one of whoever connects has to say
constexpr std::size_t kUidField = 7;            // of a line of /proc/net/tcp
constexpr std::size_t kLongestRequest = 8 << 10;

// The program that opens an address in a browser of this machine; nothing where there is none, as over SSH.
std::optional<std::string> opener() {
  if (const auto named = env("BROWSER")) return named;
  if (env("DISPLAY") || env("WAYLAND_DISPLAY")) return "xdg-open";
  return std::nullopt;
}

// Whether the program could be started; what it says is not shown.
bool run_opener(const std::string& program, const std::string& url) {
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    posix_spawn_file_actions_addopen(&actions, fd, "/dev/null", O_RDWR, 0);
  std::string name = program, argument = url;
  std::array<char*, 3> words{name.data(), argument.data(), nullptr};
  pid_t pid = 0;
  const int problem = ::posix_spawnp(&pid, name.c_str(), &actions, nullptr, words.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  return problem == 0;
}

// Where the browser brings the code: a port of the loopback interface, as RFC 8252 (7.3) has it.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* any = reinterpret_cast<sockaddr*>(&address);
    if (!fd_ || ::bind(fd_.get(), any, size) != 0 || ::listen(fd_.get(), 8) != 0 ||
        ::getsockname(fd_.get(), any, &size) != 0)
      throw Failure(Cause::failed, "cannot listen on a port of this machine",
                    "agnes auth login --no-browser needs none");
    port_ = ntohs(address.sin_port);
  }

  int port() const { return port_; }

  // The code that came with `state`: whatever else connects is another program's, or another attempt's.
  std::string wait_for_code(const std::string& state) const {
    const auto end = Clock::now() + kPatience;
    while (true) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      pollfd waiting{fd_.get(), POLLIN, 0};
      if (left.count() <= 0 || ::poll(&waiting, 1, static_cast<int>(left.count())) == 0)
        throw Failure(Cause::not_signed_in, "nobody signed in within five minutes", "try again");
      sockaddr_in peer{};
      socklen_t size = sizeof peer;
      const UniqueFd connection(
          ::accept4(fd_.get(), reinterpret_cast<sockaddr*>(&peer), &size, SOCK_CLOEXEC | SOCK_NONBLOCK));
      if (!connection || !is_own(ntohs(peer.sin_port))) continue;
      const auto brought = read_request(connection.get());
      if (!constant_time_equal(brought.state, state)) {
        answer(connection.get(), "404 Not Found", "This is not the page that you look for.");
        continue;
      }
      if (brought.code.empty()) {
        answer(connection.get(), "200 OK", "You did not allow it, and agnes is not signed in.");
        throw Failure(Cause::not_signed_in, "it was not allowed in the browser");
      }
      answer(connection.get(), "200 OK",
             "You are signed in. Go on in the terminal; this page can be closed.");
      return brought.code;
    }
  }

 private:
  // Whether this account's program connects: others on this machine see the address, and could bring a code of theirs.
  bool is_own(int peer_port) const {
    std::ifstream table("/proc/net/tcp");
    const auto ends = fmt::format("0100007F:{:04X} 0100007F:{:04X}", peer_port, port_);
    for (std::string line; std::getline(table, line);) {
      if (line.find(ends) == line.npos) continue;
      const auto fields = split(std::string(trim(line)), ' ');
      std::vector<std::string> words;
      for (const auto& field : fields)
        if (!field.empty()) words.push_back(field);
      return words.size() > kUidField && parse_int(words[kUidField]) == static_cast<std::int64_t>(::getuid());
    }
    return true;  // this system does not tell
  }

  struct Brought {
    std::string state, code;  // no code: it was not allowed
  };
  // Of "GET /?code=...&state=... HTTP/1.1"; nothing of anything else.
  static Brought read_request(int fd) {
    const auto end = Clock::now() + kOneRequest;
    std::string text;
    std::array<char, 1024> piece{};
    while (text.find("\r\n\r\n") == text.npos && text.size() < kLongestRequest) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - Clock::now());
      pollfd more{fd, POLLIN, 0};
      if (left.count() <= 0 || ::poll(&more, 1, static_cast<int>(left.count())) <= 0) return {};
      const auto got = ::recv(fd, piece.data(), piece.size(), 0);
      if (got <= 0) return {};
      text.append(piece.data(), static_cast<std::size_t>(got));
    }
    if (!text.starts_with("GET ")) return {};
    const auto target = text.substr(4, text.find(' ', 4) - 4);
    Brought brought;
    for (const auto& param : split(target.substr(std::min(target.find('?'), target.size() - 1) + 1), '&')) {
      if (param.starts_with("state=")) brought.state = param.substr(6);
      if (param.starts_with("code=")) brought.code = param.substr(5);
    }
    return brought;
  }

  static void answer(int fd, std::string_view status, std::string_view words) {
    const auto page = fmt::format(
        "<!doctype html><meta charset=\"utf-8\"><meta name=\"color-scheme\" content=\"light dark\">"
        "<title>agnes</title><p style=\"font: 1rem/1.5 system-ui, sans-serif; margin: 15vh auto; max-width: "
        "25rem; padding: 0 1rem\">{}</p>\n",
        words);
    const auto text = fmt::format(
        "HTTP/1.1 {}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nCache-Control: "
        "no-store\r\nConnection: close\r\n\r\n{}",
        status, page.size(), page);
    [[maybe_unused]] const auto sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    ::shutdown(fd, SHUT_WR);
  }

  UniqueFd fd_;
  int port_ = 0;
};

// A route that takes only POST says so, and one that is not there does not.
bool knows_of_browsers(Api& api) {
  return api.get("/auth/cli/token").status == 405;
}
}  // namespace

std::string machine_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name[0] != '\0' ? name.data() : "a workspace";
}

std::optional<Token> sign_in_by_browser(const std::string& server, bool open) {
  Api api(server, "");
  if (!knows_of_browsers(api)) return std::nullopt;
  const std::string verifier = random_urlsafe(32), state = random_urlsafe(32);
  Params params{{"challenge", base64url(sha256(verifier))}, {"machine", machine_name()}};
  const auto address = [&] { return http_client::with_params(server + "/auth/cli", params); };

  std::string code;
  if (const auto program = open ? opener() : std::nullopt) {
    const Listener listener;
    params.emplace_back("state", state);
    params.emplace_back("port", std::to_string(listener.port()));
    if (!run_opener(*program, address()))
      throw Failure(Cause::failed, "cannot start " + escape_control(*program),
                    "agnes auth login --no-browser");
    note("Sign in to {} in the browser. If none opens, go to this address on this machine:\n  {}",
         escape_control(server), address());
    code = listener.wait_for_code(state);
  } else {
    note("Sign in to {} in a browser, on any machine:\n  {}", escape_control(server), address());
    code = ask("The code that is shown there", "give it on standard input, or sign in with --email");
  }
  const Response response =
      api.post("/auth/cli/token", boost::json::object{{"code", code}, {"code_verifier", verifier}});
  if (response.status == 401)
    throw Failure(Cause::not_signed_in, refusal(response), "agnes auth login begins again");
  return session_of(response);
}

}  // namespace agnes::cli
