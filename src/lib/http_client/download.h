#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "lib/http_client/client.h"

namespace agnes::http_client {

struct Download {
  std::string path;  // of the request, as in Request
  std::filesystem::path target;
  std::string md5;         // what the file must hash to; empty: unknown
  std::uint64_t size = 0;  // what it is expected to have; 0: unknown
};

struct DownloadOptions {
  int retries = 3;   // after a failure that may pass; a stretch that brought data starts the count anew
  int segments = 4;  // parallel requests for one large file, 1 to 16
  std::uint64_t segment_threshold = 50u << 20;  // smaller files come in one
};

// The server's answer was no file: 401, 403, 404, ...
class StatusError : public Error {
 public:
  explicit StatusError(Response response);
  const Response& response() const { return response_; }

 private:
  Response response_;
};

// Everything arrived, but it is not what was announced.
class HashMismatch : public Error {
 public:
  using Error::Error;
};

// Fetches a file and puts it in the target's place once it is whole and has the right hash; until then the
// target stays as it is. What arrived is kept beside in hidden files ("partial_name"), so that a later call,
// also of another process after a crash, asks only for the rest. One caller per target at a time. `progress`
// gets the bytes that came (negative when they had to be thrown away), from several threads. Throws
// StatusError, HashMismatch, TransportError, Cancelled; Error (insufficient_storage) when the disk is full,
// and then the partial files are gone too.
void download(Client& client, const Download& wanted, const DownloadOptions& options,
              const std::function<void(std::int64_t)>& progress, Stop cancelled = {});

// ".orders.parquet.<hash>.part" beside the target; the record of what it holds has ".json" at the end.
std::filesystem::path partial_name(const Download& wanted);
bool is_partial_name(std::string_view file_name);

}  // namespace agnes::http_client
