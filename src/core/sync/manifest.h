#pragma once

#include <mutex>
#include <string>

#include "core/catalog/shared_texts.h"

namespace agnes::sync {

// The manifests that clients compare with what they have. Thread-safe.
class Manifests {
 public:
  // `data` is the data directory: documents beside the tables are listed too.
  explicit Manifests(std::filesystem::path data) : data_(std::move(data)) {}

  // Its ETag holds as long as its content does, without the time in it. What it says of documents is at most
  // a second old.
  http::Response of(const catalog::VisibleSet& set);

 private:
  std::string assets(Timestamp moment);

  const std::filesystem::path data_;
  catalog::SharedTexts texts_;
  std::mutex mutex_;  // guards what follows
  std::string assets_;
  std::int64_t assets_second_ = -1;
};

}  // namespace agnes::sync
