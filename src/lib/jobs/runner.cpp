#include "lib/jobs/runner.h"

#include "lib/base/error.h"
#include "lib/base/log.h"

namespace agnes::jobs {

namespace {
constexpr std::size_t kHistory = 200;
}

void Runner::stop() {
  std::unique_lock lock(mutex_);
  ending_ = true;
  for (auto& [name, active] : active_) active->cancelled = true;
  changed_.wait(lock, [&] { return active_.empty(); });
  auto threads = std::move(finished_);
  lock.unlock();
  for (auto& thread : threads) thread.join();
}

bool Runner::start(const std::string& job, Work work) {
  std::lock_guard lock(mutex_);
  if (ending_ || active_.contains(job)) return false;
  // A thread in finished_ is past its last use of this object, so joining it waits for nothing.
  for (auto& thread : finished_) thread.join();
  finished_.clear();
  auto& active = active_[job] = std::make_unique<Active>();
  active->run = {.job = job,
                 .started = now(),
                 .ended = {},
                 .outcome = "running",
                 .error = {},
                 .progress = {},
                 .result = {},
                 .revision = ++revision_};
  changed_.notify_all();
  active->thread = std::thread([this, raw = active.get(), work = std::move(work)] { execute(*raw, work); });
  return true;
}

void Runner::execute(Active& active, const Work& work) {
  const Context context(
      [&](const boost::json::value& said) {
        std::lock_guard lock(mutex_);
        active.run.progress = said;
        active.run.revision = ++revision_;
        changed_.notify_all();
      },
      active.cancelled);
  boost::json::value result;
  std::string outcome = "ok";
  std::optional<std::string> error;
  try {
    result = work(context);
  } catch (const std::exception& failure) {
    outcome = active.cancelled ? "cancelled" : "failed";
    error = failure.what();
    log::error("job {} {}: {}", active.run.job, outcome, failure.what());
  }
  Run run;
  {
    std::lock_guard lock(mutex_);
    run = active.run;
  }
  run.ended = now();
  run.outcome = outcome;
  run.error = error;
  run.result = std::move(result);
  // Until then it is told as running, and another start is refused.
  if (told_) told_(run);
  std::lock_guard lock(mutex_);
  run.revision = ++revision_;
  auto& tally = tallies_[run.job];
  ++(outcome == "ok" ? tally.ok : outcome == "failed" ? tally.failed : tally.cancelled);
  if (outcome == "ok") tally.last_ok = run.ended;
  ended_.push_front(std::move(run));
  if (ended_.size() > kHistory) ended_.pop_back();
  finished_.push_back(std::move(active.thread));
  active_.erase(std::string(active.run.job));
  changed_.notify_all();
}

bool Runner::running(const std::string& job) const {
  std::lock_guard lock(mutex_);
  return active_.contains(job);
}

bool Runner::cancel(const std::string& job) {
  std::lock_guard lock(mutex_);
  const auto found = active_.find(job);
  if (found == active_.end()) return false;
  found->second->cancelled = true;
  return true;
}

void Runner::wait(const std::string& job) const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !active_.contains(job); });
}

Runner::Changes Runner::changes(std::uint64_t revision, std::chrono::milliseconds patience) const {
  std::unique_lock lock(mutex_);
  changed_.wait_for(lock, patience, [&] { return revision_ > revision || ending_; });
  Changes out{.revision = revision_, .runs = {}};
  for (const auto& [name, active] : active_)
    if (active->run.revision > revision) out.runs.push_back(active->run);
  for (const auto& run : ended_)
    if (run.revision > revision) out.runs.push_back(run);
  std::sort(out.runs.begin(), out.runs.end(),
            [](const Run& a, const Run& b) { return a.revision < b.revision; });
  return out;
}

std::map<std::string, Runner::Tally> Runner::tallies() const {
  std::lock_guard lock(mutex_);
  auto out = tallies_;
  for (const auto& [name, active] : active_) out[name].running = true;
  return out;
}

std::vector<Run> Runner::history() const {
  std::lock_guard lock(mutex_);
  std::vector<Run> out;
  for (const auto& [name, active] : active_) out.push_back(active->run);
  out.insert(out.end(), ended_.begin(), ended_.end());
  return out;
}

}  // namespace agnes::jobs
