#include "lib/http/connection.h"

#include <cerrno>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <poll.h>
#include <sys/socket.h>

#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::http {

namespace bh = beast::http;

namespace {
constexpr asio::use_awaitable_t<Executor> kUse{};
constexpr std::size_t kIdleBuffer = 2 << 10, kBodyBuffer = 64 << 10;
constexpr std::size_t kUnseenBody =
    64 << 10;  // larger ones are read only once the caller is known to be allowed
constexpr std::uint64_t kSlowestBody = 4 << 10;  // bytes a second that extend a body's time

auto redirect(boost::system::error_code& error) {
  return asio::redirect_error(kUse, error);
}
}  // namespace

Connection::Connection(Network& network, Socket socket, std::string peer)
    : network_(network), shared_(network.shared), socket_(std::move(socket)), peer_(std::move(peer)) {
  network_.connections.insert(this);
}

Connection::~Connection() {
  shared_.body_bytes -= reserved_;
  network_.connections.erase(this);
  boost::system::error_code ignored;
  socket_.close(ignored);
  {
    const std::lock_guard lock(shared_.mutex);
    --shared_.connections;
  }
  shared_.changed.notify_all();
}

void Connection::enter(Phase phase, std::chrono::milliseconds limit) {
  phase_ = phase;
  deadline_ = limit.count() > 0 ? std::min(Clock::now() + limit, last_) : Clock::time_point::max();
}

void Connection::sweep(Clock::time_point now) {
  if (phase_ == Phase::streaming && channel_ != nullptr) {
    // A stream may have nothing to send for long, so a client's end has to be looked for. Only a browser's
    // event stream ends when its client has stopped sending: others may have closed their half.
    pollfd state{socket_.native_handle(), static_cast<short>(is_events_ ? POLLRDHUP : 0), 0};
    if (::poll(&state, 1, 0) > 0 && state.revents != 0) close(true);
  }
  if (now < deadline_) return;
  expired_ = true;
  deadline_ = Clock::time_point::max();
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

void Connection::close(bool now) {
  closing_ = true;
  if (channel_ != nullptr) channel_->set_gone();
  const bool nothing_under_way = phase_ == Phase::idle || phase_ == Phase::lingering;
  boost::system::error_code ignored;
  if (now) socket_.shutdown(Socket::shutdown_both, ignored);
  if (now || nothing_under_way) socket_.cancel(ignored);
}

Task<void> Connection::run() {
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.native_non_blocking(true, ignored);
  try {
    while (co_await serve()) {
    }
    if (more_to_come_) co_await linger();
  } catch (const std::exception& error) {
    log::error("a connection from {} ended: {}", peer_, error.what());
  }
}

// Receives up to `size` bytes behind what is there. False at the end, on an error or when the time is up.
Task<bool> Connection::read_more(std::size_t size) {
  if (begin_ == end_) begin_ = end_ = 0;
  if (buffer_.size() < end_ + size) {
    buffer_.erase(0, begin_);
    end_ -= begin_;
    begin_ = 0;
    buffer_.resize(end_ + size);
  }
  boost::system::error_code error;
  const std::size_t got = co_await socket_.async_read_some(
      asio::buffer(buffer_.data() + end_, buffer_.size() - end_), redirect(error));
  end_ += got;
  co_return !error && got > 0;
}

Task<bool> Connection::read_header(Parser& parser) {
  begin_header(parser, shared_.options.max_header);
  bool begun = false;
  while (!parser.is_header_done()) {
    boost::system::error_code error;
    if (begin_ != end_) {
      if (!begun) {
        begun = true;
        began_ = Clock::now();
        enter(Phase::header, shared_.options.header_timeout);
      }
      begin_ += parser.put(asio::buffer(unread().data(), unread().size()), error);
      if (parser.is_header_done()) break;
      if (error && error != bh::error::need_more) {
        if (error == bh::error::header_limit)
          co_return co_await refuse(431, "The request's header is too long");
        co_return co_await refuse(400, fmt::format("The request is malformed: {}", error.message()));
      }
      if (end_ - begin_ >= shared_.options.max_header)
        co_return co_await refuse(431, "The request's header is too long");
    } else if (closing_) {
      co_return false;
    } else if (!begun) {
      if (buffer_.size() > 8 * kIdleBuffer) buffer_ = std::string();
      enter(Phase::idle, shared_.options.idle_timeout);
    }
    if (!co_await read_more(kIdleBuffer)) {
      if (expired_ && begun) co_return co_await refuse(408, "The request's header took too long to arrive");
      if (begun && !closing_) co_return co_await refuse(400, "The request ends before its header does");
      co_return false;
    }
  }
  co_return true;
}

Task<bool> Connection::read_body(Parser& parser, std::size_t limit) {
  const std::size_t too_much = shared_.options.max_bodies;
  const auto length = parser.content_length();
  const auto reserve = [&](std::size_t size) {
    shared_.body_bytes += size;
    reserved_ += size;
    return shared_.body_bytes.load() <= too_much;
  };
  if (length && *length > limit)
    co_return co_await refuse(
        413, fmt::format("The body is larger than the {} that this route takes", human_bytes(limit)));
  if (length && !reserve(*length))
    co_return co_await refuse(503, "Too many large requests at a time: try again later");
  parser.body_limit(limit);
  parser.eager(true);
  enter(Phase::body, shared_.options.body_timeout);
  const auto began = Clock::now();
  std::uint64_t received = 0;
  while (!parser.is_done()) {
    boost::system::error_code error;
    if (begin_ != end_) {
      const std::size_t used = parser.put(asio::buffer(unread().data(), unread().size()), error);
      begin_ += used;
      received += used;
      if (!length && !reserve(used))
        co_return co_await refuse(503, "Too many large requests at a time: try again later");
      if (parser.is_done()) break;
      if (error == bh::error::body_limit)
        co_return co_await refuse(
            413, fmt::format("The body is larger than the {} that this route takes", human_bytes(limit)));
      if (error && error != bh::error::need_more)
        co_return co_await refuse(400, fmt::format("The body is malformed: {}", error.message()));
      if (!error) continue;
      if (end_ - begin_ > kBodyBuffer)
        co_return co_await refuse(400, "The body is malformed: a chunk's header is too long");
    }
    deadline_ =
        began + shared_.options.body_timeout + std::chrono::milliseconds(received * 1000 / kSlowestBody);
    if (!co_await read_more(kBodyBuffer)) {
      if (expired_) co_return co_await refuse(408, "The request's body took too long to arrive");
      if (!closing_) co_return co_await refuse(400, "The request ends before its body does");
      co_return false;
    }
  }
  co_return true;
}

// One request and its answer. False: the connection ends.
Task<bool> Connection::serve() {
  std::optional<Parser> parser(std::in_place);
  expired_ = false;
  keep_alive_ = more_to_come_ = false;
  if (!co_await read_header(*parser)) co_return false;
  more_to_come_ = !parser->is_done();
  is_http10_ = parser->get().version() == 10;
  if (const auto problem = check_header(*parser)) co_return co_await refuse(problem->first, problem->second);
  std::unique_ptr<Request> request;
  std::string malformed;
  try {
    request = make_request(*parser, peer_, shared_.options.trusted_proxies);
    request->set_socket(socket_.native_handle());
  } catch (const Error& error) {
    malformed = error.what();
  }
  if (request == nullptr) co_return co_await refuse(400, malformed);

  const Routes::Plan plan = shared_.routes.plan(*request);
  const std::size_t limit = plan.max_body > 0 ? plan.max_body : shared_.options.max_body;
  if (!parser->is_done()) {
    const bool expects = iequals(request->header("expect"), "100-continue");
    const bool is_large = parser->chunked() || parser->content_length().value_or(0) > kUnseenBody;
    if (parser->content_length().value_or(0) > limit)
      co_return co_await refuse(
          413, fmt::format("The body is larger than the {} that this route takes", human_bytes(limit)));
    if ((expects || is_large) && !co_await admit(*request)) co_return false;
    if (expects && begin_ == end_ && !is_http10_) {
      enter(Phase::sending, shared_.options.write_timeout);
      if (!co_await send_bytes("HTTP/1.1 100 Continue\r\n\r\n", {}, false)) co_return false;
    }
    if (!co_await read_body(*parser, limit)) co_return false;
  }
  more_to_come_ = false;
  keep_alive_ = parser->keep_alive() && !closing_;
  request->set_body(std::move(parser->get().body()));
  parser.reset();
  if (const auto coding = request->header("content-encoding"); !request->body().empty() && !coding.empty()) {
    int status = 0;
    std::string problem;
    try {
      if (!iequals(coding, "gzip"))
        throw Error(ErrorKind::bad_request, "Only gzip is understood as Content-Encoding");
      request->set_body(gunzip(request->body(), limit));
    } catch (const Error& error) {
      status = iequals(coding, "gzip") ? http_status(error.kind()) : 415;
      problem = error.what();
    }
    if (status != 0) co_return co_await refuse(status, problem);
  }

  ++shared_.requests;
  enter(Phase::handler, {});
  Outgoing out;
  if (plan.inline_ok) {
    out = answer(*request, false);
  } else if (!co_await on_pool(plan.slow ? shared_.slow : shared_.handlers,
                               [&] { out = answer(*request, shared_.options.compress); })) {
    co_return co_await refuse(503, "The server is busy: try again in a moment");
  }
  shared_.body_bytes -= std::exchange(reserved_, 0);
  co_return co_await respond(*request, std::move(out));
}

// Runs on a handler thread, or on this one for an inline route.
Outgoing Connection::answer(Request& request, bool compress) {
  return prepare(request, shared_.routes.handle(request),
                 {keep_alive_ && !shared_.stopping, is_http10_, compress});
}

// Whether the body should be read at all; sends the refusal if not.
Task<bool> Connection::admit(Request& request) {
  std::optional<Response> refusal;
  enter(Phase::handler, {});
  if (!co_await on_pool(shared_.handlers, [&] { refusal = shared_.routes.admit(request); }))
    co_return co_await refuse(503, "The server is busy: try again in a moment");
  if (!refusal) co_return true;
  Outgoing out = prepare(request, std::move(*refusal), {false, is_http10_, false});
  co_await respond(request, std::move(out));
  co_return false;
}

// Runs `work` on a thread of the pool and comes back to this one, with what it threw. False when there is no
// room, or no time left.
Task<bool> Connection::on_pool(Pool& pool, std::function<void()> work) {
  bool accepted = false;
  std::exception_ptr failure;
  const auto start = [&](auto handler) {
    auto done = std::make_shared<decltype(handler)>(std::move(handler));
    const bool taken = pool.submit([this, done, &accepted, &work, &failure] {
      try {
        accepted = !shared_.over;
        if (accepted) work();
      } catch (...) {
        failure = std::current_exception();
      }
      asio::post(network_.context.get_executor(), [done] { std::move (*done)(); });
    });
    if (!taken) asio::post(network_.context.get_executor(), [done] { std::move (*done)(); });
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<Executor>&, void()>(start, kUse);
  if (failure) std::rethrow_exception(failure);
  co_return accepted;
}

// An answer of the server itself, after which the connection ends: what follows cannot be understood.
Task<bool> Connection::refuse(int status, std::string_view detail) {
  more_to_come_ = true;
  Request nobody("GET", "/");
  nobody.set_peer(peer_, {});
  Response response = Response::error(status, boost::json::value(detail));
  if (status == 503) response.header("Retry-After", "1");
  shared_.routes.finish(nobody, response);
  log::debug("refused a request from {}: {} {}", peer_, status, detail);
  if (shared_.options.observe) shared_.options.observe({{}, {}, status, 0});
  Outgoing out = prepare(nobody, std::move(response), {false, is_http10_, false});
  expired_ = false;
  enter(Phase::sending, shared_.options.write_timeout);
  co_await send(out.head, out);
  co_return false;
}

}  // namespace agnes::http
