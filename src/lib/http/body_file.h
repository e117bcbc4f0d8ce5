#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "lib/base/files.h"
#include "lib/http/request.h"

namespace agnes::http {

// A handler's argument for uploads: the request's body, or the one file of its multipart form, written to a temporary
// file while it arrived. The file goes with the request; a handler that wants to keep it renames it. Declare the
// route's limit with RouteInfo::max_body: it may be larger than what would fit into memory. The route's caller is
// checked before the body is read.
struct BodyFile {
  std::filesystem::path path;
  std::uint64_t size = 0;
  std::string field;         // of a multipart form, that has the file; empty: the body is the file
  std::string filename;      // of a multipart form, as sent: never use it as a path
  std::string content_type;  // of the file, as sent; may be empty
  Pairs fields;              // the form's other fields

  std::unique_ptr<TemporaryFolder> folder;  // that holds `path`
};

}  // namespace agnes::http
