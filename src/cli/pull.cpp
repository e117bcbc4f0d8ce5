#include "cli/pull.h"

#include <cerrno>
#include <cmath>
#include <csignal>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/facts.h"
#include "cli/output.h"
#include "cli/rules.h"
#include "cli/views.h"
#include "lib/base/env.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/http_client/download.h"
#include "lib/http_client/retry.h"

namespace agnes::cli {

using http_client::Cancelled;
using http_client::StatusError;
using http_client::TransportError;

namespace {

std::int64_t setting(const char* name, std::int64_t fallback, std::int64_t least, std::int64_t most) {
  return std::clamp(parse_int(env_or(name, "")).value_or(fallback), least, most);
}

class Pull {
 public:
  Pull(Api& api, const Workspace& workspace, const PullOptions& options)
      : api_(api), workspace_(workspace), options_(options) {}

  PullResult run() {
    const auto started = std::chrono::steady_clock::now();
    try {
      work();
    } catch (const Cancelled&) {
      result_.interrupted = true;
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
    result_.duration_s = std::round(took.count() * 1000) / 1000;
    if (!options_.dry_run) {
      result_.tables_updated = static_cast<std::int64_t>(updated_.size());
      result_.tables_removed = static_cast<std::int64_t>(removed_.size());
    }
    (options_.dry_run ? result_.would_update : result_.updated) = std::move(updated_);
    (options_.dry_run ? result_.would_remove : result_.removed) = std::move(removed_);
    return std::move(result_);
  }

 private:
  void work() {
    UniqueFd held;
    if (!options_.dry_run) {
      fs::create_directories(workspace_.server());
      held = lock_workspace(workspace_, options_.say_when_waiting);
    }
    state_ = load_pull_state(workspace_);
    if (!fetch_manifest()) return;
    choose();
    if (options_.dry_run) {
      updated_ = wanted_;
      removed_ = gone_;
      return;
    }
    if (!wanted_.empty()) {
      announce_files();
      download_all();
      retry_changed();
    }
    finish();
    fetch_rules();
    renew_facts(api_, workspace_, !manifest_checked_);
    if (changed_state_) save_pull_state(workspace_, state_);
  }

  // Answers whether there is one to work with.
  bool fetch_manifest() {
    const bool known = state_.server == api_.server() && !state_.manifest_etag.empty();
    try {
      const Response response = get_patiently("/api/sync/manifest", known ? state_.manifest_etag : "");
      if (known && response.status == 304) {
        manifest_ = state_.manifest;
        etag_ = state_.manifest_etag;
        manifest_checked_ = true;
        return true;
      }
      manifest_checked_ = false;
      if (response.status != 200) {
        stage_failed("manifest", refusal(response), cause_of_status(response.status));
        return false;
      }
      manifest_ = parse_manifest(response.json());
      etag_ = response.header("etag").value_or("");
      return true;
    } catch (const Cancelled&) {
      throw;
    } catch (const Failure&) {
      throw;
    } catch (const Error& error) {
      stage_failed("manifest", error.what(), cause_of(error));
      return false;
    }
  }

  // A server that is starting, or busy, is asked again; one that is not there is not.
  Response get_patiently(const std::string& path, const std::string& etag) {
    http_client::Request request{.method = "GET", .path = path, .headers = {}, .body = {}};
    if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
    const auto retries = setting("AGNES_STREAM_RETRIES", 3, 0, 100);
    for (int failures = 1;; ++failures) {
      std::optional<std::chrono::milliseconds> pause;
      try {
        Response response = api_.send(request);
        if (!http_client::is_retryable_status(response.status) || failures > retries) return response;
        if (const auto after = response.header("retry-after")) pause = http_client::parse_retry_after(*after);
      } catch (const TransportError& error) {
        if (error.cause() != TransportError::Cause::broken || failures > retries) throw;
      }
      http_client::wait(pause.value_or(http_client::backoff(failures)), [] { return interrupted.load(); });
    }
  }

  // What to fetch (`wanted_`) and what to remove (`gone_`).
  void choose() {
    const ParquetFolder folder(workspace_);
    std::map<std::string, std::string> by_lower_name;
    for (const auto& [name, table] : manifest_) {
      if (!manifest_checked_ && !is_table_id(name)) {
        // Names become file names here.
        table_failed(escape_control(name), "the name is not safe as a file name: left out");
        continue;
      }
      if (!table.has_file() || (options_.skip_materialize && table.query_mode == "materialized")) continue;
      if (!manifest_checked_)
        if (const auto [other, is_new] = by_lower_name.emplace(to_lower(name), name); !is_new) {
          table_failed(
              name,
              fmt::format("differs from the table {} only in case, which SQL does not tell apart: left out",
                          other->second));
          continue;
        }
      ++result_.parquets_total;
      if (!is_current(name, table, folder.stat_file(name))) wanted_.push_back(name);
    }
    for (const auto& [name, file] : state_.files) {
      if (file.server != api_.server() || !is_table_id(name)) continue;
      const auto listed = manifest_.find(name);
      if (listed == manifest_.end() || !listed->second.has_file()) gone_.push_back(name);
    }
  }

  bool is_current(const std::string& name, const ManifestTable& table,
                  const std::optional<KnownFile>& found) {
    if (!found || table.hash.empty()) return false;
    auto known = state_.files.find(name);
    if (known != state_.files.end() && known->second.hash == table.hash &&
        looks_same(known->second, *found)) {
      if (known->second.server != api_.server()) remember(name, *found, table.hash);
      return true;
    }
    // Not recorded as complete: a pull was killed after it had put the file in place, or another client
    // fetched it. Its content decides.
    if ((table.size != 0 && found->size != table.size) ||
        !iequals(md5_file(workspace_.parquet_of(name)), table.hash))
      return false;
    remember(name, *found, table.hash);
    return true;
  }

  void remember(const std::string& name, KnownFile file, const std::string& hash) {
    file.hash = hash;
    file.server = api_.server();
    state_.files[name] = std::move(file);
    changed_state_ = true;
  }

  // Notes what is going to be fetched, so that the files count as the server's even if this process is killed
  // before it can say that they are complete.
  void announce_files() {
    fs::create_directories(workspace_.parquet());
    remove_leftovers(workspace_.parquet());
    std::set<std::string> partial;
    for (const auto& name : wanted_) {
      const std::string part = http_client::partial_name(download_of(name)).filename();
      partial.insert(part);
      partial.insert(part + ".json");
      KnownFile& file = state_.files[name];
      file.hash.clear();
      file.server = api_.server();
    }
    // Halves of files that nobody wants any more.
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(workspace_.parquet(), ignored)) {
      const std::string name = entry.path().filename();
      if (http_client::is_partial_name(name) && !partial.contains(name)) fs::remove(entry.path(), ignored);
    }
    save_pull_state(workspace_, state_);
    changed_state_ = true;
  }

  http_client::Download download_of(const std::string& name) const {
    const auto& table = manifest_.at(name);
    return {"/api/data/" + http_client::percent_encode(name) + "/download", workspace_.parquet_of(name),
            table.hash, table.size};
  }

  void download_all() {
    std::vector<Progress::File> files;
    for (const auto& name : wanted_) files.push_back({name, manifest_.at(name).size});
    Progress progress(options_.progress, std::move(files));
    const auto workers = std::min<std::size_t>(
        static_cast<std::size_t>(setting("AGNES_PULL_PARALLELISM", 4, 1, 64)), wanted_.size());
    std::atomic<std::size_t> next = 0;
    const auto work = [&] {
      while (!stop_) {
        const std::size_t index = next++;
        if (index >= wanted_.size()) return;
        download_one(wanted_[index], progress);
      }
    };
    std::vector<std::thread> threads;
    for (std::size_t i = 1; i < workers; ++i) threads.emplace_back(work);
    work();
    for (auto& thread : threads) thread.join();
    std::sort(updated_.begin(), updated_.end());
  }

  void download_one(const std::string& name, Progress& progress) {
    http_client::DownloadOptions how;
    how.retries = static_cast<int>(setting("AGNES_STREAM_RETRIES", 3, 0, 100));
    how.segments = static_cast<int>(setting("AGNES_PULL_CHUNK_PARALLELISM", 4, 1, 16));
    how.segment_threshold = static_cast<std::uint64_t>(
        setting("AGNES_PULL_CHUNK_THRESHOLD_BYTES", 50 << 20, 0, std::int64_t{1} << 50));
    std::string problem;
    Cause cause = Cause::failed;
    bool stop = false;
    try {
      http_client::download(
          api_.client(), download_of(name), how, [&](std::int64_t bytes) { progress.advance(name, bytes); },
          [] { return interrupted.load(); });
      const std::lock_guard guard(mutex_);
      if (const auto found = stat_file(workspace_.parquet_of(name)))
        remember(name, *found, manifest_.at(name).hash);
      updated_.push_back(name);
      progress.done(name);
      return;
    } catch (const Cancelled&) {
      stop = true;
    } catch (const StatusError& error) {
      problem = refusal(error.response());
      cause = cause_of_status(error.response().status);
      // The token does not get better with the next table.
      stop = error.response().status == 401;
    } catch (const http_client::HashMismatch& error) {
      const std::lock_guard guard(mutex_);
      mismatched_.emplace_back(name, error.what());
    } catch (const Error& error) {
      problem = error.what();
      cause = cause_of(error);
      stop = error.kind() == ErrorKind::insufficient_storage;
      if (stop) problem += "; make room and run agnes pull again: the tables from before are as they were";
    } catch (const std::exception& error) {
      problem = error.what();
    }
    progress.failed(name);
    const std::lock_guard guard(mutex_);
    if (stop) stop_ = true;
    if (!problem.empty()) table_failed(name, problem, cause);
  }

  // A hash that does not fit has two causes: the file was damaged, or the server got a new one since it gave
  // out the manifest. A new manifest tells.
  void retry_changed() {
    if (mismatched_.empty() || stop_) return;
    const auto first = std::exchange(mismatched_, {});
    const Manifest before = manifest_;
    state_.manifest_etag.clear();
    std::vector<std::string> again;
    if (fetch_manifest())
      for (const auto& [name, error] : first) {
        const auto now = manifest_.find(name);
        if (now != manifest_.end() && now->second.has_file() && now->second.hash != before.at(name).hash)
          again.push_back(name);
      }
    for (const auto& [name, error] : first)
      if (std::find(again.begin(), again.end(), name) == again.end()) mismatch_problem(name, error);
    // Tables that are new in this manifest come with the next pull.
    for (const auto& [name, table] : before) manifest_.emplace(name, table);
    if (again.empty()) return;
    wanted_ = std::move(again);
    download_all();
    for (const auto& [name, error] : mismatched_) mismatch_problem(name, error);
  }
  void mismatch_problem(const std::string& name, const std::string& error) { table_failed(name, error); }

  void finish() {
    if (interrupted) {
      save_pull_state(workspace_, state_);
      throw Cancelled();
    }
    const ViewsMade made = refresh_views(workspace_, state_, {gone_.begin(), gone_.end()});
    for (const auto& problem : made.problems) stage_failed("views", problem);
    if (!made.kept.empty())
      note("{} cannot be read by this DuckDB: it is kept as {}, and was made anew",
           workspace_.database().filename().string(), made.kept.filename().string());
    if (made.postponed)
      stage_failed("views",
                   fmt::format("{} is open for writing in another program, and shows the tables from before; "
                               "close it and run agnes pull again",
                               workspace_.database().string()));
    if (made.unchanged)
      // `agnes status` reads the time of the last pull off this file, as the contract's client does.
      ::utimensat(AT_FDCWD, workspace_.database().c_str(), nullptr, 0);
    else
      changed_state_ = true;
    // After the views, so that none is left without its file.
    for (const auto& name : gone_) {
      std::error_code error;
      fs::remove(workspace_.parquet_of(name), error);
      if (error) {
        table_failed(name, fmt::format("cannot remove its file: {}", error.message()));
        continue;
      }
      state_.files.erase(name);
      removed_.push_back(name);
      changed_state_ = true;
    }

    const bool complete = result_.errors.empty();
    const bool same_tables = manifest_checked_ && updated_.empty() && removed_.empty();
    if (!same_tables || !touch_sync_state()) {
      std::map<std::string, SyncedTable> present;
      for (const auto& [name, table] : manifest_) {
        const auto file = state_.files.find(name);
        if (file == state_.files.end() || file->second.hash != table.hash || table.hash.empty()) continue;
        present[name] = {table.hash, table.rows, table.size};
      }
      update_sync_state(present, removed_);
    }
    // With problems, the next pull asks for the whole manifest again.
    const std::string etag = complete && !options_.skip_materialize ? etag_ : "";
    if (state_.manifest_etag != etag || state_.server != api_.server()) {
      state_.server = api_.server();
      state_.manifest_etag = etag;
      state_.manifest = manifest_;
      changed_state_ = true;
    }
  }

  // The Parquet files there will be, and a text that changes when any of them does.
  void fetch_rules() {
    try {
      Rules known{state_.rules_etag, state_.rules};
      const Rules now = sync_rules(api_, workspace_, known);
      result_.rules_count = now.count;
      if (now.etag != state_.rules_etag || now.count != state_.rules) {
        state_.rules_etag = now.etag;
        state_.rules = now.count;
        changed_state_ = true;
      }
    } catch (const Cancelled&) {
      throw;
    } catch (const Failure&) {
      throw;
    } catch (const Error& error) {
      stage_failed("memory_bundle", error.what(), cause_of(error));
    }
  }

  void table_failed(const std::string& table, std::string error, Cause cause = Cause::failed) {
    result_.errors.push_back({.table = table, .stage = {}, .error = std::move(error), .kind = cause});
  }
  void stage_failed(const std::string& stage, std::string error, Cause cause = Cause::failed) {
    result_.errors.push_back({.table = {}, .stage = stage, .error = std::move(error), .kind = cause});
  }

  Api& api_;
  const Workspace& workspace_;
  const PullOptions& options_;
  PullResult result_;
  std::vector<std::string> updated_, removed_;
  PullState state_;
  bool changed_state_ = false;
  Manifest manifest_;
  std::string etag_;
  bool manifest_checked_ = false;  // it is the one of the last pull, which found nothing wrong with it
  std::vector<std::string> wanted_, gone_;
  std::mutex mutex_;  // result_, updated_, state_ and mismatched_ while downloads run
  std::vector<std::pair<std::string, std::string>> mismatched_;
  std::atomic<bool> stop_ = false;
};

void on_interrupt(int) {
  interrupted = true;
}
}  // namespace

UniqueFd lock_workspace(const Workspace& workspace, bool say_when_waiting) {
  UniqueFd fd(::open(workspace.lock().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
  if (!fd) throw system_error("cannot write " + workspace.lock().string(), errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (say_when_waiting) note("another agnes pull runs in this workspace: waiting for it");
  while (::flock(fd.get(), LOCK_EX) != 0) {
    if (errno != EINTR) throw system_error("cannot lock " + workspace.lock().string(), errno);
    if (interrupted) throw Cancelled();
  }
  return fd;
}

PullResult pull(Api& api, const Workspace& workspace, const PullOptions& options) {
  return Pull(api, workspace, options).run();
}

namespace {
// What a stage is about, to people.
std::string subject(const PullProblem& problem) {
  if (problem.table) return *problem.table;
  const auto stage = problem.stage.value_or("");
  return stage == "manifest"        ? "the list of tables"
         : stage == "memory_bundle" ? "the rules"
         : stage == "views"         ? "the local database"
                                    : stage;
}
}  // namespace

void say_problems(const PullResult& result) {
  for (const auto& problem : result.errors)
    say_error(problem.kind, fmt::format("{}: {}", subject(problem), problem.error));
}

const PullProblem* manifest_problem(const PullResult& result) {
  for (const auto& problem : result.errors)
    if (problem.stage == "manifest") return &problem;
  return nullptr;
}

InterruptGuard::InterruptGuard() {
  struct sigaction action {};
  action.sa_handler = &on_interrupt;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
}
InterruptGuard::~InterruptGuard() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

}  // namespace agnes::cli
