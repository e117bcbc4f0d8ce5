#include "features/uploads/uploads.h"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

namespace agnes::uploads {

namespace {

// Less than the 255 bytes of a file system, so that temporary names and copies fit, too.
constexpr std::size_t kLongestName = 200;
// Of one account and kind: names take room, too.
constexpr std::size_t kMostFiles = 10'000;

bool is_safe_segment(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name.front() != '.' && is_utf8(name) &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos &&
         escape_control(name) == name;
}

void make_private_folder(const fs::path& folder) {
  if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST)
    throw system_error("cannot create " + folder.string(), errno);
}

std::uint64_t characters(std::string_view text) {
  // Every byte but those that continue a character.
  return static_cast<std::uint64_t>(std::count_if(
      text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::vector<contract::UploadedFile> files_of(const fs::path& folder) {
  std::vector<contract::UploadedFile> out;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    struct stat info {};
    const std::string name = entry.path().filename();
    if (!is_safe_segment(name) || ::lstat(entry.path().c_str(), &info) != 0 || !S_ISREG(info.st_mode))
      continue;
    out.push_back({name,
                   static_cast<std::uint64_t>(info.st_size),
                   {info.st_mtim.tv_sec * 1'000'000 + info.st_mtim.tv_nsec / 1'000}});
  }
  if (error && error != std::errc::no_such_file_or_directory)
    throw system_error("cannot read " + folder.string(), error.value());
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.filename < b.filename; });
  return out;
}

}  // namespace

std::string file_name(const std::string& sent) {
  const auto slash = sent.find_last_of("/\\");
  std::string name = slash == std::string::npos ? sent : sent.substr(slash + 1);
  if (is_safe_segment(name)) return name;
  const std::string why =
      fmt::format("the file's name must have 1 to {} bytes, begin with no dot and hold no control characters",
                  kLongestName);
  throw Error(ErrorKind::invalid, why,
              boost::json::array{{{"type", "value_error"},
                                  {"loc", boost::json::array{"body", "file"}},
                                  {"msg", why},
                                  {"input", escape_control(sent.substr(0, kLongestName))}}});
}

fs::path Uploads::folder(Kind kind, const std::string& user_id) const {
  if (!is_safe_segment(user_id))
    throw Error(ErrorKind::forbidden,
                "this account's id cannot name a folder, so it keeps no files: use another account");
  return data_ / (kind == Kind::sessions ? "user_sessions" : "user_artifacts") / user_id;
}

std::uint64_t Uploads::used(const std::string& user_id) const {
  std::uint64_t out = 0;
  for (const auto kind : {Kind::sessions, Kind::artifacts})
    for (const auto& file : files_of(folder(kind, user_id))) out += file.size;
  return out;
}

void Uploads::check_disk() const {
  std::error_code unknown;
  const auto space = fs::space(data_, unknown);
  if (!unknown && space.available < static_cast<std::uint64_t>(settings_.disk_reserve_mb) << 20)
    throw Error(ErrorKind::insufficient_storage,
                fmt::format("the disk of the server has less than {} MB free: an administrator must free "
                            "space, then send it again",
                            settings_.disk_reserve_mb));
}

contract::Uploaded Uploads::keep(Kind kind, const std::string& user_id, const http::BodyFile& upload) {
  const std::string name = file_name(upload.filename);
  if (upload.size > settings_.max_file_bytes())
    throw Error(ErrorKind::too_large, fmt::format("{} has {}, and {} MB is the most that is taken", name,
                                                  human_bytes(upload.size), settings_.max_file_mb));
  const fs::path place = folder(kind, user_id), file = place / name;
  check_disk();
  sync_file(upload.path);
  const std::lock_guard lock(mutex_);
  make_private_folder(place.parent_path());
  make_private_folder(place);
  struct stat before {};
  const bool replaces = ::lstat(file.c_str(), &before) == 0;
  std::uint64_t others = 0;
  for (const auto each : {Kind::sessions, Kind::artifacts}) {
    const auto files = files_of(folder(each, user_id));
    if (each == kind && !replaces && files.size() >= kMostFiles)
      throw Error(
          ErrorKind::too_large,
          fmt::format("this account has {} files here, and more are not kept: delete some that are not "
                      "needed",
                      kMostFiles));
    for (const auto& one : files) others += one.size;
  }
  if (replaces) others -= static_cast<std::uint64_t>(before.st_size);
  if (others + upload.size > settings_.max_user_bytes())
    throw Error(ErrorKind::too_large,
                fmt::format("with {} this account would have more than the {} MB that are kept of one: "
                            "delete sessions or artifacts that are not needed",
                            name, settings_.max_user_mb));
  rename_synced(upload.path, file);
  return {.filename = name, .size = upload.size};
}

contract::UploadedFiles Uploads::list(Kind kind, const std::string& user_id) const {
  return {files_of(folder(kind, user_id)), used(user_id), settings_.max_user_bytes()};
}

UniqueFd Uploads::open(Kind kind, const std::string& user_id, const std::string& name) const {
  const fs::path place = folder(kind, user_id);
  return is_safe_segment(name) ? open_beneath(place, name) : UniqueFd();
}

bool Uploads::remove(Kind kind, const std::string& user_id, const std::string& name) {
  const fs::path place = folder(kind, user_id);
  if (!is_safe_segment(name)) return false;
  const std::lock_guard lock(mutex_);
  if (::unlink((place / name).c_str()) == 0) {
    sync_folder(place);
    return true;
  }
  if (errno != ENOENT && errno != ENOTDIR) throw system_error("cannot delete " + name, errno);
  return false;
}

contract::NotesKept Uploads::keep_notes(const std::string& email, const std::string& content) {
  check_disk();
  const fs::path place = data_ / "user_local_md";
  make_private_folder(place);
  replace_file(place / (sha256_hex(email).substr(0, 24) + ".md"), content, 0600);
  return {.user = email, .size = characters(content)};
}

}  // namespace agnes::uploads
