#include "server/metrics.h"

#include <set>

#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/env.h"
#include "base/files.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/text.h"
#include "state/schema.h"

namespace agnes::server {

namespace {

constexpr std::size_t kShortestToken = 16;
constexpr std::string_view kType = "text/plain; version=0.0.4; charset=utf-8";

using Labels = std::vector<std::pair<std::string_view, std::string>>;

// The exposition format: https://prometheus.io/docs/instrumenting/exposition_formats/
class Exposition {
 public:
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  template <class Number>
  void sample(Number value, const Labels& labels = {}, std::string_view suffix = "") {
    text_ += name_;
    text_ += suffix;
    char before = '{';
    for (const auto& [label, text] : labels) {
      text_ += before;
      text_ += label;
      text_ += "=\"";
      for (const char c : text) {
        if (c == '\\' || c == '"') text_ += '\\';
        if (c == '\n')
          text_ += "\\n";
        else
          text_ += c;
      }
      text_ += '"';
      before = ',';
    }
    if (!labels.empty()) text_ += '}';
    text_ += fmt::format(" {}\n", value);
  }
  template <class Number>
  void one(std::string_view name, std::string_view type, std::string_view help, Number value) {
    family(name, type, help);
    sample(value);
  }
  std::string text() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

void requests(Exposition& out, const MetricSources& sources) {
  const auto routes = sources.requests.take();
  out.family("agnes_http_requests_total", "counter",
             "Answered requests by route and status; no route: none was found");
  for (const auto& [key, route] : routes)
    for (const auto& [status, count] : route.by_status)
      out.sample(count, {{"method", std::string(key.first)},
                         {"route", std::string(key.second)},
                         {"status", std::to_string(status)}});
  out.family("agnes_http_request_duration_seconds", "histogram",
             "From a request's first byte to its answer's first byte");
  for (const auto& [key, route] : routes) {
    Labels labels{{"method", std::string(key.first)}, {"route", std::string(key.second)}, {"le", ""}};
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < route.by_time.size(); ++i) {
      below += route.by_time[i];
      labels.back().second =
          i < RequestCounts::kBounds.size() ? fmt::format("{}", RequestCounts::kBounds[i]) : "+Inf";
      out.sample(below, labels, "_bucket");
    }
    labels.pop_back();
    out.sample(route.seconds, labels, "_sum");
    out.sample(below, labels, "_count");
  }
  const auto now = sources.connections();
  out.one("agnes_http_connections", "gauge", "Open connections", now.connections);
  out.one("agnes_http_requests_running", "gauge", "Requests that a handler thread is at", now.running);
  out.one("agnes_http_requests_queued", "gauge", "Requests that wait for a handler thread", now.queued);
  out.one("agnes_http_streams", "gauge", "Streams that are open", now.streams);
}

void queries(Exposition& out, const query::Pool& pool) {
  const auto counts = pool.counts();
  out.family("agnes_query_statements_total", "counter", "Statements of callers by how they ended");
  const std::pair<const char*, std::uint64_t> outcomes[] = {
      {"ok", counts.ok},           {"refused", counts.refused},     {"timeout", counts.timed_out},
      {"crashed", counts.crashed}, {"abandoned", counts.abandoned}, {"turned_away", counts.turned_away}};
  for (const auto& [outcome, count] : outcomes) out.sample(count, {{"outcome", outcome}});
  out.family("agnes_query_workers", "gauge", "Query processes by what they do");
  out.sample(counts.busy, {{"state", "busy"}});
  out.sample(counts.idle, {{"state", "idle"}});
  out.sample(counts.spare, {{"state", "spare"}});
  out.one("agnes_query_workers_max", "gauge", "Query processes that there may be at once (query.max_workers)",
          counts.most);
}

// "remove orders" is a job of its own for each table: its first word will do.
std::string kind_of(const std::string& job) {
  return job.substr(0, job.find_first_of(" :"));
}

void background(Exposition& out, const MetricSources& sources) {
  std::map<std::string, jobs::Runner::Tally> kinds;
  for (const auto& [job, tally] : sources.runner.tallies()) {
    auto& kind = kinds[kind_of(job)];
    kind.ok += tally.ok;
    kind.failed += tally.failed;
    kind.cancelled += tally.cancelled;
    kind.running = kind.running || tally.running;
    kind.last_ok = std::max(kind.last_ok, tally.last_ok);
  }
  // The scheduler remembers across starts.
  for (const auto& state : sources.scheduler.jobs())
    if (state.outcome == "ok" && state.last_run) {
      auto& last = kinds[kind_of(state.name)].last_ok;
      last = std::max(
          last, std::optional(Timestamp{state.last_run->micros + state.duration_ms.value_or(0) * 1000}));
    }
  out.family("agnes_job_runs_total", "counter", "Runs of background jobs by how they ended");
  for (const auto& [job, tally] : kinds) {
    out.sample(tally.ok, {{"job", job}, {"outcome", "ok"}});
    out.sample(tally.failed, {{"job", job}, {"outcome", "failed"}});
    out.sample(tally.cancelled, {{"job", job}, {"outcome", "cancelled"}});
  }
  out.family("agnes_job_running", "gauge", "Whether the job runs now");
  for (const auto& [job, tally] : kinds) out.sample(tally.running ? 1 : 0, {{"job", job}});
  out.family("agnes_job_last_success_timestamp_seconds", "gauge", "When the job last ended well");
  for (const auto& [job, tally] : kinds)
    if (tally.last_ok) out.sample(seconds(*tally.last_ok), {{"job", job}});
}

void data(Exposition& out, const catalog::Generations& generations) {
  struct Source {
    std::int64_t tables = 0, rows = 0, bytes = 0;
    std::optional<std::int64_t> oldest, newest;
  };
  std::map<std::string, Source> by_source;
  const auto generation = generations.peek();
  if (generation != nullptr) {
    for (const auto& table : generation->tables()) {
      auto& source = by_source[table.source];
      ++source.tables;
      source.rows += table.rows;
      source.bytes += table.size_bytes;
      if (!table.updated) continue;
      const std::int64_t at = seconds(*table.updated);
      source.oldest = std::min(source.oldest.value_or(at), at);
      source.newest = std::max(source.newest.value_or(at), at);
    }
  }
  out.one("agnes_generation", "gauge",
          "Number of the set of tables that is served; 0 until the extracts are read",
          generation == nullptr ? 0 : generation->number());
  const auto each = [&](const char* name, const char* help, const auto& member) {
    out.family(name, "gauge", help);
    for (const auto& [source, facts] : by_source)
      if (const auto value = member(facts)) out.sample(*value, {{"source", source}});
  };
  using Number = std::optional<std::int64_t>;
  each("agnes_tables", "Tables by source; no source: registered and without data",
       [](const Source& s) { return Number(s.tables); });
  each("agnes_rows", "Rows of all tables of a source", [](const Source& s) { return Number(s.rows); });
  each("agnes_data_bytes", "Size of a source's files", [](const Source& s) { return Number(s.bytes); });
  each("agnes_newest_table_timestamp_seconds", "When the latest synced table of a source was synced",
       [](const Source& s) { return s.newest; });
  each("agnes_oldest_table_timestamp_seconds", "When the longest not synced table of a source was synced",
       [](const Source& s) { return s.oldest; });
}

std::uint64_t resident_bytes() {
  // "size resident shared ...", in pages.
  const auto text = read_file("/proc/self/statm").value_or("");
  const auto fields = split(trim(text), ' ');
  const auto pages = fields.size() > 1 ? parse_int(fields[1]).value_or(0) : 0;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void process(Exposition& out, const fs::path& folder, Timestamp started) {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  std::error_code ignored;
  const auto files =
      std::distance(fs::directory_iterator("/proc/self/fd", ignored), fs::directory_iterator());
  out.one("process_resident_memory_bytes", "gauge", "Memory of the server process, without its workers",
          resident_bytes());
  out.one("process_cpu_seconds_total", "counter", "Processor time of the server process, without its workers",
          of(used.ru_utime) + of(used.ru_stime));
  out.one("process_open_fds", "gauge", "Open file descriptors", files);
  out.one("process_start_time_seconds", "gauge", "When the server started", seconds(started));
  struct statvfs disk {};
  if (::statvfs(folder.c_str(), &disk) != 0) return;
  out.one("agnes_disk_free_bytes", "gauge", "Free space where the data directory is",
          std::uint64_t{disk.f_bavail} * disk.f_frsize);
  out.one("agnes_disk_size_bytes", "gauge", "Size of the file system where the data directory is",
          std::uint64_t{disk.f_blocks} * disk.f_frsize);
}

}  // namespace

void RequestCounts::add(const http::Served& served) {
  const auto bound = std::lower_bound(kBounds.begin(), kBounds.end(), served.seconds);
  std::lock_guard lock(mutex_);
  auto& route = routes_[{served.method, served.route}];
  ++route.by_status[served.status];
  ++route.by_time[static_cast<std::size_t>(bound - kBounds.begin())];
  route.seconds += served.seconds;
}

std::map<RequestCounts::Key, RequestCounts::Route> RequestCounts::take() const {
  std::lock_guard lock(mutex_);
  return routes_;
}

std::string metrics_text(const MetricSources& sources) {
  Exposition out;
  out.family("agnes_build_info", "gauge", "What runs here");
  out.sample(1, {{"version", AGNES_VERSION},
                 {"release", env_or("AGNES_VERSION", "dev")},
                 {"commit", env_or("AGNES_COMMIT_SHA", "unknown")},
                 {"schema", std::to_string(state::kSchemaVersion)}});
  requests(out, sources);
  queries(out, sources.pool);
  background(out, sources);
  data(out, sources.generations);
  process(out, sources.places.data, sources.started);
  return out.text();
}

void add_metrics_route(http::Routes& routes, MetricSources sources) {
  std::string token = env_or("AGNES_METRICS_TOKEN", "");
  if (!token.empty() && token.size() < kShortestToken) {
    log::warn("AGNES_METRICS_TOKEN is shorter than {} characters and not used", kShortestToken);
    token.clear();
  }
  routes.get("/metrics",
             {.auth = http::Auth::optional,
              .tag = "health",
              .summary = "Figures for Prometheus",
              .answer_type = "text/plain"},
             [sources = std::move(sources), expected = token.empty() ? "" : "Bearer " + token](
                 const http::Request& request, const std::optional<http::Caller>& caller) {
               const bool has_token =
                   !expected.empty() && constant_time_equal(request.header("authorization"), expected);
               if (!has_token && !caller)
                 throw Error(ErrorKind::unauthenticated,
                             "sign in as an administrator, or send AGNES_METRICS_TOKEN as bearer token");
               if (!has_token && !caller->is_admin)
                 throw Error(ErrorKind::forbidden, "only members of the Admin group may do this");
               http::Response response = http::Response::text(metrics_text(sources));
               response.header("Content-Type", kType).header("Cache-Control", "no-store");
               return response;
             });
}

}  // namespace agnes::server
