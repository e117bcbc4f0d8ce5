#include "lib/http/pool.h"

#include <algorithm>
#include <system_error>
#include <thread>
#include <vector>

#include <poll.h>

namespace agnes::http {

namespace {
constexpr std::chrono::seconds kIdle{10};
// Of the work that runs on this thread.
thread_local Pool::Permit* current_permit = nullptr;
thread_local int current_socket = -1;

constexpr short kGone = POLLRDHUP | POLLHUP | POLLERR;

std::string total_name(const Owner& owner) {
  return owner.group + "/" + owner.caller;
}
}  // namespace

void enter_group(std::string_view group) {
  if (current_permit != nullptr && !current_permit->move_to(group)) throw Requeue{std::string(group)};
}

bool client_gone() {
  pollfd state{current_socket, kGone, 0};
  return current_socket >= 0 && ::poll(&state, 1, 0) > 0 && (state.revents & kGone) != 0;
}

Pool::Permit& Pool::Permit::operator=(Permit&& other) noexcept {
  if (this == &other) return *this;
  release();
  pool_ = std::exchange(other.pool_, nullptr);
  owner_ = std::move(other.owner_);
  return *this;
}

void Pool::Permit::release() {
  Pool* const pool = std::exchange(pool_, nullptr);
  if (pool == nullptr) return;
  const std::lock_guard lock(pool->mutex_);
  pool->give_back(owner_);
  pool->count_total(owner_, -1);
  pool->grant_waiting();
}

bool Pool::Permit::move_to(std::string_view group) {
  if (pool_ == nullptr || owner_.group == group) return true;
  const std::lock_guard lock(pool_->mutex_);
  const Owner wanted{owner_.caller, std::string(group), owner_.socket};
  pool_->give_back(owner_);
  const bool moved = pool_->has_place(wanted);
  if (moved) {
    pool_->count_total(owner_, -1);
    pool_->count_total(wanted, 1);
    owner_ = wanted;
  }
  pool_->take(owner_);
  if (moved) pool_->grant_waiting();
  return moved;
}

bool Pool::Permit::is_wanted() const {
  if (pool_ == nullptr) return false;
  const std::lock_guard lock(pool_->mutex_);
  const auto& waiting = pool_->waiting_;
  pool_->give_back(owner_);
  const bool wanted = std::any_of(waiting.begin(), waiting.end(),
                                  [&](const Waiting& entry) { return pool_->has_place(entry.owner); });
  pool_->take(owner_);
  return wanted;
}

Pool::~Pool() {
  finish();
}

// A caller's own, and for a group: the group's, the caller's in it, all groups' and all that is the caller's. The last
// two leave a place to everybody else.
std::vector<Pool::Place> Pool::places(const Owner& owner) const {
  const std::size_t most = limits_.per_caller;
  std::vector<Place> out;
  if (most == 0) return out;
  const std::size_t all_but_one = std::max<std::size_t>(1, limits_.running - 1);
  if (!owner.caller.empty()) out.push_back({"all/" + owner.caller, std::max(most, all_but_one)});
  if (owner.group.empty()) {
    if (!owner.caller.empty()) out.push_back({"/" + owner.caller, most});
    return out;
  }
  out.push_back({"groups", all_but_one});
  out.push_back({"group/" + owner.group, most});
  if (!owner.caller.empty()) out.push_back({total_name(owner), std::max<std::size_t>(2, most) - 1});
  return out;
}

bool Pool::has_place(const Owner& owner) const {
  if (running_ >= limits_.running) return false;
  const auto all = places(owner);
  return std::all_of(all.begin(), all.end(), [&](const Place& place) {
    const auto found = used_.find(place.name);
    return found == used_.end() || found->second < place.most;
  });
}

void Pool::take(const Owner& owner) {
  ++running_;
  for (const auto& place : places(owner)) ++used_[place.name];
}

void Pool::give_back(const Owner& owner) {
  --running_;
  for (const auto& place : places(owner))
    if (const auto found = used_.find(place.name); --found->second == 0) used_.erase(found);
}

void Pool::count_total(const Owner& owner, int change) {
  if (owner.caller.empty() || limits_.per_caller_total == 0) return;
  const auto found = total_.try_emplace(total_name(owner)).first;
  found->second += static_cast<std::size_t>(change);
  if (found->second == 0) total_.erase(found);
}

// False, and the entry stays as it is, when there is no thread to run it.
bool Pool::grant(Waiting& entry) {
  if (idle_ <= granted_.size() && threads_ < limits_.running) {
    try {
      std::thread(&Pool::run, this).detach();
      ++threads_;
    } catch (const std::system_error&) {
      if (threads_ == 0) return false;
    }
  }
  take(entry.owner);
  Permit permit;
  permit.pool_ = this;
  permit.owner_ = std::move(entry.owner);
  granted_.emplace_back(std::move(permit), std::move(entry.work));
  work_.notify_one();
  return true;
}

void Pool::grant_waiting() {
  for (auto at = waiting_.begin(); at != waiting_.end() && running_ < limits_.running;) {
    if (!has_place(at->owner)) {
      ++at;
      continue;
    }
    if (!grant(*at)) break;
    at = waiting_.erase(at);
  }
}

Pool::Refusal Pool::submit(Owner owner, Work work) {
  const std::lock_guard lock(mutex_);
  const auto full = [&] {
    ++refused_full_;
    return Refusal::full;
  };
  if (finishing_) return full();
  const bool now = has_place(owner);
  if (!now) {
    const auto total = total_.find(total_name(owner));
    const bool callers_own = total != total_.end() && total->second >= limits_.per_caller_total;
    const bool no_room = waiting_.size() >= limits_.queued;
    if (no_room && (running_ >= limits_.running || !callers_own)) return full();
    if (callers_own) {
      ++refused_caller_;
      return Refusal::caller;
    }
  }
  Waiting entry{owner, std::move(work), Clock::now() + limits_.max_wait};
  if (!now)
    waiting_.push_back(std::move(entry));
  else if (!grant(entry))
    return full();
  count_total(owner, 1);
  return Refusal::none;
}

void Pool::expire(Clock::time_point now, bool all) {
  std::deque<Waiting> late, gone;
  {
    const std::lock_guard lock(mutex_);
    std::vector<pollfd> clients;  // a descriptor below 0 is passed over
    for (const auto& entry : waiting_) clients.push_back({entry.owner.socket, kGone, 0});
    if (!clients.empty() && ::poll(clients.data(), clients.size(), 0) > 0)
      for (std::size_t i = clients.size(); i-- > 0;) {
        if ((clients[i].revents & kGone) == 0) continue;
        const auto at = waiting_.begin() + static_cast<std::ptrdiff_t>(i);
        count_total(at->owner, -1);
        gone.push_back(std::move(*at));
        waiting_.erase(at);
      }
    while (!waiting_.empty() && (all || waiting_.front().until <= now)) {
      count_total(waiting_.front().owner, -1);
      ++refused_full_;
      late.push_back(std::move(waiting_.front()));
      waiting_.pop_front();
    }
  }
  Permit none;
  for (auto& entry : gone) entry.work(Refusal::gone, none);
  for (auto& entry : late) entry.work(all ? Refusal::full : Refusal::waited, none);
}

void Pool::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    if (granted_.empty()) {
      if (finishing_) break;
      ++idle_;
      const bool woken = work_.wait_for(lock, kIdle, [&] { return finishing_ || !granted_.empty(); });
      --idle_;
      if (!woken) break;
      continue;
    }
    auto [permit, work] = std::move(granted_.front());
    granted_.pop_front();
    lock.unlock();
    current_permit = &permit;
    current_socket = permit.owner_.socket;
    work(Refusal::none, permit);
    current_permit = nullptr;
    current_socket = -1;
    work = nullptr;
    permit.release();
    lock.lock();
  }
  --threads_;
  // With the lock held: the pool may be gone right after.
  ended_.notify_all();
}

void Pool::finish() {
  expire({}, true);
  std::unique_lock lock(mutex_);
  finishing_ = true;
  work_.notify_all();
  ended_.wait(lock, [&] { return threads_ == 0; });
}

ExecutorCounts Pool::counts() const {
  const std::lock_guard lock(mutex_);
  return {limits_.name, running_, waiting_.size(), limits_.running, refused_caller_, refused_full_};
}

}  // namespace agnes::http
