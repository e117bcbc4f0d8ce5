#include "core/sync/sync_memory.h"

#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::sync {

namespace {
constexpr std::int64_t kMinute = 60'000'000;

std::optional<Timestamp> at(const std::map<std::string, Timestamp>& times, const std::string& table) {
  const auto found = times.find(to_lower(table));
  return found == times.end() ? std::nullopt : std::optional(found->second);
}
}  // namespace

SyncMemory::SyncMemory(std::filesystem::path file) : file_(std::move(file)) {
  try {
    if (const auto text = read_file(file_))
      synced_ = json::from_json<std::map<std::string, Timestamp>>(json::parse(*text));
  } catch (const std::exception& error) {
    log::warn("{} is not used, so that tables may be synced before their time: {}", file_.filename().string(),
              error.what());
  }
}

SyncMemory::Times SyncMemory::of(const std::string& table) const {
  const std::lock_guard lock(mutex_);
  return {at(synced_, table), at(tried_, table)};
}

void SyncMemory::note(const std::vector<std::string>& good, const std::vector<std::string>& failed,
                      Timestamp started) {
  const Timestamp minute{started.micros / kMinute * kMinute};
  const std::lock_guard lock(mutex_);
  for (const auto& table : failed) tried_[to_lower(table)] = minute;
  for (const auto& table : good) {
    synced_[to_lower(table)] = minute;
    tried_.erase(to_lower(table));
  }
  write();
}

void SyncMemory::forget(const std::string& table) {
  const std::lock_guard lock(mutex_);
  tried_.erase(to_lower(table));
  // Longer ago than any schedule; without an entry the state database's would count.
  synced_[to_lower(table)] = {};
  write();
}

void SyncMemory::keep(const std::function<bool(const std::string&)>& wanted) {
  const std::lock_guard lock(mutex_);
  for (auto* times : {&synced_, &tried_})
    std::erase_if(*times, [&](const auto& entry) { return !wanted(entry.first); });
}

void SyncMemory::write() {
  try {
    replace_file(file_, boost::json::serialize(json::to_json(synced_)) + '\n');
  } catch (const std::exception& error) {
    log::warn("when tables were synced is not kept: {}", error.what());
  }
}

}  // namespace agnes::sync
