#include "cli/api.h"
#include "cli/commands/commands.h"
#include "lib/base/text.h"

// An example of a command: `agnes bookmarks`. CONTRIBUTING.md refers to this file.
namespace agnes::cli {

namespace {
// What the route answers, and --json prints; docs/cli.md shows such types.
struct Bookmark {
  std::string table_id, note;
};
BOOST_DESCRIBE_STRUCT(Bookmark, (), (table_id, note))
struct Bookmarks {
  std::vector<Bookmark> bookmarks;
};
BOOST_DESCRIBE_STRUCT(Bookmarks, (), (bookmarks))

Bookmarks list(const Args&) {
  Api api;
  return fetch<Bookmarks>(api, "/api/bookmarks", "list your bookmarks");
}

// For people.
void show(const Bookmarks& answer) {
  for (const auto& [table, note] : answer.bookmarks)
    print("{}  {}", escape_control(table), escape_control(note));
}

}  // namespace

Command bookmarks_command() {
  return {.name = "bookmarks", .help = "List your bookmarks", .run = answers(list, show)};
}

}  // namespace agnes::cli
