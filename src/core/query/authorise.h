#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/query/engine.h"
#include "core/query/predicate.h"
#include "lib/duck/database.h"

namespace agnes::query {

// What may be run, after the check.
struct AuthorisedStatement {
  enum class Kind {
    select,   // one statement that answers rows (also DESCRIBE, SUMMARIZE, VALUES, FROM ...)
    pivot,    // PIVOT without IN: DuckDB makes several statements of the text, the last one answers
    explain,  // answers a plan
  };
  Kind kind = Kind::select;
  std::string sql;                  // what to run instead of the caller's text
  std::vector<std::string> tables;  // readable tables that it names, in lower case, each once
  bool plan_as_json = false;        // explain
};

// A statement's tree, judged without regard to what there is.
struct StatementInspection {
  std::vector<std::string> tables;         // names of tables without a schema, in lower case, each once
  std::map<std::string, double> readings;  // how often it reads each, see NamedTables
  std::string refusal;  // why it could not run whatever tables there were; `tables` is empty then
};

// The first of two checks (the second is that the engine holds nothing else, sandbox.h): DuckDB's own parser
// reads the statement, and each node of its tree must be of a known kind, each relation a readable table or a
// CTE in scope, each function harmless (allowlist.h). What is not known is refused.
//
// Not for two threads at once.
class Authoriser {
 public:
  // `names`: the readable tables. The connection serves to parse only; it needs no access to anything.
  Authoriser(duck::Connection connection, const std::vector<std::string>& names);
  ~Authoriser();

  // Throws Error (bad_request, forbidden, too_large) with the reason and the position; see Engine::run.
  AuthorisedStatement check(std::string_view sql);

  // A predicate, see check_predicate; the statement that it becomes a part of goes through `check` as any
  // other.
  void check(const Predicate& predicate);

  // The view of a table that lives elsewhere, which its extract describes: it may read tables of its own attachment,
  // also by the table functions of the attachment's extension (remote_functions), and do nothing else. Throws Error (bad_gateway).
  void check_view(const ReadableTable& table);

  // The same for a statement that is to be kept and not run: any name may be a table. Throws Error when it is
  // not one statement that reads.
  StatementInspection inspect(std::string_view sql);

  duck::Connection& connection();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agnes::query
