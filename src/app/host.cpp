#include "app/host.h"

#include <csignal>
#include <cstring>

#include <malloc.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "app/config/lost_folder.h"
#include "app/config/overlay.h"
#include "app/operation.h"
#include "app/request_counts.h"
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
  ::umask(077);
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

// The folders hold password hashes, tokens and people's data. Those of an earlier version are made private too; whose
// owner is somebody else is for `agnes-server check` to tell.
void make_private(const fs::path& folder) {
  struct stat seen {};
  if (::stat(folder.c_str(), &seen) == 0 && seen.st_uid == ::geteuid() && (seen.st_mode & 077) != 0)
    ::chmod(folder.c_str(), seen.st_mode & 0700);
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

// Read from the command line, which knows the variables, too (server/options.cpp).
struct StartSettings {
  std::string data_dir, state_dir, config_dir, host, port;
  static constexpr config::Rule kRules[] = {
      {.member = "data_dir",
       .variable = "DATA_DIR",
       .help = "Data directory; ./data when unset (--data-dir)"},
      {.member = "state_dir",
       .variable = "STATE_DIR",
       .help = "State directory; DATA_DIR/state when unset (--state-dir)"},
      {.member = "config_dir",
       .variable = "CONFIG_DIR",
       .help = "Folder of instance.yaml; ./config when unset (--config-dir)"},
      {.member = "host",
       .variable = "AGNES_HOST",
       .help = "Address to listen on; 127.0.0.1 when unset, which only this machine reaches (--host)"},
      {.member = "port", .variable = "AGNES_PORT", .help = "Port to listen on; 8000 when unset (--port)"},
  };
};
BOOST_DESCRIBE_STRUCT(StartSettings, (), (data_dir, state_dir, config_dir, host, port))

// Of the file itself, and what the frame's own configuration looks at.
struct FileSettings {
  std::int64_t config_version = 1;
  std::string type = "local";
  static constexpr config::Rule kRules[] = {
      {.member = "config_version",
       .key = "config_version",
       .one_of = {"1"},
       .help = "Version of this file's layout"},
      {.member = "type",
       .key = "data_source.type",
       .variable = "DATA_SOURCE",
       .one_of = {"local", "csv", "files"},  // and what connectors declare: Schema::add_source
       .help = "Where tables come from; local, csv and files all mean a folder of files"},
  };
};
BOOST_DESCRIBE_STRUCT(FileSettings, (), (config_version, type))

struct LogSettings {
  std::string level = "info", format = "text";
  static constexpr config::Rule kRules[] = {
      {.member = "level",
       .variable = "LOG_LEVEL",
       .one_of = {"debug", "info", "warning", "warn", "error", "critical", "off"},
       .help = "What is logged: this and what is worse"},
      {.member = "format",
       .variable = "AGNES_LOG_FORMAT",
       .one_of = {"text", "json"},
       .help = "How a line of the log is written"},
  };
};
BOOST_DESCRIBE_STRUCT(LogSettings, (), (level, format))

struct SchedulerSettings {
  std::int64_t grace_seconds = 60;
  static constexpr config::Rule kRules[] = {
      {.member = "grace_seconds",
       .variable = "SCHEDULER_STARTUP_GRACE_SECONDS",
       .ge = 0,
       .le = 3'155'760'000,
       .help = "Seconds after the start in which no job starts by itself"},
  };
};
BOOST_DESCRIBE_STRUCT(SchedulerSettings, (), (grace_seconds))

struct HttpSettings {
  static constexpr std::string_view kSection = "server";
  std::vector<std::string> trusted_proxies;
  int threads = 16;
  std::chrono::seconds send_timeout_seconds{60};
  std::uint64_t max_body_bytes = 32u << 20;
  static constexpr config::Rule kRules[] = {
      {.member = "trusted_proxies",
       .variable = "AGNES_TRUSTED_PROXIES",
       .help = "Addresses whose X-Forwarded-For is believed (single addresses or networks such as "
               "10.0.0.0/8)"},
      {.member = "threads",
       .variable = "AGNES_THREADPOOL_SIZE",
       .ge = 1,
       .le = 1024,
       .help = "Threads that run request handlers"},
      {.member = "send_timeout_seconds",
       .ge = 1,
       .le = 86'400,
       .help = "A client that takes nothing of its answer for this long is cut off"},
      {.member = "max_body_bytes", .ge = 1024, .help = "Largest request body"},
  };
};
BOOST_DESCRIBE_STRUCT(HttpSettings, (), (trusted_proxies, threads, send_timeout_seconds, max_body_bytes))

jobs::Service::Options job_options(const config::Config& config) {
  const auto& places = config.places();
  jobs::Service::Options options;
  options.timetable.grace_seconds = config.get<SchedulerSettings>().grace_seconds;
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
  const auto settings = config.get<HttpSettings>();
  out.handler_threads = settings.threads;
  out.max_body = settings.max_body_bytes;
  out.write_timeout = settings.send_timeout_seconds;
  out.trusted_proxies = settings.trusted_proxies;
  out.upload_folder = config.places().data / "tmp";
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
  const auto names = [](const boost::json::array& jobs) {
    std::vector<std::string> out;
    for (const auto& job : jobs) out.emplace_back(job.as_string());
    return join(out, ", ");
  };
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
    part["detail"] = fmt::format("the last run of {} failed: agnes admin jobs list says why", names(failed));
  else if (!partly.empty())
    part["detail"] = fmt::format(
        "a part of the last run of {} failed: agnes admin jobs list says which and why", names(partly));
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
  out.one("agnes_http_requests_running", "gauge", "Requests that run, on all executors", now.running);
  out.one("agnes_http_requests_queued", "gauge", "Requests that wait for a place on their executor",
          now.queued);
  out.one("agnes_http_streams", "gauge", "Streams that are open", now.streams);
  out.family("agnes_executor_running", "gauge", "Requests that run, by executor");
  for (const auto& executor : now.executors)
    out.sample(executor.running, {{"executor", std::string(executor.name)}});
  out.family("agnes_executor_limit", "gauge", "Requests that may run at once");
  for (const auto& executor : now.executors)
    out.sample(executor.limit, {{"executor", std::string(executor.name)}});
  out.family("agnes_executor_queued", "gauge", "Requests that wait for a place");
  for (const auto& executor : now.executors)
    out.sample(executor.queued, {{"executor", std::string(executor.name)}});
  out.family("agnes_executor_refused_total", "counter",
             "Requests that were refused: over the caller's own bound (429), or the executor was full (503)");
  for (const auto& executor : now.executors) {
    out.sample(executor.refused_caller, {{"executor", std::string(executor.name)}, {"bound", "caller"}});
    out.sample(executor.refused_full, {{"executor", std::string(executor.name)}, {"bound", "executor"}});
  }
}

// Which settings are in force: who has lost them learns it here first.
void tell_settings(const config::Config& config) {
  if (const auto lost = config::lost_folder(config.places()); !lost.empty()) return log::warn("{}", lost);
  const auto file = config.places().config / "instance.yaml";
  const auto saved = config.places().state / "instance.yaml";
  std::error_code error;
  if (fs::exists(file, error))
    log::info("settings are those of {}", file.string());
  else
    log::info("there is no {}: settings are the defaults", file.string());
  if (fs::exists(saved, error))
    log::info("what administrators changed counts before them: {}", saved.string());
}

// Destroyed in the opposite order of their making, also when one of them could not be made.
struct ModuleList {
  ~ModuleList() {
    while (!modules.empty()) modules.pop_back();
  }
  std::vector<std::unique_ptr<Module>> modules;
};

}  // namespace

workers::TaskTable declared_tasks(std::span<const ModuleKind> modules) {
  workers::TaskTable tasks;
  config::Schema settings;
  Declarations declarations{.tasks = tasks, .settings = settings};
  for (const auto& kind : modules)
    if (kind.declare != nullptr) kind.declare(declarations);
  return tasks;
}

config::Schema declared_settings(std::span<const ModuleKind> modules) {
  workers::TaskTable tasks;
  config::Schema settings;
  settings.add<FileSettings>();
  settings.add<AddressSettings>();
  settings.add<HttpSettings>();
  settings.add<StartSettings>();
  settings.add<LogSettings>();
  settings.add<SchedulerSettings>();
  Declarations declarations{.tasks = tasks, .settings = settings};
  for (const auto& kind : modules) {
    settings.module(kind.name);
    if (kind.declare != nullptr) kind.declare(declarations);
  }
  return settings;
}

int run(std::span<const ModuleKind> kinds, const HostOptions& options) {
  sigset_t ends;
  prepare_process(ends);
  const auto started = now();
  const auto& places = options.places;
  const auto config = config::Config::load(places);
  config::Overlay overlay(places);
  const auto logging = config.get<LogSettings>();
  log::init(logging.level, logging.format == "json");
  for (const auto& warning : config.warnings()) log::warn("{}", warning);
  tell_settings(config);
  if (!config.unbuilt().empty())
    log::info("set, but of no effect in this server: {}", join(config.unbuilt(), ", "));
  for (const auto& folder : {places.data, places.state, places.extracts()}) make_folder(folder);
  for (const auto& [name, folder] : places.private_folders()) make_private(folder);

  RequestCounts request_counts;
  http::Routes routes;
  routes.on_response(add_headers);
  // Modules outlive the threads that run their code: these are stopped first, below or by their destructors.
  ModuleList made;
  auto& modules = made.modules;
  jobs::Service jobs(job_options(config));
  auto http_options = server_options(config, options);
  Services services(config, overlay, jobs, http_options);
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

  http_options.observe = [&](const http::AnswerRecord& served) { request_counts.add(served); };
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
  return 0;
}

}  // namespace agnes::app
