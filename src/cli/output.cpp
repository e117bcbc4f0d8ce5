#include "cli/output.h"

#include <cerrno>
#include <cstdlib>

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "cli/json_text.h"
#include "cli/outcome.h"
#include "lib/base/env.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
std::mutex mutex;
std::string waiting;

void write_waiting() {
  std::string_view rest = waiting;
  while (!rest.empty()) {
    const auto put = ::write(STDOUT_FILENO, rest.data(), rest.size());
    if (put < 0 && errno == EINTR) continue;
    // As the shell counts a death by SIGPIPE. A socket in place of a pipe says it in other words.
    if (put < 0 && (errno == EPIPE || errno == ECONNRESET)) ::_exit(141);
    if (put < 0) {
      const int cause = errno;
      waiting.clear();
      throw system_error("cannot write the output", cause);
    }
    rest.remove_prefix(static_cast<std::size_t>(put));
  }
  waiting.clear();
}
}  // namespace

std::string terminal_text(std::string_view text) {
  std::string safe;
  safe.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const auto [c, size] = first_character(text.substr(i));
    const bool unsafe = is_control(c) && c != '\n' && c != '\t';
    const bool own = c == 0x1b && (text.substr(i, 4) == "\033[0m" || text.substr(i, 4) == "\033[1m" ||
                                   text.substr(i, 4) == "\033[2m");
    if (size == 0 || (unsafe && c < 0x80 && !own))
      safe += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
    else if (unsafe && !own)
      safe += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    else
      safe += text.substr(i, size);
    i += std::max<std::size_t>(size, 1);
  }
  return safe;
}

void out(std::string_view text) {
  static const bool terminal = is_terminal_out();
  const std::lock_guard lock(mutex);
  if (terminal)
    waiting += terminal_text(text);
  else
    waiting += text;
  if (waiting.size() > (1u << 16)) write_waiting();
}
void flush_out() {
  const std::lock_guard lock(mutex);
  write_waiting();
}
void err(std::string_view text) {
  static const bool terminal = is_terminal_err();
  draw_err(terminal ? terminal_text(text) : std::string(text));
}
void draw_err(std::string_view text) {
  const std::lock_guard lock(mutex);
  write_waiting();
  write_all(STDERR_FILENO, text);
}

namespace {
bool json_wanted = false;
}
void set_json_output(bool on) {
  json_wanted = on;
}
bool json_output() {
  return json_wanted;
}
void say_note(std::string_view text) {
  constexpr std::string_view kNote = "Note: ";  // which the member's name says
  if (json_wanted && text.starts_with(kNote)) text.remove_prefix(kNote.size());
  err((json_wanted ? compact(boost::json::object{{"note", text}}) : std::string(text)) + "\n");
}

bool is_terminal_out() {
  return ::isatty(STDOUT_FILENO) == 1;
}
bool is_terminal_err() {
  return ::isatty(STDERR_FILENO) == 1;
}

int terminal_width() {
  if (const auto columns = env("COLUMNS"))
    if (const auto width = parse_int(*columns); width && *width > 0 && *width < 100000)
      return static_cast<int>(*width);
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0) return size.ws_col;
  return 120;
}

bool use_color() {
  static const bool use = is_terminal_out() && !env("NO_COLOR") && env_or("TERM", "dumb") != "dumb";
  return use;
}
std::string dim(std::string_view text) {
  return use_color() ? fmt::format("\033[2m{}\033[0m", text) : std::string(text);
}
std::string bold(std::string_view text) {
  return use_color() ? fmt::format("\033[1m{}\033[0m", text) : std::string(text);
}

std::string ask(std::string_view question, std::string_view instead, bool hidden) {
  const bool terminal = ::isatty(STDIN_FILENO) == 1;
  // Who reads JSON reads no question.
  const bool shown = terminal || !json_wanted;
  if (shown) err(std::string(question) + ": ");
  termios before{};
  if (hidden && terminal) {
    ::tcgetattr(STDIN_FILENO, &before);
    termios quiet = before;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &quiet);
  }
  std::string line;
  char c;
  bool ended = true;
  while (::read(STDIN_FILENO, &c, 1) == 1) {
    if (c == '\n') {
      ended = false;
      break;
    }
    line += c;
  }
  if (hidden && terminal) ::tcsetattr(STDIN_FILENO, TCSANOW, &before);
  if (shown && (hidden || !terminal)) err("\n");
  if (ended && line.empty())
    throw Failure(Cause::failed, fmt::format("no answer to '{}'", question), std::string(instead));
  if (line.ends_with('\r')) line.pop_back();
  return line;
}

std::string read_input() {
  std::string text;
  char buffer[1 << 16];
  while (true) {
    const auto got = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (got <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(got));
  }
}

bool confirm(std::string_view question) {
  const std::string answer =
      to_lower(trim(ask(fmt::format("{} [y/N]", question), "--yes says so beforehand")));
  return answer == "y" || answer == "yes";
}

}  // namespace agnes::cli
