#include "features/news/news.h"

#include "lib/base/error.h"
#include "lib/base/ids.h"
#include "lib/html/sanitize.h"

namespace agnes::news {

namespace {

constexpr std::int64_t kKeptSeconds = 30 * 86'400;

std::optional<NewsVersion> latest(state::Tx& tx, bool published) {
  return tx.row<NewsVersion>("SELECT * FROM news_template WHERE published = ? ORDER BY version DESC LIMIT 1",
                             published);
}
std::optional<NewsVersion> find(state::Tx& tx, std::int64_t number) {
  return tx.row<NewsVersion>("SELECT * FROM news_template WHERE version = ?", number);
}

Error conflict(std::int64_t expected, const std::optional<NewsVersion>& draft) {
  boost::json::object detail{
      {"error", "version_conflict"}, {"expected", expected}, {"actual", nullptr}, {"actual_by", nullptr}};
  if (draft) {
    detail["actual"] = draft->version;
    if (draft->created_by) detail["actual_by"] = *draft->created_by;
  }
  return {ErrorKind::conflict, "the draft is not the version that you have seen: look at it again", detail};
}

void record(state::Tx& tx, const state::Actor& actor, std::string_view action, const NewsVersion& row) {
  state::record(tx, actor, action, "", {{"version", row.version}, {"by", actor.email}}, "ok");
}

void forget_old(state::Tx& tx, const std::string& draft_id) {
  const auto current = latest(tx, true);
  tx.execute("DELETE FROM news_template WHERE created_at < ? AND id <> ? AND id <> ?",
             plus_seconds(now(), -kKeptSeconds), draft_id, current ? current->id : "");
}

}  // namespace

std::optional<NewsVersion> News::current() const {
  return store_.read([](state::Tx& tx) { return latest(tx, true); });
}
std::optional<NewsVersion> News::draft() const {
  return store_.read([](state::Tx& tx) { return latest(tx, false); });
}
std::optional<NewsVersion> News::version(std::int64_t number) const {
  return store_.read([&](state::Tx& tx) { return find(tx, number); });
}
std::vector<NewsVersion> News::versions(std::int64_t limit, std::int64_t offset) const {
  return store_.read([&](state::Tx& tx) {
    return tx.rows<NewsVersion>("SELECT * FROM news_template ORDER BY version DESC LIMIT ? OFFSET ?", limit,
                                offset);
  });
}

NewsVersion News::save_draft(const contract::NewsTexts& texts, std::optional<std::int64_t> expected,
                             const state::Actor& actor) {
  const std::string intro = html::sanitize(texts.intro), content = html::sanitize(texts.content);
  return store_.write([&](state::Tx& tx) {
    auto draft = latest(tx, false);
    if (expected && *expected != (draft ? draft->version : 0)) throw conflict(*expected, draft);
    const auto moment = now();
    if (draft) {
      draft->intro = intro;
      draft->content = content;
      draft->updated_at = moment;
      tx.execute("UPDATE news_template SET intro = ?, content = ?, updated_at = ? WHERE id = ?", intro,
                 content, moment, draft->id);
    } else {
      const auto last = tx.scalar<std::int64_t>("SELECT max(version) FROM news_template").value_or(0);
      draft = NewsVersion{.id = uuid4(),
                          .version = last + 1,
                          .intro = intro,
                          .content = content,
                          .created_at = moment,
                          .updated_at = moment,
                          .created_by = actor.email,
                          .published_at = {},
                          .published_by = {}};
      tx.insert("news_template", *draft);
    }
    forget_old(tx, draft->id);
    record(tx, actor, "news_draft_saved", *draft);
    return *draft;
  });
}

NewsVersion News::publish(std::optional<std::int64_t> expected, const state::Actor& actor) {
  return store_.write([&](state::Tx& tx) {
    auto draft = latest(tx, false);
    if (!draft) throw Error(ErrorKind::conflict, "no_draft");
    if (expected && *expected != draft->version) throw conflict(*expected, draft);
    draft->published = true;
    draft->published_at = now();
    draft->published_by = actor.email;
    tx.execute("UPDATE news_template SET published = true, published_at = ?, published_by = ? WHERE id = ?",
               *draft->published_at, actor.email, draft->id);
    record(tx, actor, "news_published", *draft);
    return *draft;
  });
}

NewsVersion News::unpublish(std::int64_t number, const state::Actor& actor) {
  return store_.write([&](state::Tx& tx) {
    auto row = find(tx, number);
    if (!row) throw Error(ErrorKind::not_found, "version_not_found");
    if (!row->published)
      throw Error(ErrorKind::conflict, fmt::format("version {} is the draft already", number));
    if (const auto draft = latest(tx, false))
      throw Error(
          ErrorKind::conflict,
          fmt::format("version {} is a draft, and there can be only one: publish it before version {} "
                      "becomes one",
                      draft->version, number));
    row->published = false;
    row->published_at.reset();
    row->published_by.reset();
    tx.execute(
        "UPDATE news_template SET published = false, published_at = NULL, published_by = NULL "
        "WHERE id = ?",
        row->id);
    record(tx, actor, "news_unpublished", *row);
    return *row;
  });
}

}  // namespace agnes::news
