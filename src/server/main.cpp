#include <csignal>
#include <iostream>

#include <CLI/CLI.hpp>
#include <malloc.h>
#include <sys/resource.h>

#include "access/break_glass.h"
#include "access/routes.h"
#include "base/env.h"
#include "base/files.h"
#include "base/log.h"
#include "catalog/column_metadata_routes.h"
#include "catalog/metadata_routes.h"
#include "catalog/metric_routes.h"
#include "catalog/profile_routes.h"
#include "catalog/registry_routes.h"
#include "catalog/routes.h"
#include "config/config.h"
#include "connectors/connectors.h"
#include "connectors/keboola/column_push.h"
#include "connectors/remote_access.h"
#include "connectors/source_routes.h"
#include "connectors/tasks.h"
#include "duck/api.h"
#include "extracts/profile.h"
#include "http/server.h"
#include "jobs/scheduler.h"
#include "query/scan.h"
#include "query/service.h"
#include "server/backup.h"
#include "server/check.h"
#include "server/client_routes.h"
#include "server/config_routes.h"
#include "server/control.h"
#include "server/data_files.h"
#include "server/health_parts.h"
#include "server/health_routes.h"
#include "server/job_routes.h"
#include "server/metrics.h"
#include "server/restore.h"
#include "server/welcome_routes.h"
#include "sync/data_routes.h"
#include "sync/orchestrator.h"
#include "sync/sync_routes.h"
#include "workers/confine.h"

namespace agnes::server {

namespace {

struct Options {
  std::string host, data, config, role, new_admin;
  int port = 8000;
  std::string command, backup_folder;  // of a subcommand
  bool json = false, replace = false;
};

// --host H --port P --data-dir D --config-dir C; each also from the environment.
std::optional<int> parse(int argc, char** argv, Options& options) {
  CLI::App app("Agnes server: hands analysts the tables that they may see.", "agnes-server");
  app.add_option("--host", options.host, "Address to listen on")
      ->envname("AGNES_HOST")
      ->default_val("0.0.0.0");
  app.add_option("--port", options.port, "Port to listen on; 0 picks a free one")
      ->envname("AGNES_PORT")
      ->default_val(8000)
      ->check(CLI::Range(0, 65535));
  app.add_option("--data-dir", options.data, "Data directory")->envname("DATA_DIR")->default_val("./data");
  app.add_option("--config-dir", options.config, "Folder of instance.yaml")
      ->envname("CONFIG_DIR")
      ->default_val("./config");
  app.add_option("--grant-admin", options.new_admin,
                 "Make the account of this address an admin, with the server down, and end")
      ->type_name("EMAIL");
  app.add_option("--role", options.role)->group("");
  auto* backup =
      app.add_subcommand("backup", "Copy the data directory into a new folder, also while the server runs");
  backup->add_option("FOLDER", options.backup_folder, "Where to; it must not be there yet")->required();
  auto* check = app.add_subcommand("check", "Say what is wrong with the data directory; changes nothing");
  check->add_flag("--json", options.json, "Print it as JSON");
  auto* restore = app.add_subcommand("restore", "Make a backup the data directory, with the server down");
  restore->add_option("BACKUP", options.backup_folder, "The folder that 'backup' made")->required();
  restore->add_flag("--replace", options.replace,
                    "Also when the data directory is not empty; what is in it is kept beside it");
  for (auto* command : {backup, restore, check})
    command->fallthrough()->callback([&options, command] { options.command = command->get_name(); });
  app.set_version_flag("--version,-V", "agnes-server " AGNES_VERSION);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  return std::nullopt;
}

config::Places places_of(const Options& options) {
  config::Places places;
  places.data = fs::absolute(options.data).lexically_normal();
  places.config = fs::absolute(options.config).lexically_normal();
  places.state =
      env("STATE_DIR") ? fs::absolute(*env("STATE_DIR")).lexically_normal() : places.data / "state";
  return places;
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

query::PoolOptions pool_options(const config::Config& config) {
  query::PoolOptions options;
  options.max_workers = static_cast<std::size_t>(config.integer_or("query.max_workers", 6));
  options.max_per_caller = std::max<std::size_t>(1, options.max_workers / 2);
  options.memory_bytes = static_cast<std::uint64_t>(config.integer_or("query.memory_mb", 1024)) << 20;
  options.spill_bytes = static_cast<std::uint64_t>(config.integer_or("query.spill_mb", 4096)) << 20;
  options.time_limit_seconds =
      static_cast<int>(std::clamp<std::int64_t>(config.integer_or("query.timeout_seconds", 60), 1, 60));
  options.spill_folder = config.places().data / "tmp";
  return options;
}

query::ScanLimits scan_limits(const config::Config& config) {
  query::ScanLimits limits;
  const auto set = [&](std::string_view name, auto& limit) {
    limit = static_cast<std::remove_reference_t<decltype(limit)>>(
        config.integer_or(fmt::format("api.scan.{}", name), static_cast<std::int64_t>(limit)));
  };
  set("max_limit", limits.max_limit);
  set("max_result_bytes", limits.max_result_bytes);
  set("request_timeout_seconds", limits.time_limit_seconds);
  set("transfer_timeout_seconds", limits.transfer_timeout_seconds);
  set("max_concurrent_per_user", limits.quota.at_once);
  set("max_daily_bytes_per_user", limits.quota.daily_bytes);
  return limits;
}

jobs::Scheduler::Options scheduler_options(const config::Places& places) {
  jobs::Scheduler::Options options;
  options.timetable.grace_seconds = jobs::seconds_from_env("SCHEDULER_STARTUP_GRACE_SECONDS", 60);
  // So that servers of one organisation do not ask a source at the same moment.
  options.timetable.seed = static_cast<std::uint64_t>(now().micros);
  options.memory = places.state / "jobs.json";
  return options;
}

void add_jobs(jobs::Scheduler& scheduler, sync::Orchestrator& orchestrator) {
  scheduler.add({.name = sync::kSyncJob,
                 .description = "Brings the tables that are due from the source",
                 .schedule = jobs::interval_from_env("SCHEDULER_DATA_REFRESH_INTERVAL", 15 * 60),
                 .work = [&](const jobs::Context& context) { return orchestrator.sync_due(context); }});
  scheduler.add({.name = sync::kRebuildJob,
                 .description = "Reads again what the extracts hold",
                 .schedule = "",
                 .work = [&](const jobs::Context& context) { return orchestrator.reread(context); }});
}

extracts::ProfileLimits profile_limits(const config::Config& config) {
  try {
    return json::from_json<extracts::ProfileLimits>(config.object("profiler"));
  } catch (const std::exception& error) {
    log::warn("the settings below profiler are not used: {}", error.what());
    return {};
  }
}

catalog::ComputeProfile profile_worker(const config::Places& places, const extracts::ProfileLimits& limits) {
  return [places, limits](const catalog::Table& table, const std::vector<std::string>& primary_key,
                          const std::function<bool()>& cancelled) {
    const auto scratch = places.data / "tmp";
    fs::create_directories(scratch);
    const TemporaryFolder spill(scratch);
    extracts::ProfileRequest request{.files = table.files,
                                     .union_by_name = table.union_by_name,
                                     .attach_file = table.attach_file.value_or(""),
                                     .table = table.attach_name,
                                     .primary_key = primary_key,
                                     .temp_folder = spill.path(),
                                     .limits = limits};
    workers::Confinement confinement;
    confinement.readable = table.files;
    if (table.attach_file) {
      confinement.readable.push_back(*table.attach_file);
      confinement.readable.push_back(*table.attach_file + ".wal");
    }
    confinement.writable = {spill.path()};
    confinement.memory_bytes = 1ull << 30;
    const workers::TaskContext relay{[](const boost::json::value&) {}, cancelled};
    return workers::run_task("table.profile", confinement, json::to_json(request), relay).as_object();
  };
}

// How often what engines say of remote tables is asked for again; four hours.
constexpr const char* kMetadataInterval = "SCHEDULER_BQ_METADATA_REFRESH_INTERVAL";
constexpr std::int64_t kMetadataSeconds = 4 * 60 * 60;

int serve(const Options& options) {
  // A signal ends the server by being waited for; every thread inherits the mask.
  sigset_t ends;
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

  const auto places = places_of(options);
  const auto config = config::Config::load(places);
  config::Overlay overlay(places);
  log::init(env_or("LOG_LEVEL", "info"), env_or("AGNES_LOG_FORMAT", "text") == "json");
  for (const auto& warning : config.warnings()) log::warn("{}", warning);
  if (workers::landlock_version() == 0)
    log::warn("this kernel has no Landlock: worker processes are limited, but not confined to their files");
  for (const auto& folder : {places.data, places.state, places.extracts()}) make_folder(folder);

  // The lock that the store takes makes this the only server here: what another one left is nobody's.
  state::Store store(places.state, {.bigquery_project = config.text("data_source.bigquery.project")});
  for (const auto& folder : work_folders(places)) remove_leftovers(folder, Leftovers::all);
  // Others may be at work there.
  if (const auto scratch = env("AGNES_TEMP_DIR"); scratch && fs::is_directory(*scratch))
    remove_leftovers(*scratch);
  // What is served is no untouched backup any more, if it was one.
  fs::remove(places.data / kBackupNote);
  access::Access access(store, places.state);
  access::EmailOutbox outbox(access.users(), access::read_mail_settings(config));
  catalog::Generations generations;
  const catalog::Visible visible(access.directory(), generations);
  query::Pool pool(pool_options(config));
  query::ServiceLimits limits;
  limits.max_rows = config.integer_or("query.max_rows", 100'000);
  limits.max_result_bytes = static_cast<std::uint64_t>(config.integer_or("query.max_result_mb", 64)) << 20;
  limits.transfer_limit = std::chrono::seconds(config.integer_or("query.transfer_timeout_seconds", 300));
  sync::Extensions extensions(config);
  query::Service queries(visible, pool, limits, connectors::remote_access(config, extensions));
  sync::Manifests manifests(places.data);
  generations.on_publish([&](const catalog::Generation& generation) {
    visible.forget();
    pool.retire_others(fmt::format("{}/", generation.number()));
  });

  jobs::Runner runner;
  jobs::Scheduler scheduler(runner, scheduler_options(places));
  sync::Orchestrator orchestrator(
      places, store, generations, runner, connectors::for_sync(config),
      std::chrono::seconds(config.integer_or("extract.read_timeout_seconds", 600)), extensions);
  add_jobs(scheduler, orchestrator);
  const auto engine_facts = [places](const catalog::Registration& row) {
    return connectors::facts(row, config::Config::read(places));
  };
  catalog::RemoteMetadataCache remote_metadata(store, engine_facts,
                                               jobs::seconds_from_env(kMetadataInterval, kMetadataSeconds));
  scheduler.add({.name = catalog::kMetadataJob,
                 .description = "Asks the engines of remote tables for their sizes and columns",
                 .schedule = jobs::interval_from_env(kMetadataInterval, kMetadataSeconds),
                 .work = [&](const jobs::Context& context) -> boost::json::value {
                   return remote_metadata.refresh_all(context);
                 }});
  catalog::RemoteLooks looks(engine_facts, [places](const catalog::Registration& row, int rows) {
    return connectors::sample(row, config::Config::read(places), rows);
  });
  const Control control(places.state, {{kSnapshotRequest, [&](workers::Channel& channel) {
                                          serve_snapshot(channel, places, store, runner);
                                        }}});

  http::Routes routes;
  routes.on_response(add_headers);
  add_health_routes(routes, store, generations, runner, orchestrator, places, [&] {
    return operator_parts({generations, scheduler, pool, outbox, places});
  });
  RequestCounts request_counts;
  const http::Server* running = nullptr;
  add_metrics_route(routes, {request_counts, generations, runner, scheduler, pool, places,
                             [&] { return running->counts(); }});
  add_client_routes(routes, places, outbox.settings().public_url);
  add_config_routes(routes, store, overlay);
  access::add_routes(routes, access, outbox, config);
  const auto settings = [&] { return config::Config::read(places); };
  connectors::add_source_routes(routes, store, settings, [&] { orchestrator.refresh(); });
  catalog::add_registry_routes(
      routes, access.directory(),
      {.settings = settings,
       .look_up = [=](const catalog::Registration& row) { return connectors::look_up(row, settings()); },
       .changed = [&] { orchestrator.refresh(); },
       .removed = [&](const catalog::Registration& row) { orchestrator.removed(row); },
       .redefined = [&](const catalog::Registration& row) { orchestrator.redefined(row); }});
  catalog::add_routes(routes, store, visible, remote_metadata, looks,
                      [&](const http::Caller& caller, const std::string& sql, std::int64_t limit) {
                        return queries.run(caller, sql, limit);
                      });
  catalog::add_metric_routes(routes, store, visible, [&](const http::Caller& caller, const std::string& sql) {
    return queries.check(caller, sql);
  });
  catalog::Profiles profiles(store, generations, runner, places.data,
                             profile_worker(places, profile_limits(config)));
  catalog::add_profile_routes(routes, visible, profiles);
  catalog::WarmUp warm_up(store, generations, runner, profiles, remote_metadata);
  catalog::add_metadata_routes(routes, store, visible, runner, remote_metadata, warm_up);
  catalog::add_column_metadata_routes(routes, store, visible, connectors::keboola::column_push(config));
  sync::add_data_routes(routes, visible, manifests);
  add_welcome_routes(routes, visible, config);
  sync::add_settings_routes(routes, store, visible);
  sync::add_sync_routes(routes, orchestrator);
  add_job_routes(routes, store, scheduler, runner);
  query::add_routes(routes, queries);
  query::Scans scans(visible, queries, scan_limits(config));
  query::add_scan_routes(routes, scans);
  routes.serve_docs(
      {.title = "Agnes", .version = AGNES_VERSION, .description = "Tables, for those who may see them."});

  http::Server::Options http;
  http.host = options.host;
  http.port = options.port;
  http.handler_threads = static_cast<int>(config.integer_or("server.threads", 16));
  http.max_body = static_cast<std::size_t>(config.integer_or("server.max_body_bytes", 32 << 20));
  http.write_timeout = std::chrono::seconds(config.integer_or("server.send_timeout_seconds", 60));
  http.trusted_proxies = config.list("server.trusted_proxies");
  http.observe = [&](const http::Served& served) { request_counts.add(served); };
  http::Server server(http, routes);
  running = &server;
  server.start();
  log::info("listening on http://{}:{}, data in {}", options.host, server.port(), places.data.string());
  orchestrator.start();
  scheduler.start();
  pool.warm();

  int signal = 0;
  ::sigwait(&ends, &signal);
  log::info("stopping: running requests get 10 s to end");
  server.stop(std::chrono::seconds(10));
  scheduler.stop();
  runner.stop();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (const auto status = parse(argc, argv, options)) return *status;
  try {
    if (options.role == "query") return query::serve_queries();
    if (options.role == "extract") {
      duck::api();  // loaded while files may still be opened: afterwards a worker sees only its own
      return workers::serve_task(connectors::tasks());
    }
    if (!options.new_admin.empty()) {
      std::cout << access::grant_admin(places_of(options).state, options.new_admin);
      return 0;
    }
    if (options.command == "backup") {
      std::cout << back_up(places_of(options), options.backup_folder);
      return 0;
    }
    if (options.command == "restore") {
      std::cout << restore(places_of(options), options.backup_folder, options.replace);
      return 0;
    }
    if (options.command == "check") return check_data(places_of(options), options.json);
    return serve(options);
  } catch (const std::exception& error) {
    std::cerr << "agnes-server: " << error.what() << '\n';
    return 1;
  }
}

}  // namespace agnes::server

int main(int argc, char** argv) {
  return agnes::server::main(argc, argv);
}
