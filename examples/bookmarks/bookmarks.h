#pragma once

#include <string>
#include <vector>

#include "app/module.h"
#include "core/catalog/visible.h"
#include "core/state/store.h"

// An example of a feature: people keep bookmarks of tables, with a note. CONTRIBUTING.md refers to these files.
namespace agnes::bookmarks {

// A setting is one member and one rule.
struct BookmarkSettings {
  static constexpr std::string_view kSection = "bookmarks";
  std::int64_t most_per_user = 100;
  std::int64_t cleanup_interval_minutes = 1440;
  static constexpr config::Rule kRules[] = {
      {.member = "most_per_user", .ge = 1, .le = 10'000, .help = "Bookmarks that one user may keep"},
      {.member = "cleanup_interval_minutes",
       .ge = 1,
       .le = 10'080,
       .help = "How often bookmarks of tables that are gone are removed"},
  };
};
BOOST_DESCRIBE_STRUCT(BookmarkSettings, (), (most_per_user, cleanup_interval_minutes))

// A row of the table `bookmarks`, and what routes answer.
struct Bookmark {
  std::string user_id, table_id, note;
  std::optional<Timestamp> added_at = {};
};
BOOST_DESCRIBE_STRUCT(Bookmark, (), (user_id, table_id, note, added_at))

// Thread-safe: each call is a transaction.
class Bookmarks {
 public:
  Bookmarks(state::Store& store, const BookmarkSettings& settings) : store_(store), settings_(settings) {}

  std::vector<Bookmark> of(const std::string& user_id) const;  // sorted by table
  // Adds or replaces one. Throws Error (conflict) when the user has as many as are allowed.
  Bookmark put(const std::string& user_id, const std::string& table_id, const std::string& note);
  // False when there was none.
  bool remove(const std::string& user_id, const std::string& table_id);
  // Removes those of tables that `known` does not name; how many.
  std::int64_t remove_unknown(const std::vector<std::string>& known);
  std::int64_t count() const;

 private:
  state::Store& store_;
  const BookmarkSettings settings_;
};

void add_routes(http::Routes& routes, Bookmarks& bookmarks, const catalog::Visible& visible);

}  // namespace agnes::bookmarks
