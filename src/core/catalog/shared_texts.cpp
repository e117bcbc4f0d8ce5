#include "core/catalog/shared_texts.h"

namespace agnes::catalog {

namespace {
constexpr std::size_t kMaxBytes = 32u << 20;
}

std::shared_ptr<const http::SharedText> SharedTexts::of(const VisibleSet& set, std::string_view version,
                                                        const std::function<std::string()>& make) {
  std::shared_ptr<Entry> entry;
  {
    std::lock_guard lock(mutex_);
    // Nobody comes back to the texts of an earlier generation.
    if (generation_ != set.generation->number() || bytes_ > kMaxBytes) {
      entries_.clear();
      bytes_ = 0;
      generation_ = set.generation->number();
    }
    auto& known = entries_[fmt::format("{}/{}", set.key, version)];
    if (known == nullptr) known = std::make_shared<Entry>();
    entry = known;
  }
  std::call_once(entry->once, [&] {
    entry->text = std::make_shared<http::SharedText>(make());
    std::lock_guard lock(mutex_);
    bytes_ += entry->text->plain().size();
  });
  return entry->text;
}

}  // namespace agnes::catalog
