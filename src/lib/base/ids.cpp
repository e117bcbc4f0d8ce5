#include "lib/base/ids.h"

#include <cerrno>

#include <sys/random.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"

namespace agnes {

std::string random_bytes(std::size_t count) {
  std::string out(count, '\0');
  for (std::size_t at = 0; at < count;) {
    const auto got = ::getrandom(out.data() + at, count - at, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) throw system_error("cannot read random bytes", errno);
    at += static_cast<std::size_t>(got);
  }
  return out;
}

std::string uuid4() {
  std::string raw = random_bytes(16);
  raw[6] = static_cast<char>((raw[6] & 0x0f) | 0x40);
  raw[8] = static_cast<char>((raw[8] & 0x3f) | 0x80);
  std::string hex = to_hex(raw);
  for (std::size_t at : {20, 16, 12, 8}) hex.insert(at, "-");
  return hex;
}

std::string random_hex(std::size_t bytes) {
  return to_hex(random_bytes(bytes));
}
std::string random_urlsafe(std::size_t bytes) {
  return base64url(random_bytes(bytes));
}

}  // namespace agnes
