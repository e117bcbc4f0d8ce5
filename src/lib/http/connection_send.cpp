#include <cerrno>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <fcntl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "lib/base/log.h"
#include "lib/http/connection.h"
#include "lib/http/route_table.h"

// The sending half of a connection.
namespace agnes::http {

namespace {
constexpr asio::use_awaitable_t<IoExecutor> kUse{};
constexpr std::uint64_t kFileStep = 1 << 20, kFileTurn = 8 << 20;
constexpr std::size_t kReceive = 64 << 10;
constexpr std::uint64_t kSlowestReader = 4 << 10;  // bytes a second
constexpr auto kLingerTime = std::chrono::seconds(2);

auto redirect(boost::system::error_code& error) {
  return asio::redirect_error(kUse, error);
}

// An answer in memory, counted as its reader's as long as it is there.
class HeldAnswer {
 public:
  HeldAnswer(Addresses& addresses, std::string owner, const Outgoing& out)
      : addresses_(addresses), owner_(std::move(owner)) {
    for (const auto& piece : out.pieces) bytes_ += piece.text.size();
    if (bytes_ > 0) addresses_.hold_answer(owner_, bytes_);
  }
  ~HeldAnswer() {
    if (bytes_ > 0) addresses_.drop_answer(owner_, bytes_);
  }
  HeldAnswer(const HeldAnswer&) = delete;
  HeldAnswer& operator=(const HeldAnswer&) = delete;

 private:
  Addresses& addresses_;
  const std::string owner_;
  std::size_t bytes_ = 0;
};
}  // namespace

Task<bool> Connection::respond(const Request& request, Outgoing out) {
  const HeldAnswer held(shared_.addresses, owner_, out);
  // A reader that takes a byte now and then does not hold it for ever.
  if (!out.stream && !out.upgrade.run)
    last_ = Clock::now() + shared_.options.write_timeout +
            std::chrono::milliseconds(out.length * 1000 / kSlowestReader);
  enter(Phase::sending, shared_.options.write_timeout);
  const auto began = began_;
  if (shared_.options.observe) {
    AnswerRecord served{{}, {}, out.status, std::chrono::duration<double>(Clock::now() - began).count()};
    if (const auto* route = static_cast<const Route*>(request.routing.route)) {
      served.method = route->method;
      served.route = route->pattern;
    }
    shared_.options.observe(served);
  }
  // No conditional expressions: the compiler (g++ 12) awaits both sides of nested ones.
  bool sent = false;
  if (out.stream)
    sent = co_await send_stream(request, out);
  else if (out.upgrade.run)
    sent = co_await send_upgrade(request, out);
  else
    sent = co_await send(out.head, out);
  last_ = Clock::time_point::max();
  if (revoked_ && asked_ != nullptr)
    log::info("{} {} was cut, request {}: who asked may not have it any more", request.method(),
              request.path(), request.id());
  if (shared_.options.access_log) log(request, out, began);
  co_return sent && !out.close && !closing_;
}

void Connection::log(const Request& request, const Outgoing& out, Clock::time_point began) const {
  const auto took = std::chrono::duration<double, std::milli>(Clock::now() - began).count();
  // Without the query string: it may hold what must not be in a log.
  if (!log::enabled(log::Level::info)) return;
  log::write(log::Level::info,
             fmt::format("{} {} {} {} bytes {:.1f} ms {} {}", request.method(), request.path(), out.status,
                         out.length, took, request.client_address(), request.id()),
             request.id());
}

Task<bool> Connection::send(std::string_view head, const Outgoing& out) {
  for (std::size_t i = 0; i < out.pieces.size() || !head.empty(); ++i) {
    const Piece* piece = i < out.pieces.size() ? &out.pieces[i] : nullptr;
    const bool more = i + 1 < out.pieces.size();
    if (piece != nullptr && piece->file == nullptr) {
      const std::string_view bytes = piece->shared ? *piece->shared : piece->text;
      if (!co_await send_bytes(head, bytes, more)) co_return false;
    } else {
      if (!head.empty() && !co_await send_bytes(head, {}, piece != nullptr)) co_return false;
      if (piece != nullptr && !co_await send_file(*piece)) co_return false;
    }
    head = {};
  }
  co_return true;
}

// Both texts in one packet where they fit; `more` tells the kernel that something follows.
Task<bool> Connection::send_bytes(std::string_view first, std::string_view second, bool more) {
  while (!first.empty() || !second.empty()) {
    iovec parts[2] = {{const_cast<char*>(first.data()), first.size()},
                      {const_cast<char*>(second.data()), second.size()}};
    msghdr message{};
    message.msg_iov = first.empty() ? parts + 1 : parts;
    message.msg_iovlen = first.empty() || second.empty() ? 1 : 2;
    const auto sent =
        ::sendmsg(socket_.native_handle(), &message, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) co_return false;
      boost::system::error_code error;
      co_await socket_.async_wait(Socket::wait_write, redirect(error));
      if (error) co_return false;
      continue;
    }
    auto left = static_cast<std::size_t>(sent);
    const std::size_t of_first = std::min(left, first.size());
    first.remove_prefix(of_first);
    second.remove_prefix(left - of_first);
    if (!first.empty() || !second.empty()) progressed();
  }
  co_return true;
}

Task<bool> Connection::send_file(const Piece& piece) {
  auto offset = static_cast<off_t>(piece.offset);
  std::uint64_t left = piece.length, in_turn = 0;
  while (left > 0) {
    boost::system::error_code error;
    const auto sent =
        ::sendfile(socket_.native_handle(), piece.file->get(), &offset, std::min(left, kFileStep));
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) co_return false;
      in_turn = 0;
      co_await socket_.async_wait(Socket::wait_write, redirect(error));
      if (error) co_return false;
      continue;
    }
    if (sent == 0)
      co_return false;  // the file has become shorter: the client sees that the answer is not whole
    left -= static_cast<std::uint64_t>(sent);
    progressed();
    in_turn += static_cast<std::uint64_t>(sent);
    if (in_turn >= kFileTurn) {  // a fast client does not keep the others waiting
      in_turn = 0;
      co_await asio::post(network_.context.get_executor(), kUse);
    }
  }
  co_return true;
}

namespace {
// To a blocking socket.
bool send_all(int fd, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EINTR) continue;
    if (sent <= 0) return false;
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}
}  // namespace

// The handler gets a descriptor of its own for the same socket. This object stays until it has ended, so that the
// connection counts, and is shut down when the server stops.
Task<bool> Connection::send_upgrade(const Request& request, Outgoing& out) {
  UpgradedSocket socket{UniqueFd(::fcntl(socket_.native_handle(), F_DUPFD_CLOEXEC, 0)),
                        std::string(unread())};
  if (!socket.fd) co_return false;
  enter(Phase::upgraded, {});
  if (closing_) co_return false;
  bool begun = false;
  ++shared_.open_streams;
  Owner owner{owner_};
  const Admission admission = co_await on_pool(shared_.streams, std::move(owner), [&] {
    begun = true;
    try {
      const int flags = ::fcntl(socket.fd.get(), F_GETFL);
      if (flags < 0 || ::fcntl(socket.fd.get(), F_SETFL, flags & ~O_NONBLOCK) != 0) return false;
      if (send_all(socket.fd.get(), out.head)) out.upgrade.run(std::move(socket));
    } catch (const std::exception& error) {
      log::error("{} {} broke off, request {}: {}", request.method(), request.path(), request.id(),
                 error.what());
    } catch (...) {
      log::error("{} {} broke off, request {}", request.method(), request.path(), request.id());
    }
    return false;
  });
  --shared_.open_streams;
  if (begun) co_return false;
  out.status = 503;
  co_return co_await refuse(503, "Too many streams are open: try again later");
}

Task<bool> Connection::send_stream(const Request& request, Outgoing& out) {
  Timer news(network_.context.get_executor(), Clock::time_point::max());
  // The timer lives as long as this coroutine, which waits for the stream's end.
  channel_ = std::make_shared<StreamChannel>(
      [&news, executor = network_.context.get_executor()] {
        asio::post(executor, [&news] { news.cancel(); });
      },
      std::move(permit_));
  is_events_ = out.is_events;
  const auto refusal = shared_.streams.submit(
      {owner_, {}, ends_with_client(executor_) ? socket_.native_handle() : -1},
      [&, channel = channel_](Pool::Refusal, Pool::Permit& permit) {
        bool whole = false;
        try {
          out.stream(*channel);
          whole = true;
        } catch (const std::exception& error) {
          log::error("{} {} broke off, request {}: {}", request.method(), request.path(), request.id(),
                     error.what());
        } catch (...) {
          log::error("{} {} broke off, request {}", request.method(), request.path(), request.id());
        }
        permit.release();  // the client may ask for the next one as soon as it sees this one's end
        channel->end(whole);
      });
  if (refusal != Pool::Refusal::none) {
    channel_.reset();
    const bool callers_own = refusal == Pool::Refusal::caller;
    out.status = callers_own ? 429 : 503;
    co_return co_await refuse(out.status, callers_own ? "Too many streams of yours are open: end one first"
                                                      : "Too many streams are open: try again later");
  }
  ++shared_.open_streams;
  expired_ = false;
  if (out.stream_limit.count() > 0) last_ = Clock::now() + out.stream_limit;
  enter(Phase::sending, shared_.options.write_timeout);
  bool sent = co_await send_bytes(out.head, {}, false);
  if (closing_ || !sent) channel_->set_gone();
  sent = co_await send_parts(news, out.chunked, sent);
  if (expired_)
    log::warn("{} {} was cut, request {}: its client took too long to take it", request.method(),
              request.path(), request.id());
  channel_.reset();
  --shared_.open_streams;
  last_ = Clock::time_point::max();
  enter(Phase::sending, shared_.options.write_timeout);
  if (sent && out.chunked) sent = co_await send_bytes("0\r\n\r\n", {}, false);
  co_return sent;
}

// What the stream writes, until its end. Whether the end came and all went out.
Task<bool> Connection::send_parts(Timer& news, bool chunked, bool sent) {
  std::string part;
  while (true) {
    const auto state = channel_->take(part);
    if (state == StreamChannel::State::ended) co_return sent;
    if (state == StreamChannel::State::broken) co_return false;
    if (state == StreamChannel::State::waiting) {
      enter(Phase::streaming, {});
      boost::system::error_code error;
      co_await news.async_wait(redirect(error));
      continue;
    }
    if (!sent) continue;  // the client has gone; the writer is told and ends
    enter(Phase::sending, shared_.options.write_timeout);
    expired_ = Clock::now() >= last_;
    if (expired_)
      sent = false;
    else if (chunked)
      sent = co_await send_bytes(fmt::format("{:x}\r\n", part.size()), part, true) &&
             co_await send_bytes("\r\n", {}, false);
    else
      sent = co_await send_bytes(part, {}, false);
    if (!sent) channel_->set_gone();
  }
}

// Takes in what the client still sends, for a moment: closing with unread data would make its side drop our
// answer.
Task<void> Connection::linger() {
  boost::system::error_code ignored;
  socket_.shutdown(Socket::shutdown_send, ignored);
  enter(Phase::lingering, kLingerTime);
  begin_ = end_ = 0;
  expired_ = false;
  while (!closing_ && !expired_ && co_await read_more(kReceive)) begin_ = end_ = 0;
}

}  // namespace agnes::http
