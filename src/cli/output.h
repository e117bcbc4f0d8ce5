#pragma once

#include <string>
#include <string_view>

#include <fmt/format.h>

// Standard output and standard error of the program. Thread-safe.
namespace agnes::cli {

// Collected and written at the end or when large; a reader that has gone (`| head`) ends the program quietly.
void out(std::string_view text);
void flush_out();
// Written at once, after what is waiting for standard output. Both make safe what a terminal gets: terminal_text().
void err(std::string_view text);
// As it is, for a display that moves the cursor: its parts must be safe already.
void draw_err(std::string_view text);
// Control characters but line ends and tabs, C1, and the marks that turn the direction of writing, as \x1b, \u009b
// and \u202e: what is shown cannot change what else the terminal shows or does. What bold() and dim() add stays.
std::string terminal_text(std::string_view text);

template <class... Args>
void print(fmt::format_string<Args...> format, Args&&... args) {
  out(fmt::format(format, std::forward<Args>(args)...) + "\n");
}
// A line on standard error: progress, warnings, hints. With --json it is {"note": ...}.
void say_note(std::string_view text);
template <class... Args>
void note(fmt::format_string<Args...> format, Args&&... args) {
  say_note(fmt::format(format, std::forward<Args>(args)...));
}
// Whether --json was given: every line of standard error is a JSON value then, too.
void set_json_output(bool on);
bool json_output();

bool is_terminal_out();
bool is_terminal_err();
// COLUMNS, else the terminal's width, else 120.
int terminal_width();
bool use_color();  // standard output is a terminal, NO_COLOR is unset and TERM is not dumb
std::string dim(std::string_view text);
std::string bold(std::string_view text);

// Asks on the terminal; without one, a line of standard input is the answer. `hidden` shows nothing while
// typing. Throws Failure when there is no answer: `instead` says how to give it without a terminal.
std::string ask(std::string_view question, std::string_view instead, bool hidden = false);
// All of standard input.
std::string read_input();
// "y" or "yes".
bool confirm(std::string_view question);

}  // namespace agnes::cli
