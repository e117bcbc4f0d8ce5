#include "lib/http/connection.h"

#include <cerrno>

#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <poll.h>
#include <sys/socket.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/upload.h"

namespace agnes::http {

namespace bh = beast::http;

namespace {
constexpr asio::use_awaitable_t<IoExecutor> kUse{};
constexpr std::size_t kIdleBuffer = 2 << 10, kBodyBuffer = 64 << 10;
// Larger ones are read only once the caller is known to be allowed.
constexpr std::size_t kUnseenBody = 64 << 10;
constexpr std::string_view kTooManyBodies = "Too many large requests at a time: try again later";
// Of one caller: each takes room on the disk before anybody knows whether it will end.
constexpr std::size_t kMostUploads = 4;
constexpr std::string_view kCallerPrefix = "caller:";  // of a caller among addresses, see owner_of
constexpr std::chrono::seconds kCheckCaller{1};        // how often it is asked whether who asked may go on
constexpr std::uint64_t kSlowestBody = 4 << 10;        // bytes a second that extend a body's time

// Whether a line of a header that is not its end begins with a space. `line_ended`: whether the text before ended a line.
bool has_folded_line(std::string_view text, bool& line_ended) {
  for (const char c : text) {
    if (line_ended && (c == ' ' || c == '\t')) return true;
    line_ended = c == '\n';
  }
  return false;
}

auto redirect(boost::system::error_code& error) {
  return asio::redirect_error(kUse, error);
}
}  // namespace

Connection::Connection(Network& network, Socket socket, std::string peer)
    : network_(network),
      shared_(network.shared),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      address_(address_key(peer_)) {
  network_.connections.insert(this);
}

Connection::~Connection() {
  release();
  shared_.addresses.disconnect(address_);
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
  const bool may_be_cut =
      phase_ > Phase::handler || (phase_ == Phase::handler && ends_with_client(executor_));
  if (asked_ != nullptr && !revoked_ && may_be_cut && now >= checked_ + kCheckCaller) {
    checked_ = now;
    revoked_ = !may_go_on();
    boost::system::error_code ignored;
    if (revoked_ && phase_ == Phase::handler)
      socket_.shutdown(Socket::shutdown_receive, ignored);  // the work ends as if the client had gone
    else if (revoked_)
      close(true);
  }
  if (now < deadline_) return;
  expired_ = true;
  deadline_ = Clock::time_point::max();
  boost::system::error_code ignored;
  socket_.cancel(ignored);
}

bool Connection::may_go_on() const {
  return shared_.routes.still_admits(*asked_) && (!still_allowed_ || still_allowed_());
}

std::optional<Clock::time_point> Connection::idle_since() const {
  if (phase_ != Phase::idle || closing_) return std::nullopt;
  return idle_since_;
}

void Connection::close(bool now) {
  closing_ = true;
  if (channel_ != nullptr) channel_->set_gone();
  const bool nothing_under_way = phase_ == Phase::idle || phase_ == Phase::lingering;
  boost::system::error_code ignored;
  if (now || phase_ == Phase::upgraded) socket_.shutdown(Socket::shutdown_both, ignored);
  if (now || nothing_under_way) socket_.cancel(ignored);
}

Task<void> Connection::run() {
  boost::system::error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket_.native_non_blocking(true, ignored);
  try {
    while (co_await serve()) {
    }
    asked_ = nullptr;
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
  bool begun = false, line_ended = false;
  while (!parser.is_header_done()) {
    boost::system::error_code error;
    if (begin_ != end_) {
      if (!begun) {
        begun = true;
        began_ = Clock::now();
        enter(Phase::header, shared_.options.header_timeout);
      }
      const std::size_t used = parser.put(asio::buffer(unread().data(), unread().size()), error);
      // A proxy may have read a folded line as one of its own, or not at all (RFC 9112, 5.2).
      if (has_folded_line(unread().substr(0, used), line_ended))
        co_return co_await refuse(400, "The request is malformed: a header line is folded");
      begin_ += used;
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
      if (phase_ != Phase::idle) idle_since_ = Clock::now();
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

// A reservation of bytes that have come: what is only announced costs nobody anything.
bool Connection::reserve(std::size_t bytes) {
  const std::size_t all = shared_.options.max_bodies;
  const std::size_t share = holder_.starts_with(kCallerPrefix) ? all / 4 : all / 8;
  if (!shared_.addresses.reserve(holder_, bytes, share)) return false;
  shared_.body_bytes += bytes;
  reserved_ += bytes;
  return shared_.body_bytes.load() <= all;
}

void Connection::release() {
  shared_.body_bytes -= reserved_;
  if (reserved_ > 0) shared_.addresses.release(holder_, reserved_);
  reserved_ = 0;
}

void Connection::charge(const std::string& holder) {
  release();
  holder_ = holder;
}

Task<bool> Connection::read_body(Parser& parser, std::size_t limit) {
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
      if (!reserve(used)) co_return co_await refuse(503, kTooManyBodies);
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

// As read_body, into a temporary file: a piece at a time, on a thread that may wait for the disk.
Task<bool> Connection::read_upload(Parser& header, Request& request, std::size_t limit) {
  const auto too_large =
      fmt::format("The body is larger than the {} that this route takes", human_bytes(limit));
  if (!request.header("content-encoding").empty())
    co_return co_await refuse(415, "An upload is not taken with a Content-Encoding");
  const std::string uploader = owner_of(request);
  if (!shared_.addresses.begin_upload(uploader, kMostUploads))
    co_return co_await refuse(
        429, fmt::format("{} uploads of yours arrive already: send this one when one of them has ended",
                         kMostUploads));
  struct Guard {
    Addresses& addresses;
    const std::string& uploader;
    ~Guard() { addresses.end_upload(uploader); }
  };
  const Guard guard{shared_.addresses, uploader};
  std::unique_ptr<Upload> upload;
  std::optional<Error> problem;
  const auto on_disk = [&](auto work) -> Task<bool> {
    Owner nobody;
    const Admission admission = co_await on_pool(shared_.streams, std::move(nobody), [&] {
      try {
        work();
      } catch (const Error& error) {
        problem = error;
      }
      return false;
    });
    if (admission.refusal == Pool::Refusal::gone) co_return false;
    if (admission.refusal != Pool::Refusal::none)
      problem.emplace(ErrorKind::unavailable, "The server is busy: try again in a moment");
    co_return !problem;
  };
  const auto folder = shared_.options.upload_folder.empty() ? std::filesystem::temp_directory_path()
                                                            : shared_.options.upload_folder;
  bh::request_parser<bh::buffer_body> parser(std::move(header));
  parser.body_limit(limit);
  parser.eager(true);
  enter(Phase::body, shared_.options.body_timeout);
  const auto began = Clock::now();
  std::uint64_t received = 0;
  std::string piece(kBodyBuffer, '\0');
  bool going =
      co_await on_disk([&] { upload = std::make_unique<Upload>(folder, request.header("content-type")); });
  while (going && !parser.is_done()) {
    boost::system::error_code error;
    if (begin_ != end_) {
      auto& body = parser.get().body();
      body.data = piece.data();
      body.size = piece.size();
      const std::size_t used = parser.put(asio::buffer(unread().data(), unread().size()), error);
      begin_ += used;
      received += used;
      if (error == bh::error::body_limit) co_return co_await refuse(413, too_large);
      if (error && error != bh::error::need_more && error != bh::error::need_buffer)
        co_return co_await refuse(400, fmt::format("The body is malformed: {}", error.message()));
      try {
        upload->feed({piece.data(), piece.size() - body.size});
      } catch (const Error& malformed) {
        problem = malformed;
        break;
      }
      if (upload->is_full()) going = co_await on_disk([&] { upload->flush(); });
      if (used > 0 || parser.is_done() || !going) continue;
      if (end_ - begin_ > kBodyBuffer)
        co_return co_await refuse(400, "The body is malformed: a chunk's header is too long");
    }
    // What came quickly buys no silence.
    deadline_ = std::min(
        Clock::now() + shared_.options.body_timeout,
        began + shared_.options.body_timeout + std::chrono::milliseconds(received * 1000 / kSlowestBody));
    if (!co_await read_more(kBodyBuffer)) {
      if (expired_) co_return co_await refuse(408, "The request's body took too long to arrive");
      if (!closing_) co_return co_await refuse(400, "The request ends before its body does");
      co_return false;
    }
  }
  if (going && !problem) co_await on_disk([&] { request.set_body_file(upload->finish()); });
  if (!problem) co_return true;
  if (problem->kind() == ErrorKind::internal)
    log::error("an upload, request {}, failed: {}", request.id(), problem->what());
  const std::string message =
      problem->kind() == ErrorKind::internal ? "Internal server error" : problem->what();
  co_return co_await refuse(http_status(problem->kind()), message);
}

// One request and its answer. False: the connection ends.
Task<bool> Connection::serve() {
  std::optional<Parser> parser(std::in_place);
  asked_ = nullptr;
  still_allowed_ = nullptr;
  expired_ = revoked_ = false;
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
  std::size_t limit = plan.max_body > 0 ? plan.max_body : shared_.options.max_body;
  if (!plan.exceeds_server) limit = std::min(limit, shared_.options.max_body);
  owner_ = owner_of(*request);
  executor_ = plan.executor;
  charge(owner_);
  bool admitted = !plan.authenticated;
  const bool keeps_alive = parser->keep_alive();
  if (!parser->is_done()) {
    const bool expects = iequals(request->header("expect"), "100-continue");
    const bool is_packed = request->has_header("content-encoding");
    const bool is_large =
        is_packed || parser->chunked() || parser->content_length().value_or(0) > kUnseenBody;
    if (parser->content_length().value_or(0) > limit)
      co_return co_await refuse(
          413, fmt::format("The body is larger than the {} that this route takes", human_bytes(limit)));
    if (expects || is_large || plan.body_file) {
      if (const auto answered = co_await admit(*request, false)) co_return false;
      admitted = true;
      owner_ = owner_of(*request);
      charge(owner_);
    }
    // Unpacked it may be a thousand times as large: not for callers who are not known.
    if (is_packed && request->routing.caller.empty())
      co_return co_await refuse(
          415, "A Content-Encoding is taken only from callers who have signed in: send the body as it is");
    if (expects && begin_ == end_ && !is_http10_) {
      enter(Phase::sending, shared_.options.write_timeout);
      if (!co_await send_bytes("HTTP/1.1 100 Continue\r\n\r\n", {}, false)) co_return false;
    }
    bool read = false;
    if (plan.body_file)
      read = co_await read_upload(*parser, *request, limit);
    else
      read = co_await read_body(*parser, limit);
    if (!read) co_return false;
  }
  more_to_come_ = false;
  keep_alive_ = keeps_alive && !closing_;
  if (!plan.body_file) request->set_body(std::move(parser->get().body()));
  parser.reset();
  if (!request->body().empty() && request->has_header("content-encoding") &&
      !co_await unpack(*request, limit))
    co_return false;

  ++shared_.requests;
  Outgoing out;
  std::optional<bool> answered;
  if (!admitted) {
    answered = co_await admit(*request, true);
    owner_ = owner_of(*request);
  }
  if (!request->routing.caller.empty()) {
    asked_ = request.get();
    checked_ = Clock::now();
  }
  if (!answered) answered = co_await run_handler(*request, plan, out);
  release();
  if (!out.stream) request->set_body_file(nullptr);
  if (answered) co_return *answered;
  // What took long may have outlived the rights that it began with.
  still_allowed_ = std::move(out.still_allowed);
  if (asked_ != nullptr && ends_with_client(executor_) && !may_go_on())
    co_return co_await send_revoked(*request);
  const bool goes_on = co_await respond(*request, std::move(out));
  permit_.release();
  co_return goes_on;
}

// Whose share of the server a request takes: the account's once it is known, whatever the header looked like that named
// it, before that the address's.
std::string Connection::owner_of(const Request& request) {
  const auto& caller = request.routing.caller;
  return caller.empty() ? address_key(request.client_address()) : fmt::format("{}{}", kCallerPrefix, caller);
}

// On a thread that may take its time, within memory that is reserved before.
Task<bool> Connection::unpack(Request& request, std::size_t limit) {
  constexpr std::size_t kHighestRatio = 1032;  // of DEFLATE
  if (!iequals(request.header("content-encoding"), "gzip"))
    co_return co_await refuse(415, "Only gzip is understood as Content-Encoding");
  if (!reserve(std::min(limit, request.body().size() * kHighestRatio)))
    co_return co_await refuse(503, kTooManyBodies);
  std::optional<Error> problem;
  Owner owner{owner_};
  const Admission admission = co_await on_pool(shared_.handlers, std::move(owner), [&] {
    try {
      request.set_body(gunzip(request.body(), limit));
    } catch (const Error& error) {
      problem = error;
    }
    return false;
  });
  if (admission.refusal != Pool::Refusal::none) {
    keep_alive_ = false;
    co_return co_await send_refusal(request, admission.refusal, shared_.handlers);
  }
  if (problem) co_return co_await refuse(http_status(problem->kind()), problem->what());
  co_return true;
}

// Nothing when there is an answer in `out`.
Task<std::optional<bool>> Connection::run_handler(Request& request, const Routes::Plan& plan, Outgoing& out) {
  enter(Phase::handler, {});
  if (plan.executor == Executor::io) {
    out = answer(request, false);
    co_return std::nullopt;
  }
  const auto waiting = shared_.addresses.waiting(owner_);
  const std::size_t most = shared_.options.max_answers;
  if (waiting.own > most / 8)
    co_return co_await turn_away(request, 429, "Too many answers to you wait to be read: read them first");
  if (waiting.all > most)
    co_return co_await turn_away(request, 503, "The server is busy: try again in a moment");
  Pool& pool = shared_.pool(plan.executor);
  Owner owner{owner_, {}, ends_with_client(plan.executor) ? socket_.native_handle() : -1};
  while (true) {
    Admission admission = co_await on_pool(pool, owner, [&] {
      out = answer(request, shared_.options.compress);
      return plan.executor == Executor::query && out.stream != nullptr;
    });
    if (admission.refusal != Pool::Refusal::none && revoked_) co_return co_await send_revoked(request);
    if (admission.refusal != Pool::Refusal::none)
      co_return co_await send_refusal(request, admission.refusal, pool);
    permit_ = std::move(admission.permit);
    if (!admission.requeue) co_return std::nullopt;
    owner.group = *admission.requeue;
  }
}

// Runs on a handler thread, or on this one for an inline route.
Outgoing Connection::answer(Request& request, bool compress) {
  return prepare(request, shared_.routes.handle(request),
                 {keep_alive_ && !shared_.stopping, is_http10_, compress});
}

// On the network thread: who asks is found in memory, and everything after that is on their account.
Task<std::optional<bool>> Connection::admit(Request& request, bool body_is_read) {
  auto refusal = shared_.routes.admit(request);
  if (!refusal) co_return std::nullopt;
  const bool keep_alive = body_is_read && keep_alive_ && !shared_.stopping;
  co_return co_await respond(request, prepare(request, std::move(*refusal), {keep_alive, is_http10_, false}));
}

// Instead of an answer that came too late.
Task<bool> Connection::send_revoked(Request& request) {
  asked_ = nullptr;
  permit_.release();
  auto refusal = shared_.routes.admit(request);
  if (!refusal) {
    refusal = Response::error(403, "Your rights have changed while this ran: ask again");
    shared_.routes.finish(request, *refusal);
  }
  co_return co_await respond(request, prepare(request, std::move(*refusal), {false, is_http10_, false}));
}

// Answers a request that an executor does not take.
Task<bool> Connection::send_refusal(const Request& request, Pool::Refusal refusal, const Pool& pool) {
  std::string detail;
  if (refusal == Pool::Refusal::caller)
    detail = fmt::format("Too many requests of yours are running or waiting ({}): let one end first",
                         pool.limits().per_caller_total);
  else if (refusal == Pool::Refusal::waited)
    detail = fmt::format("The server is busy: no place became free in {} s; try again in a moment",
                         std::chrono::duration_cast<std::chrono::seconds>(pool.limits().max_wait).count());
  else
    detail = "The server is busy: try again in a moment";
  co_return co_await turn_away(request, refusal == Pool::Refusal::caller ? 429 : 503, std::move(detail));
}

Task<bool> Connection::turn_away(const Request& request, int status, std::string detail) {
  Response response = Response::error(status, boost::json::value(detail));
  response.header("Retry-After", "1");
  shared_.routes.finish(request, response);
  log::debug("turned away {} {}, request {}: {}", request.method(), request.path(), request.id(), detail);
  const bool keep_alive = keep_alive_ && !shared_.stopping;
  co_return co_await respond(request, prepare(request, std::move(response), {keep_alive, is_http10_, false}));
}

// Runs `work` on a thread of the pool and comes back to this one, with what it threw. The permit is given back with
// the work's end, unless it returns true.
Task<Connection::Admission> Connection::on_pool(Pool& pool, Owner owner, std::function<bool()> work) {
  Admission admission;
  std::exception_ptr failure;
  const auto start = [&](auto handler) {
    auto done = std::make_shared<decltype(handler)>(std::move(handler));
    const auto resume = [this, done] {
      asio::post(network_.context.get_executor(), [done] { std::move (*done)(); });
    };
    const auto refusal = pool.submit(std::move(owner), [this, resume, &admission, &work, &failure](
                                                           Pool::Refusal why, Pool::Permit& permit) {
      admission.refusal = why == Pool::Refusal::none && shared_.over ? Pool::Refusal::full : why;
      try {
        if (admission.refusal == Pool::Refusal::none && work()) admission.permit = std::move(permit);
      } catch (const Requeue& wanted) {
        admission.requeue = wanted.group;
      } catch (...) {
        failure = std::current_exception();
      }
      permit.release();
      resume();
    });
    if (refusal == Pool::Refusal::none) return;
    admission.refusal = refusal;
    resume();
  };
  co_await asio::async_initiate<const asio::use_awaitable_t<IoExecutor>&, void()>(start, kUse);
  if (failure) std::rethrow_exception(failure);
  co_return admission;
}

// An answer of the server itself, after which the connection ends: what follows cannot be understood.
Task<bool> Connection::refuse(int status, std::string_view detail) {
  more_to_come_ = true;
  Request nobody("GET", "/");
  nobody.set_peer(peer_, {});
  Response response = Response::error(status, boost::json::value(detail));
  if (status == 503 || status == 429) response.header("Retry-After", "1");
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
