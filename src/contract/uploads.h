#pragma once

#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/base/time.h"

// What people send to the server from their workspaces: /api/upload.
namespace agnes::contract {

struct Uploaded {
  std::string status = "ok", filename;  // the name that the file has here
  std::uint64_t size = 0;
};
BOOST_DESCRIBE_STRUCT(Uploaded, (), (status, filename, size))

struct UploadedFile {
  std::string filename;
  std::uint64_t size = 0;
  Timestamp uploaded_at;
};
BOOST_DESCRIBE_STRUCT(UploadedFile, (), (filename, size, uploaded_at))

struct UploadedFiles {
  std::vector<UploadedFile> files;
  std::uint64_t used_bytes = 0, limit_bytes = 0;  // of this account, sessions and artifacts together
};
BOOST_DESCRIBE_STRUCT(UploadedFiles, (), (files, used_bytes, limit_bytes))

struct Notes {
  std::string content;
};
BOOST_DESCRIBE_STRUCT(Notes, (), (content))

struct NotesKept {
  std::string status = "ok", user;
  std::uint64_t size = 0;  // in characters
};
BOOST_DESCRIBE_STRUCT(NotesKept, (), (status, user, size))

}  // namespace agnes::contract
