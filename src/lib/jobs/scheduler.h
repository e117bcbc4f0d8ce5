#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <boost/describe.hpp>

#include "lib/jobs/runner.h"
#include "lib/jobs/timetable.h"

namespace agnes::jobs {

// A job that the server can run: by its schedule, or only when somebody asks.
struct Job {
  std::string name, description;
  std::string schedule;  // as Schedule::parse takes it; empty: none
  Runner::Work work;
};

// What there is to tell of a job. Times and outcome are those of the run under way, or else of the last one.
struct JobState {
  std::string name, description;
  std::optional<std::string> schedule;
  std::optional<Timestamp> next_run;
  bool running = false;
  std::optional<Timestamp> last_run;   // when it began
  std::optional<std::string> outcome;  // running, ok, failed, cancelled
  std::optional<std::int64_t> duration_ms;
  std::optional<std::string> error;
  boost::json::value progress, result;  // `result`: of the last run, while the server remembers it
};
BOOST_DESCRIBE_STRUCT(JobState, (),
                      (name, description, schedule, next_run, running, last_run, outcome, duration_ms, error,
                       progress, result))

// Starts jobs by their schedules, through a Runner, from one thread that sleeps until the next turn. A job
// whose turn comes while it runs skips that turn; only so many scheduled ones run at once, the others wait
// for their place. Thread-safe, but for `add` and `start`.
class Scheduler {
 public:
  struct Options {
    Timetable::Options timetable = {};
    std::size_t at_once = 4;
    // Where the last run of each job is kept from one start to the next; empty: nowhere.
    std::filesystem::path memory = {};
    std::function<Timestamp()> clock = now;
    bool threaded = true;  // false: only `tick` starts jobs by their schedules, for tests
  };
  // Becomes what `runner` tells of ended runs; the runner must be stopped before this goes away.
  Scheduler(Runner& runner, Options options);
  ~Scheduler() { stop(); }
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  // Throws Error (invalid) for a schedule that is none. Before `start`.
  void add(Job job);
  // From now on jobs start by themselves.
  void start();
  // No job starts by itself any more; what runs goes on.
  void stop();

  // Runs it now, without regard to its schedule. Throws Error: not_found, conflict when it runs already.
  void run(const std::string& name);
  // Asks it to stop. Throws Error: not_found for a name that is unknown, conflict when it does not run.
  void cancel(const std::string& name);

  // Every job, by name; among them those that were started otherwise and are still remembered by the runner.
  std::vector<JobState> jobs() const;

  // Starts what is due by the clock and has a place. The thread does this; tests do it with a clock of their
  // own.
  void tick();

 private:
  struct Memory {
    Timestamp started;
    Timestamp ended;
    std::string outcome;
    std::optional<std::string> error;
    BOOST_DESCRIBE_CLASS(Memory, (), (started, ended, outcome, error), (), ())
  };

  void ended(const Run& run);
  void read_memory();
  void write_memory();
  void watch();
  void start_due(std::unique_lock<std::mutex>& lock);

  Runner& runner_;
  const Options options_;
  std::map<std::string, Job, std::less<>> jobs_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::optional<Timetable> timetable_;
  std::deque<std::string> waiting_;
  std::set<std::string, std::less<>> placed_;  // started by schedule and not ended
  std::map<std::string, Memory> last_;
  bool unwritten_ = false, ending_ = false;
  std::thread thread_;
};

}  // namespace agnes::jobs
