#include "lib/jobs/timetable.h"

#include <algorithm>

namespace agnes::jobs {

namespace {
constexpr std::int64_t kSecond = 1'000'000;
// More than the jitter, so that a turn just taken does not come again.
constexpr std::int64_t kSetBack = 60 * kSecond;

// The same on every platform and in every run, unlike std::hash.
std::uint64_t mixed(std::string_view name, std::uint64_t seed) {
  std::uint64_t hash = 0xcbf29ce484222325 ^ seed;
  for (const unsigned char c : name) hash = (hash ^ c) * 0x100000001b3;
  hash = (hash ^ (hash >> 33)) * 0xff51afd7ed558ccd;
  return hash ^ (hash >> 33);
}
}  // namespace

void Timetable::add(const std::string& name, const Schedule& schedule, std::optional<Timestamp> last) {
  const std::int64_t gap =
      schedule.next_after(schedule.next_after(start_)).micros - schedule.next_after(start_).micros;
  const std::int64_t most = std::min(options_.jitter_seconds * kSecond, gap / 10);
  const std::int64_t jitter =
      most > 0 ? static_cast<std::int64_t>(mixed(name, options_.seed) % static_cast<std::uint64_t>(most)) : 0;
  // A last turn in the future is from a clock that was wrong.
  const Timestamp fire_time = last ? schedule.next_after(std::min(*last, start_)) : start_;
  const Timestamp earliest = plus_seconds(start_, options_.grace_seconds);
  const Timestamp at{std::max(fire_time, earliest).micros + jitter};
  const auto [place, added] = entries_.emplace(name, Entry{name, schedule, jitter, fire_time, at});
  if (!added) return;
  heap_.push_back(&place->second);
  std::push_heap(heap_.begin(), heap_.end(), later);
}

void Timetable::mind_clock(Timestamp now) {
  const bool set_back = now.micros < seen_.micros - kSetBack;
  if (!set_back) {
    seen_ = std::max(seen_, now);
    return;
  }
  seen_ = now;
  for (auto& [name, entry] : entries_) {
    const Timestamp fire_time = entry.schedule.next_after(now);
    if (entry.fire_time > fire_time) entry.fire_time = fire_time;
    entry.at.micros = std::min(entry.at.micros, fire_time.micros + entry.jitter);
  }
  std::make_heap(heap_.begin(), heap_.end(), later);
}

std::vector<std::string> Timetable::take_due(Timestamp now) {
  mind_clock(now);
  std::vector<std::string> out;
  while (!heap_.empty() && heap_.front()->at <= now) {
    std::pop_heap(heap_.begin(), heap_.end(), later);
    Entry& entry = *heap_.back();
    out.push_back(entry.name);
    // From turn to turn, so that an interval does not drift; from now on when turns were missed.
    Timestamp fire_time = entry.schedule.next_after(entry.fire_time);
    if (fire_time <= now) fire_time = entry.schedule.next_after(now);
    entry.fire_time = fire_time;
    entry.at = {fire_time.micros + entry.jitter};
    std::push_heap(heap_.begin(), heap_.end(), later);
  }
  return out;
}

std::optional<Timestamp> Timetable::next() const {
  if (heap_.empty()) return std::nullopt;
  return heap_.front()->at;
}

std::optional<Timestamp> Timetable::next_of(const std::string& name) const {
  const auto found = entries_.find(name);
  if (found == entries_.end()) return std::nullopt;
  return found->second.at;
}

}  // namespace agnes::jobs
