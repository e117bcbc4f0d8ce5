#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "lib/http/routes.h"

namespace agnes::http {

// A request that was answered. `route` and `method` are the route's own, so there are few of them; both are
// empty when no route was found or the request made no sense. `seconds`: from its first byte to the answer's.
struct AnswerRecord {
  std::string_view method, route;
  int status = 0;
  double seconds = 0;
};

// HTTP/1.1 over TCP. The network runs on a few threads of its own; handlers are ordinary blocking functions
// on a pool of threads, so a slow client costs a connection and no thread, and a slow handler one thread and
// not the server. TLS is the reverse proxy's.
class Server {
 public:
  struct Options {
    std::string host = "127.0.0.1";
    int port = 0;  // 0: any free one
    int io_threads = 1;
    int handler_threads = 16;
    std::size_t max_connections = 8192;
    // Of one address (of IPv6: one /64), trusted proxies aside. At either limit the connection that has been idle for
    // longest makes room for a new one; without an idle one the new one gets 503.
    std::size_t max_address_connections = 1024;
    std::size_t max_queued = 1024;  // requests that wait for a handler thread; more get 503
    int compute_threads = 2;        // of Executor::compute
    std::size_t max_compute_queued = 256;
    int query_threads = 6;  // of Executor::query: as many as there are query processes
    std::size_t max_queries_queued = 256;
    int queries_per_caller = 3;           // that run at once; more of the caller wait
    std::size_t max_caller_queries = 64;  // running and waiting ones of one caller; more get 429
    int task_threads = 8;                 // of Executor::tasks
    std::size_t max_tasks_queued = 64;
    std::size_t max_streams = 256;  // streaming answers and upgraded connections at a time; more get 503
    std::chrono::milliseconds max_wait{30'000};  // in an executor's queue: 503
    // In that of `compute`: a crowd that signs in at the same moment is served one after the other.
    std::chrono::milliseconds max_compute_wait{300'000};
    std::filesystem::path upload_folder = {};  // for BodyFile; empty: the system's folder for temporary files
    std::size_t max_header = 32 << 10;         // bytes, request line included: 431
    std::size_t max_body = 16 << 20;           // bytes, unless the route says otherwise: 413
    // Bytes of all request bodies held at once: 503. One address holds an eighth of that at most, one caller a quarter.
    std::size_t max_bodies = 512u << 20;
    // Bytes of all answers in memory that wait for their readers; an eighth of it for one caller or address. Who has
    // more of them gets 429 before any work is done, and 503 when all have.
    std::size_t max_answers = 512u << 20;
    std::chrono::milliseconds header_timeout{
        10'000};  // from a request's first byte to the end of its header: 408
    std::chrono::milliseconds body_timeout{
        30'000};  // for a body, longer as it arrives at 4 kB/s or more: 408
    std::chrono::milliseconds idle_timeout{75'000};  // between requests
    // Without the client taking a byte; for a whole answer that is no stream, longer as it is taken at 4 kB/s or more.
    std::chrono::milliseconds write_timeout{60'000};
    std::vector<std::string> trusted_proxies = {};  // addresses, "10.0.0.0/8" ranges, "*"
    bool access_log = true;                         // a line a request, level info
    std::function<void(const AnswerRecord&)> observe =
        {};  // told of each answer on a network thread: no waiting
    bool compress = true;
  };

  // `routes` must outlive the server.
  Server(Options options, const Routes& routes);
  ~Server();  // stop(0)

  // Listens and returns; answers from then on. Throws Error naming host and port when it cannot listen.
  void start();
  int port() const;
  // Takes no more connections, lets requests under way end for up to `grace`, then closes what is left.
  // Streams are told at once (Writer::gone). Returns when all threads of the server have ended; a handler
  // that ignores its end is waited for.
  void stop(std::chrono::milliseconds grace);

  struct Counts {
    std::uint64_t connections = 0, requests = 0;
    std::uint64_t queued = 0, running = 0;  // on all executors that run handlers
    std::uint64_t streams = 0;
    std::vector<ExecutorCounts> executors = {};
  };
  Counts counts() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agnes::http
