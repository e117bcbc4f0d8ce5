#include "lib/base/error.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>

namespace agnes {

namespace {
struct KindStatus {
  ErrorKind kind;
  int status;
};
constexpr KindStatus kStatuses[] = {
    {ErrorKind::bad_request, 400},
    {ErrorKind::unauthenticated, 401},
    {ErrorKind::forbidden, 403},
    {ErrorKind::not_found, 404},
    {ErrorKind::not_allowed, 405},
    {ErrorKind::not_acceptable, 406},
    {ErrorKind::timeout, 408},
    {ErrorKind::conflict, 409},
    {ErrorKind::gone, 410},
    {ErrorKind::precondition, 412},
    {ErrorKind::too_large, 413},
    {ErrorKind::invalid, 422},
    {ErrorKind::too_many, 429},
    {ErrorKind::internal, 500},
    {ErrorKind::not_implemented, 501},
    {ErrorKind::bad_gateway, 502},
    {ErrorKind::unavailable, 503},
    {ErrorKind::gateway_timeout, 504},
    {ErrorKind::insufficient_storage, 507},
};
}  // namespace

Error::Error(ErrorKind kind, const std::string& message)
    : Error(kind, message, boost::json::value(message)) {}

Error::Error(ErrorKind kind, const std::string& message, boost::json::value detail)
    : std::runtime_error(message), kind_(kind), detail_(std::move(detail)) {}

int http_status(ErrorKind kind) {
  for (const auto& entry : kStatuses)
    if (entry.kind == kind) return entry.status;
  return 500;
}

ErrorKind error_kind(int http_status) {
  for (const auto& entry : kStatuses)
    if (entry.status == http_status) return entry.kind;
  return ErrorKind::internal;
}

Error system_error(std::string_view what, int errno_value) {
  const bool full = errno_value == ENOSPC || errno_value == EDQUOT || errno_value == EFBIG;
  return {full ? ErrorKind::insufficient_storage : ErrorKind::internal,
          fmt::format("{}: {}", what, std::strerror(errno_value))};
}

}  // namespace agnes
