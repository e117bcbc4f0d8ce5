#include "bookmarks.h"

#include <algorithm>

#include "lib/base/error.h"

namespace agnes::bookmarks {

std::vector<Bookmark> Bookmarks::of(const std::string& user_id) const {
  return store_.read([&](state::Tx& tx) {
    return tx.rows<Bookmark>("SELECT * FROM bookmarks WHERE user_id = ? ORDER BY table_id", user_id);
  });
}

Bookmark Bookmarks::put(const std::string& user_id, const std::string& table_id, const std::string& note) {
  const Bookmark row{user_id, table_id, note, now()};
  store_.write([&](state::Tx& tx) {
    const auto others = tx.scalar<std::int64_t>(
        "SELECT count(*) FROM bookmarks WHERE user_id = ? AND table_id <> ?", user_id, table_id);
    if (others.value_or(0) >= settings_.most_per_user)
      throw Error(ErrorKind::conflict,
                  fmt::format("there are {} bookmarks already: remove one first", settings_.most_per_user));
    tx.insert(
        "bookmarks", row,
        "ON CONFLICT (user_id, table_id) DO UPDATE SET note = excluded.note, added_at = excluded.added_at");
  });
  return row;
}

bool Bookmarks::remove(const std::string& user_id, const std::string& table_id) {
  return store_.write([&](state::Tx& tx) {
    return tx.execute("DELETE FROM bookmarks WHERE user_id = ? AND table_id = ?", user_id, table_id) > 0;
  });
}

std::int64_t Bookmarks::remove_unknown(const std::vector<std::string>& known) {
  return store_.write([&](state::Tx& tx) {
    std::int64_t removed = 0;
    for (const auto& row : tx.rows<Bookmark>("SELECT * FROM bookmarks"))
      if (std::find(known.begin(), known.end(), row.table_id) == known.end())
        removed +=
            tx.execute("DELETE FROM bookmarks WHERE user_id = ? AND table_id = ?", row.user_id, row.table_id);
    return removed;
  });
}

std::int64_t Bookmarks::count() const {
  return store_.read(
      [](state::Tx& tx) { return tx.scalar<std::int64_t>("SELECT count(*) FROM bookmarks").value_or(0); });
}

}  // namespace agnes::bookmarks
