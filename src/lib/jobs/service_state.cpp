// What there is to tell of jobs, and what of them is kept on disk.
#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/log.h"
#include "lib/jobs/service.h"

namespace agnes::jobs {

namespace {

std::int64_t milliseconds(Timestamp from, Timestamp to) {
  return std::max<std::int64_t>(0, to.micros - from.micros) / 1000;
}

bool succeeded(Outcome outcome) {
  return outcome == Outcome::ok || outcome == Outcome::partly;
}

}  // namespace

const Kind& Service::kind_of(const std::string& name) const {
  const auto found = kinds_.find(name);
  if (found == kinds_.end()) throw Error(ErrorKind::not_found, fmt::format("there is no job {}", name));
  return found->second;
}

boost::json::value Service::checked(const Kind& kind, const boost::json::value& input) const {
  return kind.work.check(input);
}

bool Service::running(const std::string& kind) const {
  std::lock_guard lock(mutex_);
  const auto found = tallies_.find(kind);
  return found != tallies_.end() && found->second.running > 0;
}

void Service::wait_idle(const std::string& kind) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    const auto found = tallies_.find(kind);
    return found == tallies_.end() || found->second.running == 0;
  });
}

std::optional<Run> Service::wait(const std::string& id) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] {
    for (const auto& [number, entry] : entries_)
      if (entry.run.id == id) return ending_ && entry.run.outcome == Outcome::queued;
    return true;
  });
  for (const auto& [kind, runs] : history_)
    for (const auto& run : runs)
      if (run.id == id) return run;
  return std::nullopt;
}

std::optional<Run> Service::active(const std::string& kind) const {
  std::lock_guard lock(mutex_);
  std::optional<Run> waiting;
  for (const auto& [number, entry] : entries_) {
    if (entry.run.job != kind) continue;
    if (entry.run.outcome == Outcome::running) return entry.run;
    if (!waiting) waiting = entry.run;
  }
  return waiting;
}

std::optional<Run> Service::latest(const std::string& kind) const {
  std::lock_guard lock(mutex_);
  const auto found = history_.find(kind);
  return found == history_.end() || found->second.empty() ? std::nullopt
                                                          : std::optional(found->second.front());
}

std::vector<JobState> Service::jobs() const {
  std::map<std::string, JobState> states;
  const auto moment = options_.clock();
  std::lock_guard lock(mutex_);
  for (const auto& [name, kind] : kinds_) {
    auto& state = states[name];
    state.name = name;
    state.description = kind.description;
    state.durable = kind.durable;
    if (!kind.schedule.empty()) state.schedule = kind.schedule;
    if (timetable_ && !ending_) state.next_run = timetable_->next_of(name);
    if (const auto last = last_.find(name); last != last_.end()) {
      state.last_run = last->second.started;
      state.outcome = last->second.outcome;
      state.error = last->second.error;
      state.duration_ms = milliseconds(last->second.started, last->second.ended);
    }
  }
  const auto show = [&](JobState& state, const Run& run) {
    state.last_run = run.started;
    state.outcome = run.outcome;
    state.error = run.error;
    state.duration_ms = run.started ? milliseconds(*run.started, run.ended.value_or(moment)) : 0;
    state.progress = run.progress;
    state.result = run.result;
    state.failures = run.failures;
  };
  for (const auto& [name, runs] : history_) {
    auto& state = states[name];
    for (const auto& run : runs)
      if (run.started) {
        show(state, run);
        break;
      }
  }
  std::map<std::string, std::vector<Run>> under_way, waiting;
  for (const auto& [number, entry] : entries_) {
    auto& state = states[entry.run.job];
    const bool runs_now = entry.run.outcome == Outcome::running;
    state.running = state.running || runs_now;
    state.queued += runs_now ? 0 : 1;
    if (auto& list = (runs_now ? under_way : waiting)[entry.run.job]; list.size() < kMostShown)
      list.push_back(entry.run);
    if (entry.run.started && (!state.last_run || *state.last_run <= *entry.run.started || runs_now))
      show(state, entry.run);
  }
  std::vector<JobState> out;
  for (auto& [name, state] : states) {
    state.runs = std::move(under_way[name]);
    for (auto& run : waiting[name]) state.runs.push_back(std::move(run));
    if (const auto ended = history_.find(name); ended != history_.end())
      state.runs.insert(state.runs.end(), ended->second.begin(), ended->second.end());
    if (state.runs.size() > kMostShown) state.runs.resize(kMostShown);
    out.push_back(std::move(state));
  }
  return out;
}

Service::Changes Service::changes(std::uint64_t revision, std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, timeout, [&] { return revision_ > revision || ending_; });
  Changes out{.revision = revision_, .names = {}};
  for (const auto& [name, last] : revisions_)
    if (last > revision) out.names.push_back(name);
  return out;
}

std::map<std::string, Service::Tally> Service::tallies() const {
  std::lock_guard lock(mutex_);
  auto out = tallies_;
  for (const auto& [name, last] : last_)
    if (const auto tally = out.find(name); tally != out.end() && succeeded(last.outcome))
      tally->second.last_success = std::max(tally->second.last_success, std::optional(last.ended));
  return out;
}

void Service::keep_queue() {
  if (options_.queue.empty()) return;
  std::lock_guard one(file_);
  std::vector<QueuedRun> runs;
  std::uint64_t version = 0;
  {
    std::lock_guard lock(mutex_);
    version = queue_version_;
    if (version == written_version_) return;
    runs = left_;
    for (const auto& [number, entry] : entries_)
      if (entry.kind->durable)
        runs.push_back({entry.run.id, entry.run.job, entry.input, entry.run.attempts, entry.run.queued,
                        entry.run.next_attempt});
  }
  try {
    write_queue(options_.queue, runs);
    written_version_ = version;
  } catch (const std::exception& error) {
    log::error("the queue of jobs is not kept, so that a restart forgets what waits: {}", error.what());
  }
}

void Service::read_memory() {
  if (options_.memory.empty()) return;
  try {
    if (const auto text = read_file(options_.memory))
      last_ = json::from_json<std::map<std::string, Last>>(json::parse(*text));
  } catch (const std::exception& error) {
    log::warn("{} is not used, so that every scheduled job runs soon: {}", options_.memory.string(),
              error.what());
  }
}

void Service::write_memory() {
  std::map<std::string, Last> last;
  {
    std::lock_guard lock(mutex_);
    if (!memory_changed_ || options_.memory.empty()) return;
    memory_changed_ = false;
    last = last_;
  }
  try {
    replace_file(options_.memory, boost::json::serialize(json::to_json(last)) + '\n');
  } catch (const std::exception& error) {
    log::warn("when jobs last ran is not kept: {}", error.what());
  }
}

}  // namespace agnes::jobs
