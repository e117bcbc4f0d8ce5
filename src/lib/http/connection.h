#pragma once

#include <set>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lib/http/incoming.h"
#include "lib/http/pool.h"
#include "lib/http/server.h"
#include "lib/http/stream_channel.h"
#include "lib/http/wire.h"

// Inside http/: one client's connection. Only the two .cpp files of the server include this: Asio is heavy.
namespace agnes::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

using Executor = asio::io_context::executor_type;
template <class T>
using Task = asio::awaitable<T, Executor>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, Executor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, Executor>;
using Clock = std::chrono::steady_clock;

class Connection;

// What the connections of a server share.
struct Shared {
  Shared(const Server::Options& options, const Routes& routes)
      : options(options),
        routes(routes),
        handlers(static_cast<std::size_t>(options.handler_threads), options.max_queued),
        slow(static_cast<std::size_t>(options.slow_threads), options.max_slow_queued),
        streams(options.max_streams, 0) {}

  const Server::Options options;
  const Routes& routes;
  Pool handlers, slow, streams;
  std::atomic<bool> stopping{false};
  std::atomic<bool> over{false};  // what waits for a thread is not begun any more
  std::atomic<std::size_t> connections{0}, body_bytes{0}, open_streams{0};
  std::atomic<std::uint64_t> requests{0};
  std::mutex mutex;
  std::condition_variable changed;  // when `connections` falls
};

// One network thread's connections. Only that thread touches them.
struct Network {
  explicit Network(Shared& shared) : shared(shared), sweeper(context.get_executor()) {}
  Shared& shared;
  std::set<Connection*> connections;
  asio::io_context context{1};
  Timer sweeper;
};

class Connection {
 public:
  Connection(Network& network, Socket socket, std::string peer);
  ~Connection();

  // Serves requests until the connection ends. The caller keeps the object alive meanwhile.
  Task<void> run();

  // From the network thread, now and then: ends what has taken too long.
  void sweep(Clock::time_point now);
  // Ends it once the request under way is answered; at once when there is none. With `now`, at once in any
  // case.
  void close(bool now);

 private:
  enum class Phase { idle, header, body, handler, sending, streaming, lingering };
  using Parser = RequestParser;

  void enter(Phase phase, std::chrono::milliseconds limit);
  Task<bool> read_more(std::size_t size);
  Task<bool> serve();
  Task<bool> read_header(Parser& parser);
  Task<bool> read_body(Parser& parser, std::size_t limit);
  Task<bool> refuse(int status, std::string_view detail);
  Task<bool> admit(Request& request);
  Task<bool> respond(const Request& request, Outgoing out);
  Task<bool> send(std::string_view head, const Outgoing& out);
  Task<bool> send_bytes(std::string_view first, std::string_view second, bool more);
  Task<bool> send_file(const Piece& piece);
  Task<bool> send_stream(const Request& request, Outgoing& out);
  Task<bool> send_parts(Timer& news, bool chunked, bool sent);
  void progressed() { deadline_ = std::min(Clock::now() + shared_.options.write_timeout, last_); }
  Task<void> linger();
  Task<bool> on_pool(Pool& pool, std::function<void()> work);
  Outgoing answer(Request& request, bool compress);
  void log(const Request& request, const Outgoing& out, Clock::time_point began) const;
  std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }

  Network& network_;
  Shared& shared_;
  Socket socket_;
  const std::string peer_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;  // of what is received and not yet used
  Phase phase_ = Phase::idle;
  Clock::time_point deadline_, began_;
  Clock::time_point last_ = Clock::time_point::max();  // of the stream that is sent; no deadline is later
  bool expired_ = false, closing_ = false, keep_alive_ = true, is_http10_ = false, more_to_come_ = false;
  std::size_t reserved_ = 0;  // body bytes counted in Shared::body_bytes
  std::shared_ptr<StreamChannel> channel_;
  bool is_events_ = false;
};

}  // namespace agnes::http
