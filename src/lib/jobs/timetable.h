#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/jobs/schedule.h"

namespace agnes::jobs {

// Which of many schedules is due when. It has no clock: the time is handed to it. Not thread-safe.
//
// A turn that was missed, because the machine was off, busy or its clock was set forward, is made up for
// once, however many there were. When the clock is set back by more than a minute, no turn is further away
// than its schedule has it.
class Timetable {
 public:
  struct Options {
    std::int64_t grace_seconds = 60;  // nothing is due earlier after the start
    // A turn comes later by up to this, or a tenth of its interval if that is less.
    std::int64_t jitter_seconds = 30;
    std::uint64_t seed = 0;  // of the jitter, which is one for each name
  };
  Timetable(Timestamp start, const Options& options) : options_(options), start_(start), seen_(start) {}

  // `last`: when it last had its turn; nothing: never, then it is due after the grace. A name has one
  // schedule.
  void add(const std::string& name, const Schedule& schedule, std::optional<Timestamp> last);

  // The names whose turn it is, the longest waiting first; each is given its next turn.
  std::vector<std::string> take_due(Timestamp now);
  // The earliest turn; nothing when nothing is scheduled.
  std::optional<Timestamp> next() const;
  std::optional<Timestamp> next_of(const std::string& name) const;

 private:
  struct Entry {
    std::string name;
    Schedule schedule;
    std::int64_t jitter;  // microseconds
    Timestamp fire_time;  // by the schedule
    Timestamp at;         // with grace and jitter
  };
  static bool later(const Entry* a, const Entry* b) { return a->at > b->at; }
  void mind_clock(Timestamp now);

  const Options options_;
  const Timestamp start_;
  Timestamp seen_;
  std::map<std::string, Entry, std::less<>> entries_;
  std::vector<Entry*> heap_;  // the earliest in front
};

}  // namespace agnes::jobs
