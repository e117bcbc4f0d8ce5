#include "app/host.h"

#include <csignal>
#include <cstring>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/config/overlay.h"
#include "app/operation.h"
#include "app/request_counts.h"
#include "lib/base/env.h"
#include "lib/base/files.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/server.h"

namespace agnes::app {

namespace {

void prepare_process(sigset_t& ends) {
  // A signal ends the server by being waited for; every thread inherits the mask.
  ::sigemptyset(&ends);
  for (int signal : {SIGTERM, SIGINT, SIGHUP}) ::sigaddset(&ends, signal);
  ::pthread_sigmask(SIG_BLOCK, &ends, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  // Few arenas: handler threads would each keep freed memory of their own.
  ::mallopt(M_ARENA_MAX, 2);
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || ::access(folder.c_str(), W_OK) != 0)
    throw Error(ErrorKind::internal,
                fmt::format("the folder {} cannot be written: {}; check its owner and --data-dir",
                            folder.string(), error ? error.message() : std::string(std::strerror(errno))));
}

void add_headers(const http::Request& request, http::Response& response) {
  // A route that has its own stricter one keeps it.
  for (const auto& [name, value] :
       {std::pair{"X-Content-Type-Options", "nosniff"}, std::pair{"X-Frame-Options", "DENY"},
        std::pair{"Referrer-Policy", "same-origin"}})
    if (response.find_header(name) == nullptr) response.header(name, value);
  response.header("X-Request-ID", request.id());
  if (!request.path().starts_with("/api/")) return;
  response.header("X-Agnes-Latest-Version", AGNES_VERSION);
  response.header("X-Agnes-Min-Version", "0.0.0");
}

jobs::Service::Options job_options(const config::Places& places) {
  jobs::Service::Options options;
  options.timetable.grace_seconds = jobs::seconds_from_env("SCHEDULER_STARTUP_GRACE_SECONDS", 60);
  // So that servers of one organisation do not ask a source at the same moment.
  options.timetable.seed = static_cast<std::uint64_t>(now().micros);
  options.memory = places.state / "jobs.json";
  options.queue = places.state / "job-queue.json";
  return options;
}

http::Server::Options server_options(const config::Config& config, const HostOptions& options) {
  http::Server::Options out;
  out.host = options.host;
  out.port = options.port;
  out.handler_threads = static_cast<int>(config.integer_or("server.threads", 16));
  out.max_body = static_cast<std::size_t>(config.integer_or("server.max_body_bytes", 32 << 20));
  out.write_timeout = std::chrono::seconds(config.integer_or("server.send_timeout_seconds", 60));
  out.trusted_proxies = config.list("server.trusted_proxies");
  return out;
}

void write_jobs(Exposition& out, const jobs::Service& jobs) {
  const auto kinds = jobs.tallies();
  out.family("agnes_job_runs_total", "counter", "Runs of background jobs by how they ended");
  for (const auto& [job, tally] : kinds) {
    out.sample(tally.ok, {{"job", job}, {"outcome", "ok"}});
    out.sample(tally.partly, {{"job", job}, {"outcome", "partly"}});
    out.sample(tally.failed, {{"job", job}, {"outcome", "failed"}});
    out.sample(tally.cancelled, {{"job", job}, {"outcome", "cancelled"}});
  }
  out.family("agnes_job_retries_total", "counter", "Attempts that failed and were put off for another one");
  for (const auto& [job, tally] : kinds) out.sample(tally.retries, {{"job", job}});
  out.family("agnes_job_running", "gauge", "How many runs of the job are under way");
  for (const auto& [job, tally] : kinds) out.sample(tally.running, {{"job", job}});
  out.family("agnes_job_queued", "gauge",
             "How many runs of the job wait for their place or their next attempt");
  for (const auto& [job, tally] : kinds) out.sample(tally.queued, {{"job", job}});
  out.family("agnes_job_last_success_timestamp_seconds", "gauge",
             "When the job last ended well, or partly so");
  for (const auto& [job, tally] : kinds)
    if (tally.last_success) out.sample(seconds(*tally.last_success), {{"job", job}});
}

boost::json::object jobs_health(const jobs::Service& service) {
  boost::json::array running, failed, partly;
  std::int64_t count = 0;
  for (const auto& job : service.jobs()) {
    ++count;
    if (job.running) running.emplace_back(job.name);
    if (job.outcome == jobs::Outcome::failed) failed.emplace_back(job.name);
    if (job.outcome == jobs::Outcome::partly) partly.emplace_back(job.name);
  }
  boost::json::object part{{"status", failed.empty() && partly.empty() ? "ok" : "warning"},
                           {"jobs", count},
                           {"running", running},
                           {"failed", failed},
                           {"partly", partly}};
  if (!failed.empty())
    part["detail"] = "the last run of these jobs failed: GET /api/admin/jobs says why";
  else if (!partly.empty())
    part["detail"] = "a part of the last run of these jobs failed: GET /api/admin/jobs says which and why";
  return part;
}

std::uint64_t resident_bytes() {
  // "size resident shared ...", in pages.
  const auto text = read_file("/proc/self/statm").value_or("");
  const auto fields = split(trim(text), ' ');
  const auto pages = fields.size() > 1 ? parse_int(fields[1]).value_or(0) : 0;
  return static_cast<std::uint64_t>(pages) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

void write_process(Exposition& out, const fs::path& folder, Timestamp started) {
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

void write_connections(Exposition& out, const http::Server::Counts& now) {
  out.one("agnes_http_connections", "gauge", "Open connections", now.connections);
  out.one("agnes_http_requests_running", "gauge", "Requests that a handler thread is at", now.running);
  out.one("agnes_http_requests_queued", "gauge", "Requests that wait for a handler thread", now.queued);
  out.one("agnes_http_streams", "gauge", "Streams that are open", now.streams);
}

}  // namespace

workers::TaskTable declared_tasks(std::span<const ModuleKind> modules) {
  workers::TaskTable tasks;
  Declarations declarations{.tasks = tasks};
  for (const auto& kind : modules)
    if (kind.declare != nullptr) kind.declare(declarations);
  return tasks;
}

int run(std::span<const ModuleKind> kinds, const HostOptions& options) {
  sigset_t ends;
  prepare_process(ends);
  const auto started = now();
  const auto& places = options.places;
  const auto config = config::Config::load(places);
  config::Overlay overlay(places);
  log::init(env_or("LOG_LEVEL", "info"), env_or("AGNES_LOG_FORMAT", "text") == "json");
  for (const auto& warning : config.warnings()) log::warn("{}", warning);
  for (const auto& folder : {places.data, places.state, places.extracts()}) make_folder(folder);

  RequestCounts request_counts;
  http::Routes routes;
  routes.on_response(add_headers);
  // Modules outlive the threads that run their code: these are stopped first, below or by their destructors.
  std::vector<std::unique_ptr<Module>> modules;
  jobs::Service jobs(job_options(places));
  Services services(config, overlay, jobs, options.host);
  std::function<http::Server::Counts()> connections;
  Operation operation;
  operation.health = [&](HealthReport& report) {
    for (const auto& module : modules) module->health(report);
    if (report.caller().is_admin) report.add("scheduler", jobs_health(jobs));
  };
  operation.metrics = [&](Exposition& out) {
    request_counts.write(out);
    write_connections(out, connections());
    write_jobs(out, jobs);
    for (const auto& module : modules) module->metrics(out);
    write_process(out, places.data, started);
  };
  services.provide(operation);

  for (const auto& kind : kinds) modules.push_back(kind.make(services));
  for (const auto& module : modules) module->jobs(jobs);
  for (const auto& module : modules) module->routes(routes);
  routes.serve_docs(
      {.title = "Agnes", .version = AGNES_VERSION, .description = "Tables, for those who may see them."});

  auto http_options = server_options(config, options);
  http_options.observe = [&](const http::Served& served) { request_counts.add(served); };
  http::Server server(http_options, routes);
  connections = [&] { return server.counts(); };
  server.start();
  log::info("listening on http://{}:{}, data in {}", options.host, server.port(), places.data.string());
  for (const auto& module : modules) module->start();
  jobs.start();

  int signal = 0;
  ::sigwait(&ends, &signal);
  log::info("stopping: running requests get 10 s to end");
  server.stop(std::chrono::seconds(10));
  jobs.stop();
  for (auto module = modules.rbegin(); module != modules.rend(); ++module) (*module)->stop();
  // The opposite order of their making, which a vector's destructor does not promise.
  while (!modules.empty()) modules.pop_back();
  return 0;
}

}  // namespace agnes::app
