#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// Where handlers run. Each executor has threads of its own, a bounded queue and a bound for one caller, so that what
// waits on one of them delays nothing on the others. A request over a bound is refused before it waits: 429 for the
// caller's own bound, 503 for a full executor, both with Retry-After.
namespace agnes::http {

enum class Executor {
  io,        // the network thread: for handlers (and authentication) that never wait
  handlers,  // short work: memory, the state database, files of the server's own
  compute,   // long computing, such as password hashes: few threads
  query,     // whatever needs a query process: as many threads as there are such processes
  tasks,     // worker tasks and sources elsewhere: seconds or minutes of waiting
};

// What an executor does now, and how many requests it has refused since the start.
struct ExecutorCounts {
  std::string_view name;                             // "handlers", "compute", "query", "tasks", "streams"
  std::uint64_t running = 0, queued = 0, limit = 0;  // limit: that may run at once
  std::uint64_t refused_caller = 0, refused_full = 0;
};

// Thrown through a handler: it has done nothing that lasts and is to run again, from its beginning, once the group
// has a place for it.
struct Requeue {
  std::string group;
};

// For a handler on its executor's thread whose work may last (streams to slow readers, engines elsewhere): moves its
// place to a group. The requests of a group share, all callers together, the places that one caller has for requests of
// none, so that the executor has room for the rest. Throws Requeue when the group has no place; the handler lets it
// pass. Does nothing on any other thread.
void enter_group(std::string_view group);

// For long work on the `query` and `tasks` executors and on streams of theirs: whether the client has closed its
// connection, or its sending side, so that nobody waits for the answer. False on any other thread.
bool client_gone();

}  // namespace agnes::http
