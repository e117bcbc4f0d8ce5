#pragma once

#include <optional>
#include <vector>

#include "contract/news.h"
#include "core/state/audit.h"
#include "core/state/store.h"

// The news that an administrator writes, in numbered versions (table `news_template`): one draft at most, which edits
// replace, and published ones, of which the latest is what people see. Texts are sanitized before they are kept.
namespace agnes::news {

using contract::NewsVersion;

// Thread-safe: each call is a transaction.
class News {
 public:
  explicit News(state::Store& store) : store_(store) {}

  std::optional<NewsVersion> current() const;
  std::optional<NewsVersion> draft() const;
  std::optional<NewsVersion> version(std::int64_t number) const;
  std::vector<NewsVersion> versions(std::int64_t limit, std::int64_t offset) const;  // newest first

  // Replaces the draft or begins one, and forgets versions of more than thirty days but for the draft and what people see.
  // With `expected`, throws Error (conflict) unless the draft has that number; 0 stands for no draft.
  NewsVersion save_draft(const contract::NewsTexts& texts, std::optional<std::int64_t> expected,
                         const state::Actor& actor);
  // Throws Error (conflict) when there is no draft, or when it is not the expected one.
  NewsVersion publish(std::optional<std::int64_t> expected, const state::Actor& actor);
  // Makes a published version the draft. Throws Error: `not_found`; `conflict` when it or another is the draft.
  NewsVersion unpublish(std::int64_t number, const state::Actor& actor);

 private:
  state::Store& store_;
};

}  // namespace agnes::news
