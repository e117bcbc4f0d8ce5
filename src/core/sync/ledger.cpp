#include "core/sync/ledger.h"

#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/base/log.h"

namespace agnes::sync {

namespace {
constexpr std::int64_t kMinute = 60'000'000;
using Times = std::map<std::string, Timestamp>;
}  // namespace

Ledger::Ledger(std::filesystem::path file) : file_(std::move(file)) {
  try {
    if (const auto text = read_file(file_))
      for (const auto& [table, time] : json::from_json<Times>(json::parse(*text)))
        entries_[table].succeeded = time;
  } catch (const std::exception& error) {
    log::warn("{} is not used, so that tables may be synced before their time: {}", file_.filename().string(),
              error.what());
  }
}

Ledger::Entries Ledger::entries() const {
  const std::lock_guard lock(mutex_);
  return entries_;
}

std::vector<Failure> Ledger::failures() const {
  const std::lock_guard lock(mutex_);
  return failures_;
}

std::vector<extracts::Problem> Ledger::problems() const {
  const std::lock_guard lock(mutex_);
  std::vector<extracts::Problem> out;
  for (const auto& [source, problems] : problems_) out.insert(out.end(), problems.begin(), problems.end());
  return out;
}

void Ledger::record_attempts(const RunLedger& run, const RegistrySnapshot& registry) {
  const Timestamp minute{run.started.micros / kMinute * kMinute};
  const std::lock_guard lock(mutex_);
  std::erase_if(entries_, [&](const auto& entry) {
    return registry.find(entry.first) == nullptr && !redefined_.contains(entry.first);
  });
  for (const auto& table : run.outcomes) {
    const std::string key = to_lower(table.name);
    const auto redefined = redefined_.find(key);
    if (redefined != redefined_.end() && redefined->second >= run.started) continue;
    auto& entry = entries_[key];
    if (table.failed)
      entry.failed = minute;
    else
      entry = {.succeeded = minute, .failed = std::nullopt};
  }
  redefined_.clear();
  write();
}

void Ledger::record_failures(const RunLedger& run, const RegistrySnapshot& registry) {
  const auto reported = run.reported();
  const std::lock_guard lock(mutex_);
  std::erase_if(failures_, [&](const Failure& old) {
    const std::string key = to_lower(old.table);
    if (reported.contains(key)) return true;
    if (run.failure) return false;
    return run.selection.includes(key) || (run.selection.includes_new() && registry.find(key) == nullptr);
  });
  for (const auto& [source, problems] : run.problems) {
    auto& standing = problems_[source] = problems;
    std::erase_if(standing, [](const extracts::Problem& problem) { return problem.is_note(); });
  }
  for (auto& failures : {run.failed(), run.missing})
    failures_.insert(failures_.end(), failures.begin(), failures.end());
}

void Ledger::redefined(const std::string& table) {
  const std::string key = to_lower(table);
  const std::lock_guard lock(mutex_);
  // Longer ago than any schedule; without an entry the state database's would count.
  entries_[key] = {.succeeded = Timestamp{}, .failed = std::nullopt};
  redefined_[key] = now();
  write();
}

void Ledger::unregistered(const std::string& table) {
  redefined(table);
  const std::lock_guard lock(mutex_);
  std::erase_if(failures_, [&](const Failure& failure) { return iequals(failure.table, table); });
}

void Ledger::write() {
  Times times;
  for (const auto& [table, entry] : entries_)
    if (entry.succeeded) times[table] = *entry.succeeded;
  try {
    replace_file(file_, boost::json::serialize(json::to_json(times)) + '\n');
  } catch (const std::exception& error) {
    log::warn("when tables were synced is not kept: {}", error.what());
  }
}

}  // namespace agnes::sync
