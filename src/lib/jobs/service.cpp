#include "lib/jobs/service.h"

#include <algorithm>
#include <system_error>

#include "lib/base/error.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"

namespace agnes::jobs {

namespace {

constexpr std::size_t kHistory = Service::kMostShown;  // ended runs of each kind

const std::string& group_of(const Kind& kind) {
  return kind.group.empty() ? kind.name : kind.group;
}

std::string name_of(const Run& run) {
  return run.key.empty() ? run.job : run.job + " " + run.key;
}

}  // namespace

Service::Service(Options options) : options_(std::move(options)) {
  read_memory();
  if (!options_.queue.empty()) left_ = read_queue(options_.queue);
}

void Service::add(Kind kind) {
  if (!kind.schedule.empty() && !Schedule::parse(kind.schedule))
    throw Error(ErrorKind::invalid,
                fmt::format("invalid schedule {:?} of the job {}: write \"every 15m\", \"every 6h\", "
                            "\"daily 03:00\" or \"daily 07:00,13:00\" (UTC)",
                            kind.schedule, kind.name));
  auto name = kind.name;
  if (!kinds_.emplace(name, std::move(kind)).second)
    throw std::logic_error("two modules add the job " + name);
  tallies_[name];
}

void Service::start() {
  restore();
  std::lock_guard lock(mutex_);
  timetable_.emplace(options_.clock(), options_.timetable);
  for (const auto& [name, kind] : kinds_) {
    if (kind.schedule.empty()) continue;
    // A run that was cut short, by the end of the server say, is made up for.
    const auto last = last_.find(name);
    const bool counts = last != last_.end() && last->second.outcome != Outcome::cancelled;
    timetable_->add(name, *Schedule::parse(kind.schedule),
                    counts ? std::optional(last->second.started) : std::nullopt);
  }
  dispatch();
  if (options_.threaded) thread_ = std::thread([this] { watch(); });
}

void Service::restore() {
  std::vector<Run> lost;
  {
    std::lock_guard lock(mutex_);
    for (auto& kept : std::exchange(left_, {})) {
      ++queue_version_;
      Run run;
      run.id = kept.id;
      run.job = kept.job;
      run.attempts = kept.attempts;
      run.queued = kept.queued;
      run.next_attempt = kept.next_attempt;
      try {
        const Kind& kind = kind_of(kept.job);
        kept.input = checked(kind, kept.input);
        run.key = kind.work.key(kept.input);
        if (slots_.contains({run.job, run.key})) continue;  // asked for again already
        if (kept.attempts < kind.retry.attempts) {
          insert(kind, std::move(run), std::move(kept.input));
          continue;
        }
        run.outcome = Outcome::failed;
        run.error = fmt::format("the server ended while it ran, for the {}. time", kept.attempts);
        run.started = run.ended = options_.clock();
        remember(run);
        lost.push_back(run);
      } catch (const std::exception& error) {
        log::error("the job {} that waited when the server ended is not done: {}", kept.job, error.what());
      }
    }
  }
  for (const auto& run : lost) {
    log::error("job {} failed: {}", name_of(run), *run.error);
    call_subscribers(run);
  }
  keep_queue();
}

void Service::stop() {
  std::vector<Run> dropped;
  std::vector<std::thread> threads;
  {
    std::unique_lock lock(mutex_);
    ending_ = true;
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto here = entry++;
      if (here->second.run.outcome == Outcome::running) {
        here->second.stop.request_stop();
      } else if (!here->second.kind->durable) {
        auto run = here->second.run;
        run.outcome = Outcome::cancelled;
        run.ended = options_.clock();
        dropped.push_back(std::move(run));
        remove(here);
      }
    }
    changed_.notify_all();
    wake_.notify_all();
    changed_.wait(lock, [&] { return alive_ == 0; });
    threads = std::move(finished_);
    finished_.clear();
    threads.push_back(std::move(thread_));
  }
  for (auto& thread : threads)
    if (thread.joinable()) thread.join();
  for (const auto& run : dropped) call_subscribers(run);
  keep_queue();
  write_memory();
}

Service::EnqueueResult Service::enqueue(const std::string& kind, const boost::json::value& input) {
  const Kind& found = kind_of(kind);
  return enqueue(found, checked(found, input), false, false);
}

std::string Service::run_now(const std::string& kind, const boost::json::value& input) {
  const Kind& found = kind_of(kind);
  return enqueue(found, checked(found, input), false, true).id;
}

Service::EnqueueResult Service::enqueue(const Kind& kind, boost::json::value input, bool by_schedule,
                                        bool alone) {
  Run run;
  run.id = random_hex(4);
  run.job = kind.name;
  run.key = kind.work.key(input);
  run.queued = options_.clock();
  const std::string id = run.id;
  bool kept_only = false;
  {
    std::lock_guard lock(mutex_);
    if (ending_ && (alone || !kind.durable)) {
      if (alone) throw Error(ErrorKind::unavailable, "the server is stopping");
      return {};
    }
    const Entry *waiting = nullptr, *under_way = nullptr;
    if (const auto slot = slots_.find({run.job, run.key}); slot != slots_.end())
      for (const auto number : slot->second) {
        const Entry& entry = entries_.at(number);
        (entry.run.outcome == Outcome::running ? under_way : waiting) = &entry;
      }
    if (alone && waiting != nullptr)
      throw Error(ErrorKind::conflict, fmt::format("the job {} waits for its turn already", name_of(run)));
    if (alone && under_way != nullptr)
      throw Error(ErrorKind::conflict, fmt::format("the job {} runs already", name_of(run)));
    if (waiting != nullptr) return {waiting->run.id, false};
    if (under_way != nullptr && (by_schedule || !kind.follow_up)) return {under_way->run.id, false};
    if (tallies_[kind.name].queued >= kind.most_queued)
      throw Error(ErrorKind::unavailable, fmt::format("{} runs of the job {} wait already; try again later",
                                                      kind.most_queued, kind.name));
    insert(kind, std::move(run), std::move(input)).by_schedule = by_schedule;
    kept_only = ending_;
    if (!kind.durable) dispatch();
  }
  if (kind.durable) {
    // First, so that what this call costs does not depend on what the run does.
    keep_queue();
    std::lock_guard lock(mutex_);
    dispatch();
  }
  return {kept_only ? "" : id, true};
}

Service::Entry& Service::insert(const Kind& kind, Run run, boost::json::value input) {
  const auto number = next_number_++;
  Entry& entry = entries_[number];
  entry.kind = &kind;
  entry.run = std::move(run);
  entry.input = std::move(input);
  slots_[{entry.run.job, entry.run.key}].push_back(number);
  ++tallies_[kind.name].queued;
  if (kind.durable) ++queue_version_;
  touch(kind.name);
  return entry;
}

void Service::remove(Entries::iterator entry) {
  const auto& [number, gone] = *entry;
  if (gone.kind->durable) ++queue_version_;
  const auto slot = slots_.find({gone.run.job, gone.run.key});
  std::erase(slot->second, number);
  if (slot->second.empty()) slots_.erase(slot);
  if (gone.run.outcome == Outcome::queued) --tallies_[gone.run.job].queued;
  entries_.erase(entry);
}

void Service::remember(const Run& run) {
  auto& tally = tallies_[run.job];
  switch (run.outcome) {
    case Outcome::ok:
      ++tally.ok;
      break;
    case Outcome::partly:
      ++tally.partly;
      break;
    case Outcome::cancelled:
      ++tally.cancelled;
      break;
    default:
      ++tally.failed;
      break;
  }
  if (run.outcome == Outcome::ok || run.outcome == Outcome::partly) tally.last_success = run.ended;
  if (run.started) {
    last_[run.job] = {*run.started, run.ended.value_or(*run.started), run.outcome, run.error};
    memory_changed_ = true;
    wake_.notify_all();
  }
  auto& history = history_[run.job];
  history.push_front(run);
  if (history.size() > kHistory) history.pop_back();
  touch(run.job);
}

void Service::touch(const std::string& kind) {
  revisions_[kind] = ++revision_;
  changed_.notify_all();
}

bool Service::has_place(const Entry& entry) const {
  const auto busy = busy_.find(group_of(*entry.kind));
  if (busy != busy_.end() && busy->second >= entry.kind->at_once) return false;
  if (entry.by_schedule && by_schedule_ >= options_.at_once) return false;
  for (const auto number : slots_.at({entry.run.job, entry.run.key}))
    if (entries_.at(number).run.outcome == Outcome::running) return false;
  return true;
}

void Service::dispatch() {
  for (auto& thread : finished_) thread.join();  // they need no lock any more
  finished_.clear();
  if (ending_) return;
  const auto moment = options_.clock();
  for (auto& [number, entry] : entries_) {
    if (entry.run.outcome != Outcome::queued) continue;
    if (entry.run.next_attempt) {
      // A clock that was set back keeps nothing for longer than the longest wait.
      const Timestamp latest{moment.micros + entry.kind->retry.cap.count() * 1000};
      entry.run.next_attempt = std::min(*entry.run.next_attempt, latest);
      if (*entry.run.next_attempt > moment) continue;
    }
    if (has_place(entry)) begin(number, entry);
  }
}

void Service::begin(std::uint64_t number, Entry& entry) {
  try {
    // It waits for the lock first.
    entry.thread = std::thread([this, number] { execute(number); });
  } catch (const std::system_error& error) {
    log::error("job {} waits: no thread can be started: {}", name_of(entry.run), error.what());
    return;
  }
  ++alive_;
  ++busy_[group_of(*entry.kind)];
  if (entry.by_schedule) ++by_schedule_;
  auto& tally = tallies_[entry.run.job];
  --tally.queued;
  ++tally.running;
  entry.run.outcome = Outcome::running;
  entry.run.started = options_.clock();
  entry.run.ended.reset();
  entry.run.next_attempt.reset();
  entry.run.progress = nullptr;
  ++entry.run.attempts;
  if (entry.kind->durable) ++queue_version_;
  touch(entry.run.job);
}

void Service::no_longer_running(const Entry& entry) {
  --busy_[group_of(*entry.kind)];
  if (entry.by_schedule) --by_schedule_;
  --tallies_[entry.run.job].running;
}

bool Service::is_followed(const Entry& entry) const {
  return slots_.at({entry.run.job, entry.run.key}).size() > 1;
}

bool Service::try_again(Entry& entry, const std::exception& failure) {
  const auto& retry = entry.kind->retry;
  // Ended by the server's end: an attempt as good as none, but for the count.
  const bool interrupted = ending_ && !entry.cancelled && entry.kind->durable;
  const auto asked = retry.wait ? retry.wait(failure) : std::chrono::milliseconds(0);
  if (!interrupted && (entry.run.attempts >= retry.attempts || !asked)) return false;
  // What was asked for meanwhile is the next attempt.
  if (is_followed(entry)) return false;
  if (entry.stop.stop_requested() && !interrupted) return false;
  no_longer_running(entry);
  auto& tally = tallies_[entry.run.job];
  ++tally.queued;
  if (!interrupted) ++tally.retries;
  entry.run.outcome = Outcome::queued;
  entry.run.ended = options_.clock();
  entry.run.error = failure.what();
  if (!interrupted) {
    const auto wait =
        *asked > std::chrono::milliseconds(0) ? std::min(*asked, retry.cap) : retry.after(entry.run.attempts);
    entry.run.next_attempt = Timestamp{options_.clock().micros + wait.count() * 1000};
  }
  ++queue_version_;
  touch(entry.run.job);
  return true;
}

void Service::execute(std::uint64_t number) {
  std::unique_lock lock(mutex_);
  Entry& entry = entries_.find(number)->second;  // stays where it is until this thread removes it
  const Kind& kind = *entry.kind;
  const Context context(
      [&](const boost::json::value& said) {
        std::lock_guard here(mutex_);
        entry.run.progress = said;
        touch(entry.run.job);
      },
      StopToken(entry.stop.get_token()), entry.run.id, entry.run.attempts);
  const std::string name = name_of(entry.run);
  lock.unlock();
  if (kind.durable) keep_queue();  // the attempt counts, also when this process does not survive it

  Done done;
  Outcome outcome = Outcome::ok;
  std::optional<std::string> error;
  bool again = false;
  std::thread self;
  try {
    done = kind.work.run(context, entry.input);
    if (!done.failures.empty()) outcome = Outcome::partly;
  } catch (const std::exception& failure) {
    lock.lock();
    outcome = entry.stop.stop_requested() ? Outcome::cancelled : Outcome::failed;
    again = try_again(entry, failure);
    if (again) {
      self = std::move(entry.thread);
      dispatch();  // from here on the entry may begin anew, or be removed
    }
    lock.unlock();
    error = failure.what();
    if (outcome == Outcome::cancelled)
      log::info("job {} cancelled: {}", name, failure.what());
    else
      log::error("job {} failed{}: {}", name, again ? ", it is tried again" : "", failure.what());
  }
  if (!again) {
    // Until subscribers have heard, it counts as running.
    lock.lock();
    Run run = entry.run;
    lock.unlock();
    run.outcome = outcome;
    run.ended = options_.clock();
    run.error = error;
    run.failures = std::move(done.failures);
    run.result = std::move(done.result);
    call_subscribers(run);
    lock.lock();
    no_longer_running(entry);
    remember(run);
    self = std::move(entry.thread);
    remove(entries_.find(number));
    dispatch();
    lock.unlock();
  }
  if (kind.durable) keep_queue();
  lock.lock();
  finished_.push_back(std::move(self));
  --alive_;
  changed_.notify_all();
  wake_.notify_all();
}

void Service::call_subscribers(const Run& run) const {
  for (const auto& subscriber : subscribers_) try {
      subscriber(run);
    } catch (const std::exception& error) {
      log::error("after the job {}: {}", name_of(run), error.what());
    }
}

void Service::cancel(const std::string& kind, const std::optional<std::string>& id) {
  const Kind& found = kind_of(kind);
  std::vector<Run> dropped;
  bool any = false;
  {
    std::lock_guard lock(mutex_);
    for (auto entry = entries_.begin(); entry != entries_.end();) {
      const auto here = entry++;
      if (here->second.kind != &found || (id && here->second.run.id != *id)) continue;
      any = true;
      here->second.cancelled = true;
      here->second.stop.request_stop();
      if (here->second.run.outcome == Outcome::running) continue;
      auto run = here->second.run;
      run.outcome = Outcome::cancelled;
      run.ended = options_.clock();
      run.next_attempt.reset();
      remove(here);
      remember(run);
      dropped.push_back(std::move(run));
    }
  }
  if (!any)
    throw Error(ErrorKind::conflict,
                id ? fmt::format("the job {} has no such run that is under way or waits", kind)
                   : fmt::format("the job {} does not run", kind));
  for (const auto& run : dropped) call_subscribers(run);
  if (found.durable) keep_queue();
}

void Service::watch() {
  constexpr std::int64_t kLongestSleepMicros = 30'000'000;  // the clock may be set meanwhile
  // The file is written this long after a run has ended, so that many short runs are one write.
  constexpr auto kWriteDelay = std::chrono::seconds(5);
  std::optional<std::chrono::steady_clock::time_point> write_at;
  while (true) {
    tick();
    std::unique_lock lock(mutex_);
    if (ending_) return;
    const auto moment = std::chrono::steady_clock::now();
    if (memory_changed_ && !write_at) write_at = moment + kWriteDelay;
    if (write_at && *write_at <= moment) {
      write_at.reset();
      lock.unlock();
      write_memory();
      continue;
    }
    const auto now = options_.clock();
    dispatch();  // what has become due since `tick`, so that all that is left waits for later or for a place
    std::int64_t sleep = kLongestSleepMicros;
    const auto consider = [&](Timestamp at) {
      sleep = std::clamp<std::int64_t>(at.micros - now.micros, 0, sleep);
    };
    if (const auto next = timetable_->next()) consider(*next);
    // One that is due already waits for a place, and is begun when that becomes free.
    for (const auto& [number, entry] : entries_)
      if (entry.run.next_attempt && *entry.run.next_attempt > now) consider(*entry.run.next_attempt);
    auto until = moment + std::chrono::microseconds(sleep);
    if (write_at) until = std::min(until, *write_at);
    wake_.wait_until(lock, until);
  }
}

void Service::tick() {
  std::vector<std::string> due;
  {
    std::lock_guard lock(mutex_);
    if (!timetable_ || ending_) return;
    due = timetable_->take_due(options_.clock());
  }
  for (const auto& name : due) {
    const Kind& kind = kind_of(name);
    enqueue(kind, checked(kind, nullptr), true, false);
  }
  {
    std::lock_guard lock(mutex_);
    dispatch();
  }
  keep_queue();  // what could not be written, on a full disk say
}

}  // namespace agnes::jobs
