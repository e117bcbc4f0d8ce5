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

// Second names (hard links) of files of extracts. A sync replaces a file by renaming another over its name; the pin
// goes on naming the old content, so that a query that opens its file twice, or a download in two ranges,
// meets one version. And who writes the extract cannot put a link or another file in its place: everything that is served is
// opened by its pin. Thread-safe.
class Pins {
 public:
  // Makes the folder where it is missing. Empty: `pin` answers with the file's own path.
  explicit Pins(std::string folder);

  // The content of a file of the extract's `folder` now, under a name that no sync touches. `known` may tell the facts of a
  // stamp; else `read` finds them. Where links are not possible (somebody else's files on a hardened kernel) the
  // file is copied. Throws Error: not_found for what is no file, forbidden for what is not in the folder.
  PinnedFile pin(const fs::path& folder, const fs::path& file,
                 const std::function<std::optional<FileFacts>(const FileStamp&)>& known,
                 const std::function<FileFacts(const std::string& path, const FileStamp&)>& read) const;
  struct Held {
    std::string path;
    FileStamp stamp;  // of the extract's file
  };
  // The same of a database, with its log beside it, if there is one.
  Held pin_database(const fs::path& folder, const fs::path& file) const;
  void remove_others(const std::set<std::string>& names) const;

 private:
  Held hold(const fs::path& folder, const fs::path& file, std::string_view extension) const;

  std::string folder_;
};

// Whether `path` is a pin and still has the content that it was made for: false after somebody wrote into the file.
// `now` is its stamp as of the open file.
bool is_intact_pin(const std::string& path, const FileStamp& now);

}  // namespace agnes::extracts
