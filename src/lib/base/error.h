#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include <boost/json/value.hpp>

namespace agnes {

// What went wrong, as far as the caller's next step depends on it. The HTTP layer maps each kind to one
// status, the CLI to one exit code; nothing else inspects messages.
enum class ErrorKind {
  bad_request,           // 400: the request makes no sense as it stands
  unauthenticated,       // 401
  forbidden,             // 403
  not_found,             // 404
  not_allowed,           // 405
  not_acceptable,        // 406
  timeout,               // 408: the work was ended at its time limit
  conflict,              // 409: it clashes with what is there or under way
  gone,                  // 410
  precondition,          // 412
  too_large,             // 413
  invalid,               // 422: well-formed, but a field has an impossible value
  too_many,              // 429
  internal,              // 500: a fault of ours; the message is logged, not shown
  not_implemented,       // 501
  bad_gateway,           // 502: an outside service answered with an error
  unavailable,           // 503: not now; try again
  gateway_timeout,       // 504: an outside service did not answer in time
  insufficient_storage,  // 507: disk full
};

// The one error type. `what()` is one line for people: it names the thing, the cause and the next step, and
// never holds a secret or a path that the reader may not know. `detail` is what the HTTP answer carries under
// "detail": the message as a text unless a structured value was given.
class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message);
  Error(ErrorKind kind, const std::string& message, boost::json::value detail);

  ErrorKind kind() const { return kind_; }
  const boost::json::value& detail() const { return detail_; }

 private:
  ErrorKind kind_;
  boost::json::value detail_;
};

int http_status(ErrorKind kind);
// The kind that an HTTP status stands for; `internal` for one that none does.
ErrorKind error_kind(int http_status);

// Error of kind `internal` (or `insufficient_storage` for ENOSPC and EDQUOT) for a failed system call, with
// the text of `errno_value`: "cannot write /x/y: No space left on device".
Error system_error(std::string_view what, int errno_value);

}  // namespace agnes
