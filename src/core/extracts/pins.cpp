#include "core/extracts/pins.h"

#include <unistd.h>

#include "lib/base/files.h"

namespace agnes::extracts {

namespace {
std::string pin_name(const FileStamp& stamp) {
  return fmt::format("{:x}-{:x}-{:x}.parquet", stamp.inode, stamp.mtime_ns, stamp.size);
}
}  // namespace

Pins::Pins(std::string folder) : folder_(std::move(folder)) {
  if (folder_.empty()) return;
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) throw system_error("cannot create " + folder_, error.value());
  remove_leftovers(folder_);
}

PinnedFile Pins::pin(const std::string& file,
                     const std::function<std::optional<FileFacts>(const FileStamp&)>& known,
                     const std::function<FileFacts(const std::string&, const FileStamp&)>& read) const {
  const auto facts_of = [&](const std::string& path, const FileStamp& stamp) {
    auto facts = known(stamp);
    return facts ? std::move(*facts) : read(path, stamp);
  };
  const auto now = stamp_of(file);
  if (!now) throw Error(ErrorKind::not_found, "it is gone");
  if (folder_.empty()) return {file, facts_of(file, *now)};

  const fs::path pinned = fs::path(folder_) / pin_name(*now);
  if (stamp_of(pinned) == now) return {pinned, facts_of(pinned, *now)};
  // Linked under a temporary name first: what the link holds may be newer than the look above.
  const fs::path temporary = temporary_name(pinned);
  if (::link(file.c_str(), temporary.c_str()) != 0) return {file, facts_of(file, *now)};
  const auto held = stamp_of(temporary);
  if (!held) throw Error(ErrorKind::not_found, "it is gone");
  const fs::path name = fs::path(folder_) / pin_name(*held);
  ::rename(temporary.c_str(), name.c_str());
  // A rename between two names of one file does nothing at all.
  ::unlink(temporary.c_str());
  return {name, facts_of(name, *held)};
}

bool is_intact_pin(const std::string& path, const FileStamp& now) {
  return fs::path(path).filename() == pin_name(now);
}

void Pins::remove_others(const std::set<std::string>& names) const {
  if (folder_.empty()) return;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder_, ignored)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".parquet") && !names.contains(name)) fs::remove(entry.path(), ignored);
  }
}

}  // namespace agnes::extracts
