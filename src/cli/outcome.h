#pragma once

#include <exception>
#include <string>
#include <string_view>

#include <boost/describe/enum.hpp>

#include "lib/base/error.h"

// How a command ends: one list of causes, which are exit codes to scripts and, with --json, kinds of errors.
namespace agnes::cli {

enum class Cause {
  failed,         // none of the others: what was asked for cannot be done as it stands
  usage,          // the command line makes no sense, or this client is too old for the server
  not_signed_in,  // no token, or one that the server does not take
  not_found,      // there is no such thing
  server_fault,   // the server answered with a fault of its own, or not as an Agnes server does
  unreachable,    // no answer
  partly_failed,  // some of it was done
  not_allowed,    // for somebody else to see or do
  interrupted,    // by Ctrl-C
};
BOOST_DESCRIBE_ENUM(Cause, failed, usage, not_signed_in, not_found, server_fault, unreachable, partly_failed,
                    not_allowed, interrupted)

// The same for every command but where answers of the contract's client say otherwise. `command`: "agnes admin sync".
int exit_code(Cause cause, std::string_view command);

// Of an answer's status.
Cause cause_of_status(int http_status);
Cause cause_of(const std::exception& error);

// An error that knows its cause. `hint` is what to do next, where the message does not end with it ("...; try again").
class Failure : public Error {
 public:
  Failure(Cause cause, const std::string& message, const std::string& hint = "");
  Cause cause() const { return cause_; }
  const std::string& message() const { return message_; }  // without the hint
  const std::string& hint() const { return hint_; }

 private:
  Cause cause_;
  std::string message_, hint_;
};

// All that was to be said has been said: ends the program.
struct Exit {
  Cause cause;
};

// One line on standard error: "Error: ...", or with --json {"error": {"kind", "message", "hint"}}. `line` is as our messages
// are, "what: why; what to do next".
void say_error(Cause cause, std::string_view line);
void say_error(const std::exception& error);

}  // namespace agnes::cli
