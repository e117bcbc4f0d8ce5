#pragma once

#include <mutex>
#include <string>
#include <unordered_map>

#include "catalog/visible.h"
#include "http/response.h"

namespace agnes::sync {

// The manifests that clients compare with what they have: one a set of rights, made once and sent many times.
// Thread-safe.
class Manifests {
 public:
  // `data` is the data directory: documents beside the tables are listed too.
  explicit Manifests(std::filesystem::path data) : data_(std::move(data)) {}

  // Its ETag holds as long as its content does; the time in it is at most a second old.
  http::Response of(const catalog::VisibleSet& set);
  // Lets go of all that were made: there is a new generation.
  void forget();

 private:
  struct Entry {
    http::SharedBody body;
    std::string etag, tables;  // `tables` as JSON text
    std::int64_t second = 0;
  };
  std::filesystem::path data_;
  std::mutex mutex_;
  std::unordered_map<std::string, Entry> entries_;
  std::size_t bytes_ = 0;  // of all entries' texts
};

}  // namespace agnes::sync
