#pragma once

#include "lib/base/files.h"
#include "server/data_files.h"

// How the files of a data directory get into another folder: what `backup` and `restore` share.
namespace agnes::server {

// A file of a backup, as backup.json lists it.
struct BackedUpFile {
  std::string name;
  std::uint64_t size = 0;
  std::string md5;
  bool operator==(const BackedUpFile&) const = default;
};
BOOST_DESCRIBE_STRUCT(BackedUpFile, (), (name, size, md5))

// Copies `from` to the new file `folder`/`name` and tells what it read. Mode, time and, where that is
// allowed, owner are kept. Throws Error.
BackedUpFile copy_file(const fs::path& from, const fs::path& folder, const std::string& name);

// Copies all of `files` into `folder`, with folders and links, and lists the files among them. Throws Error,
// before anything is copied when the disk has too little room.
std::vector<BackedUpFile> copy_all(const std::vector<DataFile>& files, const fs::path& folder);

// Gives the folder `to` the mode, time and, where that is allowed, owner of the folder `from`.
void keep_folder_attributes(const fs::path& from, const fs::path& to);

// A folder in the making, removed with the object unless it was renamed. A killed process leaves it; the next
// one that makes it takes away what is in it, so its name must be one that nothing of worth has.
class UnfinishedFolder {
 public:
  // `what` it is for, for the error (conflict) when another process is at it: "backup to /x".
  UnfinishedFolder(fs::path path, const std::string& what);
  ~UnfinishedFolder();
  UnfinishedFolder(const UnfinishedFolder&) = delete;
  UnfinishedFolder& operator=(const UnfinishedFolder&) = delete;

  const fs::path& path() const { return path_; }
  // Makes sure that all of it is on the disk and renames it, in one step. Throws Error (conflict) when
  // something is at `target`; an empty folder is nothing.
  void rename(const fs::path& target);
  // The same where a folder is at `target`: in one step this one is there and that one is called `kept`,
  // which nothing is called yet. (Killed just before that step, `kept` is this one: nothing is lost then,
  // either.) Throws Error, with `target` as it was, where the file system knows no such step (NFS, for one).
  void exchange(const fs::path& target, const fs::path& kept);

 private:
  void sync();
  fs::path path_;
  UniqueFd lock_;
};

// The folder of that name, absolute and without a slash at its end.
fs::path absolute_folder(const fs::path& named);
// Whether `file` is `folder` or lies below it, links followed.
bool lies_in(const fs::path& file, const fs::path& folder);

}  // namespace agnes::server
