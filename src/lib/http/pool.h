#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/http/executor.h"

// Inside http/: one executor, the threads and the limiter. Threads are started when needed and end when they have had
// nothing to do for a while.
namespace agnes::http {

// Whose work it is. An empty caller has no bound of its own.
struct Owner {
  std::string caller, group = {};
  int socket = -1;  // of a client without whom the work is in vain; open as long as the work waits or runs
};

class Pool {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    std::string_view name;
    std::size_t running = 1;     // at once, a thread each
    std::size_t queued = 0;      // that wait for a place
    std::size_t per_caller = 0;  // of one caller that run at once; more of them wait. 0: no bound
    // Of one caller and group, running and waiting; 0: no bound.
    std::size_t per_caller_total = 0;
    std::chrono::milliseconds max_wait{30'000};
  };
  enum class Refusal { none, caller, full, waited, gone };

  // The right to run. Whoever holds it may keep it beyond its thread, for what the work leaves behind (a stream out of
  // a process). Gives it back when destroyed, which must be before the pool is.
  class Permit {
   public:
    Permit() = default;
    Permit(Permit&& other) noexcept { *this = std::move(other); }
    Permit& operator=(Permit&& other) noexcept;
    ~Permit() { release(); }
    void release();
    // False, and nothing changes, when the group has no place.
    bool move_to(std::string_view group);
    // Whether something that waits could run without it.
    bool is_wanted() const;

   private:
    friend class Pool;
    Pool* pool_ = nullptr;
    Owner owner_;
  };
  // Called once for what was accepted: on a thread of the pool with a permit, or, with the reason, from expire(). Must
  // not throw.
  using Work = std::function<void(Refusal, Permit&)>;

  explicit Pool(Limits limits) : limits_(limits) {}
  ~Pool();  // waits for all work

  // `none`: accepted. Otherwise `work` is not kept. Does not wait.
  Refusal submit(Owner owner, Work work);
  // Refuses what has waited too long and what nobody waits for any more; with `all`, whatever waits.
  void expire(Clock::time_point now, bool all = false);
  // Waits until all that has a permit has run; takes nothing more.
  void finish();
  ExecutorCounts counts() const;
  const Limits& limits() const { return limits_; }

 private:
  struct Waiting {
    Owner owner;
    Work work;
    Clock::time_point until;
  };
  struct Place {
    std::string name;
    std::size_t most;
  };

  // All with mutex_ held.
  std::vector<Place> places(const Owner& owner) const;
  bool has_place(const Owner& owner) const;
  void take(const Owner& owner);
  void give_back(const Owner& owner);
  bool grant(Waiting& entry);
  void grant_waiting();
  void count_total(const Owner& owner, int change);

  void run();

  const Limits limits_;
  mutable std::mutex mutex_;
  std::condition_variable work_, ended_;
  std::deque<Waiting> waiting_;                  // for a place; in order
  std::deque<std::pair<Permit, Work>> granted_;  // have a place, and a thread in a moment
  std::map<std::string, std::size_t> used_;      // permits by `places`
  std::map<std::string, std::size_t> total_;     // by caller and group, running and waiting
  std::size_t running_ = 0, threads_ = 0, idle_ = 0;
  std::uint64_t refused_caller_ = 0, refused_full_ = 0;
  bool finishing_ = false;
};

}  // namespace agnes::http
