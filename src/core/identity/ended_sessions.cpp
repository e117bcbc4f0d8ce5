#include "core/identity/ended_sessions.h"

#include <fmt/format.h>

#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/json.h"

namespace agnes::identity {

EndedSessions::EndedSessions(std::filesystem::path file) : file_(std::move(file)) {
  const auto text = read_file(file_);
  if (!text) return;
  try {
    for (auto& [id, until] : json::from_json<std::map<std::string, Timestamp>>(json::parse(*text)))
      until_.emplace(id, until);
  } catch (const std::exception& error) {
    throw Error(
        ErrorKind::internal,
        fmt::format("{} cannot be read: {}; bring it back from a backup, or delete it a day after the last "
                    "sign-out",
                    file_.string(), error.what()));
  }
}

void EndedSessions::add(const std::string& id, Timestamp until) {
  const std::lock_guard lock(mutex_);
  const auto moment = now();
  std::erase_if(until_, [&](const auto& entry) { return entry.second < moment; });
  until_[id] = until;
  replace_file(file_, boost::json::serialize(
                          json::to_json(std::map<std::string, Timestamp>(until_.begin(), until_.end()))) +
                          '\n');
}

bool EndedSessions::contains(std::string_view id) const {
  const std::lock_guard lock(mutex_);
  return until_.find(id) != until_.end();
}

}  // namespace agnes::identity
