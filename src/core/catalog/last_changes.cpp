#include "core/catalog/last_changes.h"

#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/base/log.h"

namespace agnes::catalog {

LastChanges::LastChanges(std::filesystem::path file) : file_(std::move(file)) {
  try {
    if (const auto text = read_file(file_))
      changes_ = json::from_json<std::map<std::string, LastChange>>(json::parse(*text));
  } catch (const std::exception& error) {
    log::warn("{} is not used, so the last editor of a table is not shown: {}", file_.filename().string(),
              error.what());
  }
}

void LastChanges::note(const std::string& table_id, LastChange change) {
  const std::lock_guard lock(mutex_);
  changes_[table_id] = std::move(change);
  write();
}

void LastChanges::forget(const std::string& table_id) {
  const std::lock_guard lock(mutex_);
  if (changes_.erase(table_id) > 0) write();
}

std::optional<LastChange> LastChanges::of(const std::string& table_id, const std::string& version) const {
  const std::lock_guard lock(mutex_);
  const auto found = changes_.find(table_id);
  if (found == changes_.end() || found->second.version != version) return std::nullopt;
  return found->second;
}

void LastChanges::write() const {
  try {
    replace_file(file_, boost::json::serialize(json::to_json(changes_)) + '\n');
  } catch (const std::exception& error) {
    log::warn("who changed a table last is not kept: {}", error.what());
  }
}

}  // namespace agnes::catalog
