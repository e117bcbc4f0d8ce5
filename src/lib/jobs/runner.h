#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include "lib/base/time.h"

namespace agnes::jobs {

// What a job's work is given: it tells how far it is and asks whether it should stop.
class Context {
 public:
  Context(std::function<void(const boost::json::value&)> report, const std::atomic<bool>& cancelled)
      : report_(std::move(report)), cancelled_(cancelled) {}
  void progress(const boost::json::value& said) const { report_(said); }
  bool cancelled() const { return cancelled_.load(std::memory_order_relaxed); }

 private:
  std::function<void(const boost::json::value&)> report_;
  const std::atomic<bool>& cancelled_;
};

// What is known of one run of a job.
struct Run {
  std::string job;
  Timestamp started;
  std::optional<Timestamp> ended;
  std::string outcome;  // running, ok, failed, cancelled
  std::optional<std::string> error;
  boost::json::value progress;
  boost::json::value result;
  std::uint64_t revision = 0;  // grows with everything that is said of any run
};
BOOST_DESCRIBE_STRUCT(Run, (), (job, started, ended, outcome, error, progress, result))

// Background work by name, one run of a name at a time, each on a thread of its own. Thread-safe. The
// destructor stops.
class Runner {
 public:
  using Work = std::function<boost::json::value(const Context&)>;

  Runner() = default;
  ~Runner() { stop(); }
  Runner(const Runner&) = delete;
  Runner& operator=(const Runner&) = delete;

  // False when that job runs already (or the runner is ending): nothing is started then. What `work` throws
  // ends the run as failed; it is logged and kept in the history.
  bool start(const std::string& job, Work work);
  bool running(const std::string& job) const;
  // Asks a running job to stop; false when it does not run.
  bool cancel(const std::string& job);
  // Cancels what runs, waits for it, and starts nothing any more. Call it while all that the work uses still
  // lives.
  void stop();
  // Blocks until no run of that job is under way.
  void wait(const std::string& job) const;
  // Tells `told` of every run that has ended, on the run's own thread, while `running` still says so of it.
  // Call it before the first start.
  void on_ended(std::function<void(const Run&)> told) { told_ = std::move(told); }

  struct Changes {
    std::uint64_t revision = 0;
    std::vector<Run> runs;
  };
  // What has changed since `revision` (0: all that is known), in that order. Waits for a change, at most that
  // long.
  Changes changes(std::uint64_t revision, std::chrono::milliseconds patience) const;
  // How the runs of a job have ended since the start.
  struct Tally {
    std::uint64_t ok = 0, failed = 0, cancelled = 0;
    std::optional<Timestamp> last_ok;
    bool running = false;
  };
  std::map<std::string, Tally> tallies() const;
  // The runs under way and the latest ended ones of every job, newest first.
  std::vector<Run> history() const;

 private:
  struct Active {
    Run run;
    std::atomic<bool> cancelled{false};
    std::thread thread;
  };
  void execute(Active& active, const Work& work);

  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::map<std::string, std::unique_ptr<Active>> active_;
  std::vector<std::thread> finished_;
  std::deque<Run> ended_;
  std::map<std::string, Tally> tallies_;
  std::function<void(const Run&)> told_;
  std::uint64_t revision_ = 0;
  bool ending_ = false;
};

}  // namespace agnes::jobs
