#include "connectors/bigquery/bigquery_query.h"

#include <fcntl.h>

#include "connectors/answer.h"
#include "connectors/bigquery/bigquery_rows.h"
#include "connectors/source_error.h"
#include "lib/base/files.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::connectors::bigquery {

namespace {

using boost::json::object;
using http_client::percent_encode;

// How long BigQuery may keep a request before it says that the query still runs.
constexpr const char* kAnswerTimeoutMs = "5000";
// For ending a query at BigQuery that nobody waits for any more.
constexpr std::chrono::seconds kToCancel{15};
// BigQuery ends a page at 10 MB, however many rows were asked for.
constexpr const char* kPageRows = "100000";

// A query's job at BigQuery; cancelled there when this goes before it has ended.
class Job {
 public:
  Job(Api& api, const QueryLimits& limits) : api_(api), limits_(limits), location_(limits.location) {}
  ~Job() {
    if (id_.empty() || ended_) return;
    try {
      api_.allow(kToCancel);
      api_.post(path(jobs() + "/" + percent_encode(id_) + "/cancel", {}), {});
    } catch (const std::exception& error) {
      log::warn("the BigQuery job {} was not cancelled: {}", id_, error.what());
    }
  }
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  // What it would read.
  std::int64_t dry_run(const std::string& sql) {
    const auto answer = insert({{"dryRun", true}, {"query", query(sql)}}, "");
    const auto facts = object_at(answer, "statistics"), of_query = object_at(facts, "query");
    const auto type = text_at(of_query, "statementType");
    if (!type.empty() && type != "SELECT")
      throw Error(ErrorKind::invalid,
                  fmt::format("the query is a {} statement: only the rows of a SELECT can be a table",
                              escape_control(type)));
    // Where Google's own clients look; not everything that speaks this interface has it in both places.
    auto bytes = parse_int(text_at(of_query, "totalBytesProcessed"));
    if (!bytes) bytes = parse_int(text_at(facts, "totalBytesProcessed"));
    if (!bytes) no_sense("a dry run without totalBytesProcessed");
    return *bytes;
  }

  void start(const std::string& sql) {
    auto said = query(sql);
    if (limits_.max_bytes > 0) said["maximumBytesBilled"] = std::to_string(limits_.max_bytes);
    object configuration{{"query", std::move(said)}};
    if (limits_.time_limit.count() > 0)
      configuration["jobTimeoutMs"] = std::to_string(limits_.time_limit.count());
    // A name of our own makes a repeated request the same job.
    const auto id = "agnes_" + random_hex(16);
    id_ = id;
    insert(std::move(configuration), id);
  }

  // One page of its result, or {"jobComplete": false}.
  object results(const std::string& page) {
    http_client::Params params{{"maxResults", kPageRows},
                               {"timeoutMs", kAnswerTimeoutMs},
                               {"formatOptions.useInt64Timestamp", "true"}};
    if (!page.empty()) params.emplace_back("pageToken", page);
    auto answer = api_.get(path(project() + "/queries/" + percent_encode(id_), params));
    if (!answer) no_sense("it knows nothing of the query that it has just run");
    return std::move(*answer);
  }

  void ended() { ended_ = true; }

 private:
  std::string project() const { return percent_encode(api_.billing_project()); }
  std::string jobs() const { return project() + "/jobs"; }
  std::string path(const std::string& path, http_client::Params params) const {
    if (!location_.empty()) params.emplace_back("location", location_);
    return http_client::with_params(path, params);
  }
  static object query(const std::string& sql) { return {{"query", sql}, {"useLegacySql", false}}; }

  // Where a dry run would run is where the job is found, also when the answer to its start is lost.
  object insert(object configuration, const std::string& id) {
    auto answer = inserted(std::move(configuration), id);
    if (const auto where = text_at(object_at(answer, "jobReference"), "location"); !where.empty())
      location_ = where;
    return answer;
  }

  object inserted(object configuration, const std::string& id) {
    object reference{{"projectId", api_.billing_project()}};
    if (!id.empty()) reference["jobId"] = id;
    if (!location_.empty()) reference["location"] = location_;
    try {
      const auto answer = api_.post(
          jobs(), {{"jobReference", std::move(reference)}, {"configuration", std::move(configuration)}});
      if (!answer)
        throw source_error(
            ErrorKind::not_found, "bq_upstream_error",
            fmt::format("BigQuery knows no project {}, or a dataset or location of the query is not there",
                        api_.billing_project()),
            "Check data_source.bigquery.billing_project and location");
      return *answer;
    } catch (const Error& error) {
      // The first answer was lost, and the job is there.
      if (error.kind() != ErrorKind::conflict) throw;
      return api_.get(path(jobs() + "/" + percent_encode(id), {})).value_or(object{});
    }
  }

  Api& api_;
  const QueryLimits& limits_;
  std::string location_, id_;
  bool ended_ = false;
};

}  // namespace

std::int64_t dry_run(Api& api, const std::string& sql, const QueryLimits& limits) {
  return Job(api, limits).dry_run(sql);
}

std::string fetch_query(Api& api, const std::string& sql, const QueryLimits& limits,
                        const Fetching& fetching) {
  Job job(api, limits);
  const auto bytes = job.dry_run(sql);
  if (limits.max_bytes > 0 && bytes > limits.max_bytes)
    throw Error(
        ErrorKind::invalid,
        fmt::format("the query would read {} bytes, more than the {} of "
                    "data_source.bigquery.max_bytes_per_materialize: read fewer columns or partitions, or "
                    "raise the limit",
                    with_thousands(bytes), with_thousands(limits.max_bytes)));
  job.start(sql);
  fetching.report("waiting for BigQuery");
  auto answer = job.results("");
  while (true) {
    const auto* complete = answer.if_contains("jobComplete");
    if (complete == nullptr || !complete->is_bool()) no_sense("it does not say whether the query has ended");
    if (complete->get_bool()) break;
    fetching.wait({});
    answer = job.results("");
  }
  job.ended();

  Rows rows(object_at(answer, "schema"));
  const auto total = parse_int(text_at(answer, "totalRows"));
  const fs::path file = fetching.scratch / "rows.jsonl";
  UniqueFd out(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!out) throw system_error("cannot create a file for the rows", errno);
  std::string page, text;
  while (true) {
    if (const auto* list = list_at(answer, "rows"); list != nullptr) rows.append(*list, text);
    write_or_throw(out.get(), text, "the file of fetched rows");
    text.clear();
    const auto next = text_at(answer, "pageToken");
    if (next.empty()) break;
    if (next == page) no_sense("a page of rows leads to the same page");
    page = next;
    fetching.report(fmt::format("{} rows fetched", with_thousands(rows.count())));
    fetching.wait({});
    answer = job.results(page);
  }
  if (total != rows.count())
    no_sense(fmt::format("{} rows came of {}", rows.count(),
                         total ? std::to_string(*total) : "an unknown number"));
  return rows.select(file);
}

}  // namespace agnes::connectors::bigquery
