#include "server/data_files.h"

#include <algorithm>

#include "core/sync/extensions.h"
#include "lib/base/files.h"

namespace agnes::server {

namespace {

// DATA_DIR/<folder> and DATA_DIR/extracts/<source>.
constexpr int kFollowedDepth = 2;

bool is_left_out(const fs::path& file, int depth) {
  const std::string name = file.filename();
  if (is_temporary(file)) return true;
  if (depth == 1) return name == "analytics" || name == "tmp" || name == "lost+found" || name == kBackupNote;
  return name == ".agnes-pins" || name == ".agnes-cache.json" || name == ".agnes-lock";
}

bool is_left_out_of_state(const fs::path& file) {
  const std::string name = file.filename();
  return is_temporary(file) || name == kStateFile || name == std::string(kStateFile) + ".wal" ||
         name == "system.lock" || name == kControlSocket || name == sync::kExtensionFolder;
}

class Listing {
 public:
  Listing(const config::Places& places, Links links)
      : places_(places), followed_(links == Links::followed ? kFollowedDepth : 0) {}

  std::vector<DataFile> run() {
    walk(places_.data, "", 1);
    if (fs::is_directory(places_.state) && (followed_ > 0 || !fs::is_symlink(places_.state))) {
      add(places_.state, "state", DataFile::Kind::folder);
      walk(places_.state, "state/", kFollowedDepth);
    }
    const fs::path settings = places_.config / "instance.yaml";
    const bool listed = std::any_of(out_.begin(), out_.end(),
                                    [](const DataFile& file) { return file.name == "config/instance.yaml"; });
    if (!listed && fs::is_regular_file(settings)) {
      add(places_.config, "config", DataFile::Kind::folder);
      add(settings, "config/instance.yaml", DataFile::Kind::file);
    }
    std::sort(out_.begin(), out_.end());
    return std::move(out_);
  }

 private:
  void add(const fs::path& path, const std::string& name, DataFile::Kind kind) {
    DataFile file{name, path, {}, kind};
    if (kind == DataFile::Kind::file) {
      const auto stamp = extracts::stamp_of(path);
      if (!stamp) return;  // it has gone meanwhile
      file.stamp = *stamp;
    }
    out_.push_back(std::move(file));
  }

  void walk(const fs::path& folder, const std::string& prefix, int depth) {
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    if (error == std::errc::no_such_file_or_directory && depth > 1) return;
    if (error) throw system_error("cannot read " + folder.string(), error.value());
    const bool in_state = folder == places_.state;
    for (const auto& entry : entries) {
      const fs::path& path = entry.path();
      const std::string name = prefix + path.filename().string();
      if (in_state ? is_left_out_of_state(path) : is_left_out(path, depth)) continue;
      // The state directory is listed by itself.
      if (!in_state && path == places_.state) continue;
      std::error_code gone;
      const auto kind = entry.is_symlink(gone) && depth > followed_ ? fs::file_type::symlink
                                                                    : fs::status(path, gone).type();
      if (kind == fs::file_type::symlink) {
        add(path, name, DataFile::Kind::link);
      } else if (kind == fs::file_type::regular) {
        add(path, name, DataFile::Kind::file);
      } else if (kind == fs::file_type::directory) {
        add(path, name, DataFile::Kind::folder);
        walk(path, name + "/", depth + 1);
      }
    }
  }

  const config::Places& places_;
  const int followed_;
  std::vector<DataFile> out_;
};

}  // namespace

std::vector<DataFile> list_data(const config::Places& places, Links links) {
  return Listing(places, links).run();
}

}  // namespace agnes::server
