#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/http/body_file.h"

// Inside http/: what a multipart form says of a part, and a body on its way into a file.
namespace agnes::http {

struct PartHead {
  std::string name, filename, type;
  bool is_file = false;
};
// The lines before a part's data. Throws Error (bad_request) for names that are not UTF-8.
PartHead parse_part_head(std::string_view lines);
Error malformed_form(std::string_view why);

// Takes a body as it arrives: `feed`, and `flush` whenever `is_full`, then `finish`. Whatever throws, throws Error:
// bad_request for a malformed form, too_large over a limit. Used by one thread at a time.
class Upload {
 public:
  // The temporary file is made below `folder`. `type` is the request's Content-Type.
  Upload(const std::filesystem::path& folder, std::string_view type);
  void feed(std::string_view bytes);  // does not touch the disk
  bool is_full() const { return pending_.size() >= kStep; }
  void flush();                              // writes to the disk
  std::shared_ptr<const BodyFile> finish();  // likewise

 private:
  static constexpr std::size_t kStep = 1 << 20;
  enum class State { preamble, boundary, head, data, end };

  bool step();
  bool take_data();

  std::shared_ptr<BodyFile> file_;
  UniqueFd fd_;
  std::string pending_;    // of the file, not yet written
  std::string delimiter_;  // of a multipart form: "\r\n--boundary"; empty: the body is the file
  std::string received_;   // of a form, not yet understood
  State state_ = State::preamble;
  PartHead part_;
  std::string field_;
  std::size_t field_bytes_ = 0;
  bool has_file_ = false;
};

}  // namespace agnes::http
