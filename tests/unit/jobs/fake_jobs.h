#pragma once

#include <atomic>
#include <condition_variable>
#include <future>
#include <map>
#include <mutex>

#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/jobs/service.h"

namespace agnes::jobs {

inline const Timestamp kStart = parse_timestamp("2026-01-01T10:00:00").value();

// A service whose clock stands still until it is set, and that does nothing by itself.
struct Bench {
  std::atomic<std::int64_t> micros = kStart.micros;
  std::unique_ptr<Service> service;

  explicit Bench(const fs::path& folder = {}, std::size_t at_once = 4) {
    Service::Options options;
    options.timetable = {.grace_seconds = 0, .jitter_seconds = 0, .seed = 0};
    options.at_once = at_once;
    if (!folder.empty()) {
      options.memory = folder / "jobs.json";
      options.queue = folder / "job-queue.json";
    }
    options.clock = [this] { return Timestamp{micros.load()}; };
    options.threaded = false;
    service = std::make_unique<Service>(std::move(options));
  }
  void advance(std::chrono::milliseconds time) {
    micros += time.count() * 1000;
    service->tick();
  }
  JobState state(const std::string& name) const {
    for (auto& job : service->jobs())
      if (job.name == name) return job;
    return {};
  }
};

// Work that waits until the test says how it ends. Thread-safe.
class Gate {
 public:
  // As the body of a run: returns `done`, or throws `failure`, once let go; throws when it is asked to stop.
  Done pass(const Context& context, const std::string& key) {
    std::unique_lock lock(mutex_);
    inside_[key] = ++visits_;
    changed_.notify_all();
    while (!open_.contains(key) && !context.cancelled())
      changed_.wait_for(lock, std::chrono::milliseconds(1));
    const bool let_go = open_.contains(key);
    const auto end = let_go ? open_[key] : std::optional<std::string>("was asked to stop");
    open_.erase(key);
    inside_.erase(key);
    changed_.notify_all();
    if (end) throw Error(ErrorKind::internal, *end);
    return boost::json::value(key);
  }
  void wait_inside(const std::string& key) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_.contains(key); });
  }
  // Lets the run of that key, which is inside, end; and waits until it has left. `failure`: it throws that.
  void let_go(const std::string& key, std::optional<std::string> failure = std::nullopt) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return inside_.contains(key); });
    const auto visit = inside_[key];
    open_[key] = std::move(failure);
    changed_.notify_all();
    // Another run of that key may have come in meanwhile.
    changed_.wait(lock, [&] { return !inside_.contains(key) || inside_[key] != visit; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<std::string, int> inside_;  // the number of the visit
  int visits_ = 0;
  std::map<std::string, std::optional<std::string>> open_;
};

// An input whose runs differ by `table`.
struct TableInput {
  std::string table;
  int rows = 1;
  static constexpr json::Rule rules[] = {{.field = "table", .min_length = 1},
                                         {.field = "rows", .has_default = true}};
  std::string key() const { return table; }
};
BOOST_DESCRIBE_STRUCT(TableInput, (), (table, rows))

}  // namespace agnes::jobs
