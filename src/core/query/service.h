#pragma once

#include <memory>

#include <boost/json/value.hpp>

#include "core/catalog/visible.h"
#include "core/query/pool.h"
#include "core/query/spool.h"
#include "lib/http/routes.h"

namespace agnes::query {

// What a look at a statement tells, without running it.
struct SqlCheck {
  std::string problem;              // why it is not one statement that reads; empty: it is
  std::vector<std::string> tables;  // what it names, in lower case; CTEs are not among them
  std::string refusal;  // why it could not run here all the same: a function that is not allowed, ...
};

struct ServiceLimits {
  std::int64_t max_rows = 100'000;
  std::uint64_t max_result_bytes = 64u << 20;
  std::chrono::seconds transfer_limit{300};  // for its client to take an answer
};

struct HybridBody {
  std::string sql;
  std::map<std::string, std::string> register_bq;  // a table's name -> the SQL that BigQuery answers
  static constexpr json::Rule rules[] = {{.field = "register_bq", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(HybridBody, (), (sql, register_bq))

// SQL of callers over the tables that they may read. Thread-safe.
class Service {
 public:
  Service(const catalog::Visible& visible, Pool& pool, ServiceLimits limits, RemoteAccess remote)
      : visible_(visible),
        pool_(pool),
        limits_(limits),
        remote_(std::move(remote)),
        spool_(pool.spill_folder()) {}

  // Starts a statement for `caller`; its answer is the contract's JSON. Throws Error (bad_request) for a
  // negative limit.
  std::unique_ptr<Execution> start(const http::Caller& caller, const std::string& sql,
                                   std::int64_t row_limit);
  // The same for other answers, over the tables of `set`. Where the statement names a table of another engine, and so
  // joins those that wait for such, throws http::Requeue (http/executor.h).
  std::unique_ptr<Execution> start(std::shared_ptr<const catalog::VisibleSet> set,
                                   const Statement& statement);
  // Its rows as a JSON list of objects, between `before` and `after`.
  http::Response rows(const http::Caller& caller, const std::string& sql, std::int64_t row_limit,
                      std::string before, std::string after);
  // Where the rest of an answer waits for a slow reader.
  SpoolSpace& spool() { return spool_; }
  // POST /api/query.
  http::Response answer(const http::Caller& caller, const std::string& sql, std::int64_t row_limit);
  // POST /api/query/hybrid. Throws Error (bad_request) for an invalid name, and for every query that
  // BigQuery would have to answer: no engine for it is connected.
  http::Response hybrid(const http::Caller& caller, const HybridBody& body);
  // Reads a statement without running it, in a worker process all the same: parsing can be an attack too.
  SqlCheck check(const http::Caller& caller, const std::string& sql);

 private:
  static std::string whole(Execution& execution);
  // In an engine that holds what is here and reaches nothing else.
  std::unique_ptr<Execution> run_here(const catalog::VisibleSet& set, const Statement& statement);
  std::unique_ptr<Execution> start_remote(std::shared_ptr<const catalog::VisibleSet> set,
                                          const std::vector<RemoteUse>& remote, const Statement& statement);

  const catalog::Visible& visible_;
  Pool& pool_;
  ServiceLimits limits_;
  const RemoteAccess remote_;
  SpoolSpace spool_;
};

struct RelayOptions {
  std::string content_type = "application/json";
  std::chrono::seconds transfer_limit{0};
  SpoolSpace* spool = nullptr;                           // lives as long as the server
  std::string before = {}, after = {};                   // sent around it
  std::function<void(std::size_t bytes)> on_bytes = {};  // hears the bytes of each part before it is sent
  std::function<bool()> still_allowed = {};              // see http::Response
};

// The statement's answer as it comes. What fails before its second part has a status of its own; later, the
// connection ends without the answer's end, also for a client that has not taken it after `transfer_limit`.
// A reader that is slower than the statement holds no process: what it has not taken waits in `spool`. When that has no
// room, the reader is cut if it takes less than 1 MB/s and others wait for the process.
http::Response relay(std::unique_ptr<Execution> execution, RelayOptions options);

// POST /api/query and /api/query/hybrid.
void add_routes(http::Routes& routes, Service& service);

}  // namespace agnes::query
