#include "lib/jobs/scheduler.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/base/log.h"

namespace agnes::jobs {

namespace {
// The clock may be set while the thread sleeps: it is looked at this often, at least.
constexpr std::int64_t kLongestSleepMicros = 30'000'000;
// The file is written this long after a run has ended, so that many short runs are one write.
constexpr std::int64_t kWriteDelayMicros = 5'000'000;

std::int64_t milliseconds(Timestamp from, Timestamp to) {
  return std::max<std::int64_t>(0, to.micros - from.micros) / 1000;
}
}  // namespace

Scheduler::Scheduler(Runner& runner, Options options) : runner_(runner), options_(std::move(options)) {
  read_memory();
  runner_.on_ended([this](const Run& run) { ended(run); });
}

void Scheduler::add(Job job) {
  if (!job.schedule.empty() && !Schedule::parse(job.schedule))
    throw Error(ErrorKind::invalid,
                fmt::format("the schedule {:?} of the job {} is none: write \"every 15m\", \"every 6h\", "
                            "\"daily 03:00\" or \"daily 07:00,13:00\" (UTC)",
                            job.schedule, job.name));
  auto name = job.name;
  jobs_.emplace(std::move(name), std::move(job));
}

void Scheduler::start() {
  std::lock_guard lock(mutex_);
  timetable_.emplace(options_.clock(), options_.timetable);
  for (const auto& [name, job] : jobs_) {
    if (job.schedule.empty()) continue;
    // A run that was cut short, by the end of the server say, is made up for.
    const auto last = last_.find(name);
    const bool counts = last != last_.end() && last->second.outcome != "cancelled";
    timetable_->add(name, *Schedule::parse(job.schedule),
                    counts ? std::optional(last->second.started) : std::nullopt);
  }
  if (options_.threaded) thread_ = std::thread([this] { watch(); });
}

void Scheduler::stop() {
  {
    std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_all();
  }
  if (thread_.joinable()) thread_.join();
  write_memory();
}

void Scheduler::watch() {
  std::unique_lock lock(mutex_);
  std::optional<std::chrono::steady_clock::time_point> write_at;
  while (!ending_) {
    start_due(lock);
    if (ending_) break;
    const auto moment = std::chrono::steady_clock::now();
    if (unwritten_ && !write_at) write_at = moment + std::chrono::microseconds(kWriteDelayMicros);
    if (write_at && *write_at <= moment) {
      write_at.reset();
      lock.unlock();
      write_memory();
      lock.lock();
      continue;
    }
    std::int64_t sleep = kLongestSleepMicros;
    if (const auto next = timetable_->next())
      sleep = std::clamp<std::int64_t>(next->micros - options_.clock().micros, 0, sleep);
    auto until = moment + std::chrono::microseconds(sleep);
    if (write_at) until = std::min(until, *write_at);
    changed_.wait_until(lock, until);
  }
}

void Scheduler::tick() {
  std::unique_lock lock(mutex_);
  start_due(lock);
}

void Scheduler::start_due(std::unique_lock<std::mutex>& lock) {
  if (!timetable_ || ending_) return;
  for (auto& name : timetable_->take_due(options_.clock()))
    if (std::find(waiting_.begin(), waiting_.end(), name) == waiting_.end())
      waiting_.push_back(std::move(name));
  while (!waiting_.empty() && placed_.size() < options_.at_once && !ending_) {
    const std::string name = std::move(waiting_.front());
    waiting_.pop_front();
    if (placed_.contains(name)) continue;
    placed_.insert(name);
    // Without the lock: a run may end, and `ended` take the lock, before `start` comes back.
    lock.unlock();
    const bool started = runner_.start(name, jobs_.find(name)->second.work);
    lock.lock();
    if (!started) placed_.erase(name);
  }
}

void Scheduler::ended(const Run& run) {
  std::lock_guard lock(mutex_);
  placed_.erase(run.job);
  if (jobs_.contains(run.job)) {
    last_[run.job] = {run.started, run.ended.value_or(run.started), run.outcome, run.error};
    unwritten_ = true;
  }
  changed_.notify_all();
}

void Scheduler::run(const std::string& name) {
  const auto found = jobs_.find(name);
  if (found == jobs_.end())
    throw Error(ErrorKind::not_found, fmt::format("there is no job {} that can be started", name));
  if (!runner_.start(name, found->second.work))
    throw Error(ErrorKind::conflict, fmt::format("the job {} runs already", name));
}

void Scheduler::cancel(const std::string& name) {
  if (runner_.cancel(name)) return;
  if (jobs_.contains(name)) throw Error(ErrorKind::conflict, fmt::format("the job {} does not run", name));
  throw Error(ErrorKind::not_found, fmt::format("there is no job {}", name));
}

std::vector<JobState> Scheduler::jobs() const {
  std::map<std::string, JobState> states;
  {
    std::lock_guard lock(mutex_);
    for (const auto& [name, job] : jobs_) {
      auto& state = states[name];
      state.name = name;
      state.description = job.description;
      if (!job.schedule.empty()) state.schedule = job.schedule;
      if (timetable_ && !ending_) state.next_run = timetable_->next_of(name);
      const auto last = last_.find(name);
      if (last == last_.end()) continue;
      state.last_run = last->second.started;
      state.outcome = last->second.outcome;
      state.error = last->second.error;
      state.duration_ms = milliseconds(last->second.started, last->second.ended);
    }
  }
  std::set<std::string> told;
  for (const auto& run : runner_.history()) {
    if (!told.insert(run.job).second) continue;
    auto& state = states[run.job];
    state.name = run.job;
    state.running = run.outcome == "running";
    state.last_run = run.started;
    state.outcome = run.outcome;
    state.error = run.error;
    state.duration_ms = milliseconds(run.started, run.ended.value_or(options_.clock()));
    state.progress = run.progress;
    state.result = run.result;
  }
  std::vector<JobState> out;
  for (auto& [name, state] : states) out.push_back(std::move(state));
  return out;
}

void Scheduler::read_memory() {
  if (options_.memory.empty()) return;
  try {
    if (const auto text = read_file(options_.memory))
      last_ = json::from_json<std::map<std::string, Memory>>(json::parse(*text));
  } catch (const std::exception& error) {
    log::warn("{} is not used, so that every scheduled job runs soon: {}", options_.memory.string(),
              error.what());
  }
}

void Scheduler::write_memory() {
  std::map<std::string, Memory> last;
  {
    std::lock_guard lock(mutex_);
    if (!unwritten_ || options_.memory.empty()) return;
    unwritten_ = false;
    last = last_;
  }
  try {
    replace_file(options_.memory, boost::json::serialize(json::to_json(last)) + '\n');
  } catch (const std::exception& error) {
    log::warn("when jobs last ran is not kept: {}", error.what());
  }
}

}  // namespace agnes::jobs
