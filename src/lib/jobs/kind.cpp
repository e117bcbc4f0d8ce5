#include "lib/jobs/kind.h"

#include <algorithm>

namespace agnes::jobs {

void Context::throw_if_cancelled(const char* message) const {
  if (cancelled()) throw Error(ErrorKind::timeout, message);
}

std::chrono::milliseconds Retry::after(int attempt) const {
  auto wait = base;
  for (int i = 1; i < attempt && wait < cap; ++i) wait *= factor;
  return std::min(wait, cap);
}

}  // namespace agnes::jobs
