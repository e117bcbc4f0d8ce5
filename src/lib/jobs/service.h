#pragma once

#include <condition_variable>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "lib/jobs/kind.h"
#include "lib/jobs/queue_file.h"
#include "lib/jobs/timetable.h"

namespace agnes::jobs {

// What there is to tell of a kind. Times and outcome are those of the latest run that began.
struct JobState {
  std::string name, description;
  std::optional<std::string> schedule;
  std::optional<Timestamp> next_run;
  bool running = false;
  std::optional<Timestamp> last_run;  // when it began
  std::optional<Outcome> outcome;
  std::optional<std::int64_t> duration_ms;
  std::optional<std::string> error;
  boost::json::value progress, result;  // `result`: of the last run, while the server remembers it
  std::vector<std::string> failures;    // the parts of the last run that failed
  std::int64_t queued = 0;              // runs that wait: for their place, or for another attempt
  bool durable = false;
  std::vector<Run> runs;  // under way, waiting, and the latest that ended: kMostShown at most
};
BOOST_DESCRIBE_STRUCT(JobState, (),
                      (name, description, schedule, next_run, running, last_run, outcome, duration_ms, error,
                       progress, result, failures, queued, durable, runs))

// Runs background work: kinds are added at the start, runs of them are queued by schedule or when somebody asks, each
// run has a thread of its own. There is at most one waiting and one running run of a kind and key. Thread-safe, but
// for `add`, `on_ended` and `start`.
class Service {
 public:
  static constexpr std::size_t kMostShown = 20;

  struct Options {
    Timetable::Options timetable = {};
    std::size_t at_once = 4;  // runs that were queued by schedule
    // Where the last run of each kind is kept from one start to the next, and the runs of durable kinds that have
    // not ended; empty: nowhere.
    std::filesystem::path memory = {}, queue = {};
    std::function<Timestamp()> clock = now;
    bool threaded = true;  // false: only `tick` queues by schedule and begins further attempts, for tests
  };
  explicit Service(Options options);
  ~Service() { stop(); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Throws Error (invalid) for a schedule that does not parse, std::logic_error for a name that is taken. Before `start`.
  void add(Kind kind);
  // Calls `subscriber` after each run that has ended for good, on the thread that ended it, without any lock held. The
  // run still counts as running then. Before `start`.
  void on_ended(std::function<void(const Run&)> subscriber) { subscribers_.push_back(std::move(subscriber)); }
  // From now on kinds run by their schedules, and what an earlier process left undone goes on.
  void start();
  // Nothing begins any more; what runs is cancelled and waited for. Runs of durable kinds that have not ended stay
  // on disk. Call it while all that work uses still lives.
  void stop();

  struct EnqueueResult {
    std::string id;       // empty: the service is stopping (a durable run is kept for the next start)
    bool is_new = false;  // false: that run was there already
  };
  // Queues a run. Throws Error: not_found, invalid for the input, unavailable when too many wait.
  EnqueueResult enqueue(const std::string& kind, const boost::json::value& input = nullptr);
  template <class Input>
  EnqueueResult enqueue_typed(const std::string& kind, const Input& input) {
    return enqueue(kind, json::to_json(input));
  }
  // The same for who wants a run of their own: throws Error (conflict) when the same run waits or is under way.
  std::string run_now(const std::string& kind, const boost::json::value& input = nullptr);
  // Asks runs to stop, and takes waiting ones out of the queue: all of the kind, or the one of that id. Throws Error:
  // not_found, conflict when there is none.
  void cancel(const std::string& kind, const std::optional<std::string>& id = std::nullopt);

  bool running(const std::string& kind) const;
  // Blocks until no run of the kind is under way.
  void wait_idle(const std::string& kind) const;
  // Blocks until that run has ended (or the service stops); nothing when it is not known any more.
  std::optional<Run> wait(const std::string& id) const;
  // The run of the kind that is under way or waits, if there is one; and the latest that has ended since the start.
  std::optional<Run> active(const std::string& kind) const;
  std::optional<Run> latest(const std::string& kind) const;

  // Every kind, by name.
  std::vector<JobState> jobs() const;
  struct Changes {
    std::uint64_t revision = 0;
    std::vector<std::string> names;  // kinds with something new, by name
  };
  // What has changed since `revision` (0: all). Waits for a change, at most that long.
  Changes changes(std::uint64_t revision, std::chrono::milliseconds timeout) const;
  // How runs of a kind have ended since the start of the process, and what there is now.
  struct Tally {
    std::uint64_t ok = 0, partly = 0, failed = 0, cancelled = 0, retries = 0;
    std::uint64_t running = 0, queued = 0;
    std::optional<Timestamp> last_success;  // ok or partly; also of an earlier process
  };
  std::map<std::string, Tally> tallies() const;

  // Begins what is due by the clock and has its place. The thread does this; tests do it with a clock of their own.
  void tick();

 private:
  using Slot = std::pair<std::string, std::string>;  // kind, key
  struct Entry {
    Run run;
    boost::json::value input;
    const Kind* kind = nullptr;
    bool by_schedule = false, cancelled = false;
    std::stop_source stop = {};
    std::thread thread = {};
  };
  using Entries = std::map<std::uint64_t, Entry>;  // in the order of queueing
  struct Last {
    Timestamp started, ended;
    Outcome outcome = Outcome::ok;
    std::optional<std::string> error;
    BOOST_DESCRIBE_CLASS(Last, (), (started, ended, outcome, error), (), ())
  };

  const Kind& kind_of(const std::string& name) const;
  boost::json::value checked(const Kind& kind, const boost::json::value& input) const;
  EnqueueResult enqueue(const Kind& kind, boost::json::value input, bool by_schedule, bool alone);
  void execute(std::uint64_t number);
  void call_subscribers(const Run& run) const;
  // Writes the queue's file when the queue has changed since it was written.
  void keep_queue();
  void read_memory();
  void write_memory();
  void watch();
  void restore();

  // All that follow: with the lock held.
  Entry& insert(const Kind& kind, Run run, boost::json::value input);
  void remove(Entries::iterator entry);
  void remember(const Run& run);
  void touch(const std::string& kind);
  void dispatch();
  bool has_place(const Entry& entry) const;
  void begin(std::uint64_t number, Entry& entry);
  void no_longer_running(const Entry& entry);
  // After an attempt that failed: queued again, true, or nothing more to be done.
  bool try_again(Entry& entry, const std::exception& failure);
  bool is_followed(const Entry& entry) const;

  const Options options_;
  std::map<std::string, Kind, std::less<>> kinds_;
  std::vector<std::function<void(const Run&)>> subscribers_;

  mutable std::mutex mutex_;  // guards what follows
  mutable std::condition_variable changed_;
  std::condition_variable wake_;  // the thread's
  Entries entries_;
  std::map<Slot, std::vector<std::uint64_t>> slots_;  // one that runs and one that waits, at most
  std::map<std::string, std::size_t> busy_;           // running ones by group
  std::size_t by_schedule_ = 0;                       // running ones
  std::uint64_t next_number_ = 1;
  std::optional<Timetable> timetable_;
  std::map<std::string, std::deque<Run>> history_;  // by kind, the newest first
  std::map<std::string, Last> last_;
  std::map<std::string, Tally> tallies_;
  std::map<std::string, std::uint64_t> revisions_;
  std::uint64_t revision_ = 0;
  std::size_t alive_ = 0;              // threads of runs
  std::vector<std::thread> finished_;  // past their last use of this object
  std::vector<QueuedRun> left_;        // by an earlier process, until `start`
  std::uint64_t queue_version_ = 0;
  bool memory_changed_ = false, ending_ = false;

  std::mutex file_;  // taken before mutex_; guards the queue's file and the next
  std::uint64_t written_version_ = 0;

  std::thread thread_;
};

}  // namespace agnes::jobs
