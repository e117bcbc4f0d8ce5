#include "cli/outcome.h"

#include "cli/json_text.h"
#include "cli/output.h"
#include "lib/base/json.h"
#include "lib/http_client/client.h"

namespace agnes::cli {

namespace {
struct Code {
  Cause cause;
  int code;
};
constexpr Code kCodes[] = {
    {Cause::failed, 1},        {Cause::usage, 2},        {Cause::not_signed_in, 3},
    {Cause::not_found, 4},     {Cause::server_fault, 5}, {Cause::unreachable, 6},
    {Cause::partly_failed, 7}, {Cause::not_allowed, 8},  {Cause::interrupted, 130},
};

// What recorded answers of the contract's client fix.
struct Recorded {
  std::string_view command;
  Cause cause;
  int code;
};
constexpr Recorded kRecorded[] = {
    {"agnes init", Cause::not_signed_in, 1},         {"agnes init", Cause::unreachable, 1},
    {"agnes query", Cause::not_allowed, 1},          {"agnes catalog", Cause::not_signed_in, 5},
    {"agnes catalog", Cause::not_found, 1},          {"agnes schema", Cause::not_found, 2},
    {"agnes describe", Cause::not_found, 2},         {"agnes sample", Cause::not_found, 2},
    {"agnes auth whoami", Cause::not_signed_in, 1},  {"agnes admin list-users", Cause::not_allowed, 1},
    {"agnes admin deactivate", Cause::not_found, 1}, {"agnes snapshot drop", Cause::not_found, 2},
};

// Our own messages are "what: why; what to do next".
std::pair<std::string_view, std::string_view> split_hint(std::string_view message) {
  if (const auto at = message.rfind("; "); at != message.npos)
    return {message.substr(0, at), message.substr(at + 2)};
  if (const auto at = message.rfind(": agnes "); at != message.npos)
    return {message.substr(0, at), message.substr(at + 2)};
  return {message, {}};
}

// An SQL error shows its place on lines of its own.
std::string_view before_hint(std::string_view message) {
  return message.find('\n') == message.npos ? "; " : "\n";
}
}  // namespace

int exit_code(Cause cause, std::string_view command) {
  for (const auto& recorded : kRecorded)
    if (recorded.command == command && recorded.cause == cause) return recorded.code;
  for (const auto& entry : kCodes)
    if (entry.cause == cause) return entry.code;
  return 1;
}

Cause cause_of_status(int http_status) {
  switch (http_status) {
    case 401:
      return Cause::not_signed_in;
    case 403:
      return Cause::not_allowed;
    case 404:
    case 410:
      return Cause::not_found;
    default:
      return http_status >= 500 ? Cause::server_fault : Cause::failed;
  }
}

Cause cause_of(const std::exception& error) {
  if (const auto* failure = dynamic_cast<const Failure*>(&error)) return failure->cause();
  if (dynamic_cast<const http_client::Cancelled*>(&error) != nullptr) return Cause::interrupted;
  if (dynamic_cast<const http_client::TransportError*>(&error) != nullptr) return Cause::unreachable;
  // An answer that is none. Other errors are of this machine: a file, a statement.
  const auto* ours = dynamic_cast<const Error*>(&error);
  const bool no_answer =
      ours != nullptr && (ours->kind() == ErrorKind::bad_gateway || ours->kind() == ErrorKind::too_large);
  return no_answer ? Cause::server_fault : Cause::failed;
}

Failure::Failure(Cause cause, const std::string& message, const std::string& hint)
    : Error(ErrorKind::bad_request,
            hint.empty() ? message : fmt::format("{}{}{}", message, before_hint(message), hint)),
      cause_(cause),
      message_(message),
      hint_(hint) {}

namespace {
void say(Cause cause, std::string_view message, std::string_view hint) {
  if (!json_output()) {
    err(fmt::format("Error: {}{}{}\n", message, hint.empty() ? "" : before_hint(message), hint));
    return;
  }
  boost::json::object said{{"kind", json::to_json(cause)}, {"message", message}, {"hint", nullptr}};
  if (!hint.empty()) said["hint"] = hint;
  err(compact(boost::json::object{{"error", std::move(said)}}) + "\n");
}
}  // namespace

void say_error(Cause cause, std::string_view line) {
  const auto [message, hint] = json_output() ? split_hint(line) : std::pair{line, std::string_view()};
  say(cause, message, hint);
}

void say_error(const std::exception& error) {
  const auto* failure = dynamic_cast<const Failure*>(&error);
  if (failure != nullptr && (!failure->hint().empty() || failure->message().find('\n') != std::string::npos))
    say(failure->cause(), failure->message(), failure->hint());
  else
    say_error(cause_of(error), error.what());
}

}  // namespace agnes::cli
