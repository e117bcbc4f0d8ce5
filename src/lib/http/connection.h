#pragma once

#include <array>
#include <set>

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "lib/http/addresses.h"
#include "lib/http/incoming.h"
#include "lib/http/pool.h"
#include "lib/http/server.h"
#include "lib/http/stream_channel.h"
#include "lib/http/wire.h"

// Inside http/: one client's connection. Only the two .cpp files of the server include this: Asio is heavy.
namespace agnes::http {

namespace asio = boost::asio;
namespace beast = boost::beast;

using IoExecutor = asio::io_context::executor_type;
template <class T>
using Task = asio::awaitable<T, IoExecutor>;
using Socket = asio::basic_stream_socket<asio::ip::tcp, IoExecutor>;
using Timer = asio::basic_waitable_timer<std::chrono::steady_clock,
                                         asio::wait_traits<std::chrono::steady_clock>, IoExecutor>;
using Clock = std::chrono::steady_clock;

class Connection;

// Whether work that nobody waits for any more is dropped. A client that has only closed its sending side counts as gone
// there, since nothing else shows on the line; short work is answered all the same.
inline bool ends_with_client(Executor executor) {
  return executor == Executor::query || executor == Executor::tasks;
}

// What the connections of a server share.
struct Shared {
  Shared(const Server::Options& options, const Routes& routes)
      : options(options),
        routes(routes),
        // One caller has three quarters of the threads and half of the queue at most.
        handlers(limits("handlers", options.handler_threads, options.max_queued)),
        // Nobody has signed in yet, and behind a proxy all have one address: only the queue is shared out.
        compute({.name = "compute",
                 .running = static_cast<std::size_t>(std::max(1, options.compute_threads)),
                 .queued = options.max_compute_queued,
                 .per_caller_total = static_cast<std::size_t>(std::max(1, options.compute_threads)) +
                                     (options.max_compute_queued + 1) / 2,
                 .max_wait = options.max_compute_wait}),
        query({.name = "query",
               .running = static_cast<std::size_t>(std::max(1, options.query_threads)),
               .queued = options.max_queries_queued,
               .per_caller = static_cast<std::size_t>(std::max(1, options.queries_per_caller)),
               .per_caller_total = options.max_caller_queries,
               .max_wait = options.max_wait}),
        tasks(limits("tasks", options.task_threads, options.max_tasks_queued)),
        streams({.name = "streams",
                 .running = options.max_streams,
                 .per_caller = std::max<std::size_t>(1, options.max_streams / 16),
                 .per_caller_total = std::max<std::size_t>(1, options.max_streams / 16)}) {}
  Pool::Limits limits(std::string_view name, int threads, std::size_t queued) const {
    const auto running = static_cast<std::size_t>(std::max(1, threads));
    return {.name = name,
            .running = running,
            .queued = queued,
            .per_caller = std::max<std::size_t>(1, running * 3 / 4),
            .per_caller_total = running + (queued + 1) / 2,
            .max_wait = options.max_wait};
  }

  const Server::Options options;
  const Routes& routes;
  Pool handlers, compute, query, tasks, streams;
  std::array<Pool*, 5> pools() { return {&handlers, &compute, &query, &tasks, &streams}; }
  Pool& pool(Executor executor) {
    switch (executor) {
      case Executor::compute:
        return compute;
      case Executor::query:
        return query;
      case Executor::tasks:
        return tasks;
      default:
        return handlers;
    }
  }
  std::atomic<bool> stopping{false};
  std::atomic<bool> over{false};  // what waits for a thread is not begun any more
  std::atomic<std::size_t> connections{0}, body_bytes{0}, open_streams{0};
  Addresses addresses;
  std::atomic<std::uint64_t> requests{0};
  std::mutex mutex;
  std::condition_variable changed;  // when `connections` falls
};

// One network thread's connections. Only that thread touches them.
struct Network {
  explicit Network(Shared& shared) : shared(shared), sweeper(context.get_executor()) {}
  Shared& shared;
  std::set<Connection*> connections;
  // Counts one more connection of `address` and closes an idle one where there is no room; false, and it does not count,
  // when none is idle. Connection's destructor takes it out again.
  bool make_room(const std::string& address);
  asio::io_context context{1};
  Timer sweeper;
};

class Connection {
 public:
  Connection(Network& network, Socket socket, std::string peer);
  ~Connection();

  // Serves requests until the connection ends. The caller keeps the object alive meanwhile.
  Task<void> run();

  const std::string& address() const { return address_; }
  // When it began to wait for a request; nothing while it does anything else.
  std::optional<Clock::time_point> idle_since() const;

  // From the network thread, now and then: ends what has taken too long.
  void sweep(Clock::time_point now);
  // Ends it once the request under way is answered; at once when there is none. With `now`, at once in any
  // case.
  void close(bool now);

 private:
  enum class Phase { idle, header, body, handler, sending, streaming, upgraded, lingering };
  using Parser = RequestParser;

  void enter(Phase phase, std::chrono::milliseconds limit);
  Task<bool> read_more(std::size_t size);
  Task<bool> serve();
  Task<bool> read_header(Parser& parser);
  Task<bool> read_body(Parser& parser, std::size_t limit);
  static std::string owner_of(const Request& request);
  bool reserve(std::size_t bytes);
  void release();
  // Whose share of the memory for bodies it takes from now on: the address's, then the caller's.
  void charge(const std::string& holder);
  Task<bool> unpack(Request& request, std::size_t limit);
  Task<bool> refuse(int status, std::string_view detail);
  // Nothing when the request is admitted; otherwise it is answered, and true when the connection goes on.
  Task<std::optional<bool>> admit(Request& request, bool body_is_read);
  Task<std::optional<bool>> run_handler(Request& request, const Routes::Plan& plan, Outgoing& out);
  Task<bool> send_refusal(const Request& request, Pool::Refusal refusal, const Pool& pool);
  bool may_go_on() const;
  Task<bool> send_revoked(Request& request);
  Task<bool> turn_away(const Request& request, int status, std::string detail);
  Task<bool> read_upload(Parser& parser, Request& request, std::size_t limit);
  Task<bool> respond(const Request& request, Outgoing out);
  Task<bool> send(std::string_view head, const Outgoing& out);
  Task<bool> send_bytes(std::string_view first, std::string_view second, bool more);
  Task<bool> send_file(const Piece& piece);
  Task<bool> send_stream(const Request& request, Outgoing& out);
  Task<bool> send_upgrade(const Request& request, Outgoing& out);
  Task<bool> send_parts(Timer& news, bool chunked, bool sent);
  void progressed() { deadline_ = std::min(Clock::now() + shared_.options.write_timeout, last_); }
  Task<void> linger();
  struct Admission {
    Pool::Refusal refusal = Pool::Refusal::none;
    Pool::Permit permit;                 // when the work asked to keep it
    std::optional<std::string> requeue;  // the group, see Requeue
  };
  Task<Admission> on_pool(Pool& pool, Owner owner, std::function<bool()> work);
  Outgoing answer(Request& request, bool compress);
  void log(const Request& request, const Outgoing& out, Clock::time_point began) const;
  std::string_view unread() const { return {buffer_.data() + begin_, end_ - begin_}; }

  Network& network_;
  Shared& shared_;
  Socket socket_;
  const std::string peer_, address_;
  std::string buffer_;
  std::size_t begin_ = 0, end_ = 0;  // of what is received and not yet used
  Phase phase_ = Phase::idle;
  Clock::time_point deadline_, began_, idle_since_;
  Clock::time_point last_ = Clock::time_point::max();  // of the stream that is sent; no deadline is later
  bool expired_ = false, closing_ = false, keep_alive_ = true, is_http10_ = false, more_to_come_ = false;
  std::size_t reserved_ = 0;  // body bytes counted in Shared::body_bytes and for `holder_`
  std::string holder_;
  std::string owner_;                 // whose share of the server the request takes, see owner_of
  Executor executor_ = Executor::io;  // of its route
  Pool::Permit permit_;               // of what the answer's stream still reads, until the channel has it
  std::shared_ptr<StreamChannel> channel_;
  bool is_events_ = false;
  // The request of somebody who has signed in, from then to the end of its answer; whether they may go on is asked now and
  // then.
  const Request* asked_ = nullptr;
  std::function<bool()> still_allowed_;
  Clock::time_point checked_;
  bool revoked_ = false;
};

}  // namespace agnes::http
