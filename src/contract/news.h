#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"
#include "lib/base/time.h"

// What an administrator tells everybody: /api/admin/news. The texts are HTML.
namespace agnes::contract {

struct NewsTexts {
  std::string intro, content;
  static constexpr json::Rule rules[] = {{.field = "intro", .has_default = true, .max_length = 200'000},
                                         {.field = "content", .has_default = true, .max_length = 200'000}};
};
BOOST_DESCRIBE_STRUCT(NewsTexts, (), (intro, content))

struct NewsVersion {
  std::string id;
  std::int64_t version = 0;
  std::string intro, content;
  bool published = false;
  Timestamp created_at, updated_at;
  std::optional<std::string> created_by;
  std::optional<Timestamp> published_at;
  std::optional<std::string> published_by;
};
BOOST_DESCRIBE_STRUCT(NewsVersion, (),
                      (id, version, intro, content, published, created_at, updated_at, created_by,
                       published_at, published_by))

// A version, or only `published`: false.
struct CurrentNews {
  bool published = false;
  std::optional<std::string> id;
  std::optional<std::int64_t> version;
  std::optional<std::string> intro, content;
  std::optional<Timestamp> created_at, updated_at;
  std::optional<std::string> created_by;
  std::optional<Timestamp> published_at;
  std::optional<std::string> published_by;
  static constexpr json::Rule rules[] = {{.field = "*", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(CurrentNews, (),
                      (published, id, version, intro, content, created_at, updated_at, created_by,
                       published_at, published_by))

struct ListedNews : NewsVersion {
  std::string status;  // "draft" or "published"
  std::string intro_preview, content_preview;
};
BOOST_DESCRIBE_STRUCT(ListedNews, (NewsVersion), (status, intro_preview, content_preview))

struct NewsList {
  std::vector<ListedNews> versions;
};
BOOST_DESCRIBE_STRUCT(NewsList, (), (versions))

}  // namespace agnes::contract
