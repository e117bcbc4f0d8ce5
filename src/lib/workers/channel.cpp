#include "lib/workers/channel.h"

#include <cerrno>
#include <cstring>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::workers {

namespace {
constexpr std::uint32_t kMaxPayload = 64u << 20;
constexpr std::size_t kHeaderSize = 5;
}  // namespace

bool Channel::send(FrameType type, std::string_view payload) {
  if (payload.size() > kMaxPayload)
    throw Error(ErrorKind::internal, fmt::format("a message between processes is too large ({}, {} at most)",
                                                 human_bytes(payload.size()), human_bytes(kMaxPayload)));
  char header[kHeaderSize];
  header[0] = static_cast<char>(type);
  const auto length = static_cast<std::uint32_t>(payload.size());
  std::memcpy(header + 1, &length, sizeof length);
  iovec parts[2] = {{header, kHeaderSize}, {const_cast<char*>(payload.data()), payload.size()}};
  std::lock_guard lock(sending_);
  std::size_t first = 0;
  while (first < 2) {
    msghdr message{};
    message.msg_iov = parts + first;
    message.msg_iovlen = 2 - first;
    auto put = ::sendmsg(socket_.get(), &message, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    for (auto left = static_cast<std::size_t>(put); first < 2;) {
      const std::size_t take = std::min(left, parts[first].iov_len);
      parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + take;
      parts[first].iov_len -= take;
      left -= take;
      if (parts[first].iov_len > 0) break;
      ++first;
    }
  }
  return true;
}

Channel::Outcome Channel::read_exactly(char* to, std::size_t count,
                                       std::optional<Clock::time_point> deadline) {
  while (count > 0) {
    const auto got = ::recv(socket_.get(), to, count, deadline ? MSG_DONTWAIT : 0);
    if (got > 0) {
      to += got;
      count -= static_cast<std::size_t>(got);
      continue;
    }
    if (got < 0 && errno == EINTR) continue;
    if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK)) return Outcome::closed;
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
    if (left <= 0) return Outcome::timeout;
    pollfd wait{socket_.get(), POLLIN, 0};
    ::poll(&wait, 1, static_cast<int>(std::min<long>(left, 1 << 30)));
  }
  return Outcome::frame;
}

Channel::Outcome Channel::receive(Frame& frame, std::optional<Clock::time_point> deadline) {
  char header[kHeaderSize];
  // Only the wait for a frame's first byte may time out: the rest of it follows at once.
  if (const auto outcome = read_exactly(header, 1, deadline); outcome != Outcome::frame) return outcome;
  if (read_exactly(header + 1, kHeaderSize - 1, std::nullopt) != Outcome::frame) return Outcome::closed;
  std::uint32_t length;
  std::memcpy(&length, header + 1, sizeof length);
  if (length > kMaxPayload) return Outcome::closed;
  frame.type = static_cast<FrameType>(header[0]);
  frame.payload.resize(length);
  return read_exactly(frame.payload.data(), length, std::nullopt);
}

bool Channel::closed() const {
  char ignored;
  ssize_t got;
  do got = ::recv(socket_.get(), &ignored, 1, MSG_PEEK | MSG_DONTWAIT);
  while (got < 0 && errno == EINTR);
  return got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

void Channel::shut() {
  ::shutdown(socket_.get(), SHUT_RDWR);
}

}  // namespace agnes::workers
