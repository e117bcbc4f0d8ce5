#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "app/config/settings.h"
#include "contract/uploads.h"
#include "lib/base/files.h"
#include "lib/http/body_file.h"

// The files that people send from their workspaces, in the data directory as the Python implementation has them:
//
//   user_sessions/<user id>/<name>    transcripts of agent sessions
//   user_artifacts/<user id>/<name>   reports and pictures
//   user_local_md/<hash of the address>.md   personal notes (CLAUDE.local.md)
namespace agnes::uploads {

struct UploadSettings {
  static constexpr std::string_view kSection = "uploads";
  std::int64_t max_file_mb = 50, max_user_mb = 2048, disk_reserve_mb = 512;
  static constexpr config::Rule kRules[] = {
      {.member = "max_file_mb", .ge = 1, .le = 4096, .help = "Largest session or artifact that is taken"},
      {.member = "max_user_mb",
       .ge = 1,
       .le = 1'048'576,
       .help = "Sessions and artifacts that are kept of one account, all together"},
      {.member = "disk_reserve_mb",
       .ge = 0,
       .le = 1'048'576,
       .help = "Uploads are refused when the disk has less than this free"},
  };
  std::uint64_t max_file_bytes() const { return static_cast<std::uint64_t>(max_file_mb) << 20; }
  std::uint64_t max_user_bytes() const { return static_cast<std::uint64_t>(max_user_mb) << 20; }
};
BOOST_DESCRIBE_STRUCT(UploadSettings, (), (max_file_mb, max_user_mb, disk_reserve_mb))

enum class Kind { sessions, artifacts };

// The name that a file gets here: what stands behind the last slash of the name that was sent. Throws Error (invalid, in
// the form of a field's problem) when that is no safe file name: empty, hidden, too long, or with control characters.
std::string file_name(const std::string& sent);

// Files are private to the server's account and replaced in one step. Thread-safe. Each call is about one account's own
// files: nobody names another account.
class Uploads {
 public:
  Uploads(fs::path data, const UploadSettings& settings) : data_(std::move(data)), settings_(settings) {}

  // Takes the upload over. A file of the name is replaced. Throws Error: `too_large` over the size of one file or of the
  // account's all, `insufficient_storage`.
  contract::Uploaded keep(Kind kind, const std::string& user_id, const http::BodyFile& upload);
  // By name.
  contract::UploadedFiles list(Kind kind, const std::string& user_id) const;
  // For reading; not open when there is no such file.
  UniqueFd open(Kind kind, const std::string& user_id, const std::string& name) const;
  // False when there was none.
  bool remove(Kind kind, const std::string& user_id, const std::string& name);

  contract::NotesKept keep_notes(const std::string& email, const std::string& content);

 private:
  fs::path folder(Kind kind, const std::string& user_id) const;
  std::uint64_t used(const std::string& user_id) const;
  void check_disk() const;

  const fs::path data_;
  const UploadSettings settings_;
  std::mutex mutex_;  // from the look at what an account has to the change
};

}  // namespace agnes::uploads
