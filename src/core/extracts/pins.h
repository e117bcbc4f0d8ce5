#pragma once

#include <functional>
#include <set>
#include <string>

#include "core/extracts/file_facts.h"

namespace agnes::extracts {

struct PinnedFile {
  std::string path;
  FileFacts facts;
};

// Second names (hard links) of data files. A sync replaces a file by renaming another over its name; the pin
// goes on naming the old content, so that a query that opens its file twice, or a download in two ranges,
// meets one version. Thread-safe.
class Pins {
 public:
  // Makes the folder where it is missing. Empty: `pin` answers with the file's own path.
  explicit Pins(std::string folder);

  // The file's content now, under a name that no sync touches. `known` may tell the facts of a stamp; else
  // `read` finds them. Where links are not possible (another file system, somebody else's files on a hardened
  // kernel) the answer is the file's own path.
  PinnedFile pin(const std::string& file,
                 const std::function<std::optional<FileFacts>(const FileStamp&)>& known,
                 const std::function<FileFacts(const std::string& path, const FileStamp&)>& read) const;
  void remove_others(const std::set<std::string>& names) const;

 private:
  std::string folder_;
};

// Whether `path` is a pin and still has the content that it was made for: false after somebody wrote into the file.
// `now` is its stamp as of the open file.
bool is_intact_pin(const std::string& path, const FileStamp& now);

}  // namespace agnes::extracts
