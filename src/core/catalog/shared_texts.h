#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

#include "core/catalog/visible.h"
#include "lib/http/response.h"

namespace agnes::catalog {

// What callers with the same rights are told of their tables, as text: with ten thousand tables each takes a
// while to make, and is sent many times. Thread-safe.
class SharedTexts {
 public:
  // The text of `set`, made when there is none. `version`: of whatever else it depends on. Who asks for one
  // that is being made waits for it; others do not.
  std::shared_ptr<const http::SharedText> of(const VisibleSet& set, std::string_view version,
                                             const std::function<std::string()>& make);

 private:
  struct Entry {
    std::once_flag once;
    std::shared_ptr<const http::SharedText> text;
  };
  std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<Entry>> entries_;
  std::size_t bytes_ = 0;  // of all texts, not compressed
  std::uint64_t generation_ = 0;
};

}  // namespace agnes::catalog
