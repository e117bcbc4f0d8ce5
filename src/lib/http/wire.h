#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lib/http/response.h"

// Inside http/: from a Response to the bytes on the line.
namespace agnes::http {

// Bytes in memory, shared or of its own, or a part of a file.
struct Piece {
  std::string text;
  std::shared_ptr<const std::string> shared;
  std::shared_ptr<UniqueFd> file;
  std::uint64_t offset = 0, length = 0;  // of `file`
};

struct Outgoing {
  int status = 0;
  std::string head;  // with the empty line at its end
  std::vector<Piece> pieces;
  std::uint64_t length = 0;  // of all pieces
  StreamBody stream;         // instead of pieces
  UpgradeBody upgrade;       // likewise
  bool chunked = false;      // how the stream is framed; else it ends with the connection
  bool is_events = false;
  std::chrono::seconds stream_limit{0};  // 0: none
  bool close = false;
  std::function<bool()> still_allowed;
};

struct SendOptions {
  bool keep_alive = true;
  bool is_http10 = false;
  bool compress = true;  // bodies that were not compressed beforehand
};

// Applies what the request says about the form of the answer: HEAD, If-Match, If-None-Match,
// If-Modified-Since, Range, If-Range, Accept-Encoding.
Outgoing prepare(const Request& request, Response response, const SendOptions& options);

// Whether an Accept-Encoding header takes gzip.
bool accepts_gzip(std::string_view accept_encoding);

struct ByteRange {
  std::uint64_t first, last;  // inclusive
};
enum class RangeResult { whole, parts, unsatisfiable };
// Reads a Range header for `size` bytes. `whole`: it is to be ignored (another unit, malformed, too many or
// overlapping parts).
RangeResult parse_range(std::string_view header, std::uint64_t size, std::vector<ByteRange>& out);

}  // namespace agnes::http
