#include "features/news/news_routes.h"

#include "lib/base/error.h"
#include "lib/html/sanitize.h"

namespace agnes::news {

namespace {

constexpr std::size_t kPreview = 120;  // characters

struct Expected {
  std::optional<std::int64_t> expected_version;
  static constexpr json::Rule rules[] = {{.field = "expected_version", .ge = 0}};
};
BOOST_DESCRIBE_STRUCT(Expected, (), (expected_version))

struct Page {
  std::int64_t limit = 50, offset = 0;
  static constexpr json::Rule rules[] = {{.field = "limit", .has_default = true, .ge = 0, .le = 1000},
                                         {.field = "offset", .has_default = true, .ge = 0, .le = 1e9}};
};
BOOST_DESCRIBE_STRUCT(Page, (), (limit, offset))

contract::CurrentNews current_news(std::optional<NewsVersion> row) {
  if (!row) return {};
  return {true,
          row->id,
          row->version,
          row->intro,
          row->content,
          row->created_at,
          row->updated_at,
          row->created_by,
          row->published_at,
          row->published_by};
}

contract::ListedNews listed(NewsVersion row) {
  contract::ListedNews out{std::move(row), "", "", ""};
  out.status = out.published ? "published" : "draft";
  out.intro_preview = html::plain_text(out.intro, kPreview);
  out.content_preview = html::plain_text(out.content, kPreview);
  return out;
}

NewsVersion found(std::optional<NewsVersion> row, const char* otherwise) {
  if (!row) throw Error(ErrorKind::not_found, otherwise);
  return std::move(*row);
}

}  // namespace

void add_news_routes(http::Routes& routes, News& news) {
  using http::Auth;
  using http::Caller;
  using http::Request;
  const auto actor = [](const Request& request, const Caller& caller) {
    return state::Actor::of(caller, request.client_address());
  };

  routes.get("/api/admin/news/current", {.auth = Auth::admin, .tag = "news", .summary = "What people see"},
             [&news] { return current_news(news.current()); });
  routes.get("/api/admin/news/draft", {.auth = Auth::admin, .tag = "news", .summary = "The draft"},
             [&news] { return found(news.draft(), "no_draft"); });
  routes.get("/api/admin/news/versions",
             {.auth = Auth::admin, .tag = "news", .summary = "All versions, newest first"},
             [&news](const http::Query<Page>& page) {
               contract::NewsList out;
               for (auto& row : news.versions(page->limit, page->offset))
                 out.versions.push_back(listed(std::move(row)));
               return out;
             });
  routes.get("/api/admin/news/versions/{version}",
             {.auth = Auth::admin, .tag = "news", .summary = "One version"},
             [&news](const http::Param<"version", std::int64_t>& version) {
               return found(news.version(*version), "version_not_found");
             });
  routes.put("/api/admin/news/draft",
             {.auth = Auth::admin, .tag = "news", .summary = "Replace the draft, or begin one"},
             [&news, actor](const Request& request, const Caller& caller, const http::Query<Expected>& query,
                            const contract::NewsTexts& texts) {
               return news.save_draft(texts, query->expected_version, actor(request, caller));
             });
  routes.post(
      "/api/admin/news/publish",
      {.auth = Auth::admin, .tag = "news", .summary = "Show the draft to everybody"},
      [&news, actor](const Request& request, const Caller& caller, const http::Query<Expected>& query) {
        return news.publish(query->expected_version, actor(request, caller));
      });
  routes.post("/api/admin/news/unpublish/{version}",
              {.auth = Auth::admin, .tag = "news", .summary = "Make a published version the draft"},
              [&news, actor](const Request& request, const Caller& caller,
                             const http::Param<"version", std::int64_t>& version) {
                return news.unpublish(*version, actor(request, caller));
              });
  routes.post("/api/admin/news/preview",
              {.auth = Auth::admin, .tag = "news", .summary = "What would be kept of these texts"},
              [](const contract::NewsTexts& texts) {
                return contract::NewsTexts{html::sanitize(texts.intro), html::sanitize(texts.content)};
              });
}

}  // namespace agnes::news
