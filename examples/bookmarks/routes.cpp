#include "bookmarks.h"
#include "lib/base/error.h"

namespace agnes::bookmarks {

namespace {

struct BookmarkBody {
  std::string note;
  static constexpr json::Rule rules[] = {{.field = "note", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(BookmarkBody, (), (note))

struct BookmarkList {
  std::vector<Bookmark> bookmarks;
};
BOOST_DESCRIBE_STRUCT(BookmarkList, (), (bookmarks))

}  // namespace

// A route is one declaration: who may call it, what it takes and answers; the OpenAPI document follows from it.
void add_routes(http::Routes& routes, Bookmarks& bookmarks, const catalog::Visible& visible) {
  routes.get("/api/bookmarks", {.tag = "bookmarks", .summary = "Your bookmarks"},
             [&](const http::Caller& caller) { return BookmarkList{bookmarks.of(caller.user_id)}; });

  routes.put("/api/bookmarks/{table_id}",
             {.tag = "bookmarks", .summary = "Bookmark a table that you may read"},
             [&](const http::Caller& caller, const http::Param<"table_id">& id, const BookmarkBody& body) {
               const auto set = visible.of(caller);
               const auto& table = visible.table(*set, caller, *id);  // throws not_found and forbidden
               return bookmarks.put(caller.user_id, table.id, body.note);
             });

  routes.del("/api/bookmarks/{table_id}", {.tag = "bookmarks", .summary = "Remove a bookmark"},
             [&](const http::Caller& caller, const http::Param<"table_id">& id) {
               if (!bookmarks.remove(caller.user_id, *id))
                 throw Error(ErrorKind::not_found, fmt::format("there is no bookmark of {}", *id));
             });
}

}  // namespace agnes::bookmarks
