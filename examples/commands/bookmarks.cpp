#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/json_text.h"
#include "cli/output.h"

// An example of a command: `agnes bookmarks`. CONTRIBUTING.md refers to this file.
namespace agnes::cli {

namespace {

void list_bookmarks(const Args& args) {
  Api api;
  const auto answer = fetch(api, "/api/bookmarks", "list your bookmarks");
  if (args.flag("json")) return print("{}", pretty(answer));
  for (const auto& item : answer.at("bookmarks").as_array())
    print("{}  {}", plain(item.as_object(), "table_id"), plain(item.as_object(), "note"));
}

}  // namespace

Command bookmarks_command() {
  return {.name = "bookmarks",
          .help = "List your bookmarks",
          .options = {{.names = "--json", .value = "", .help = "Print JSON"}},
          .run = list_bookmarks};
}

}  // namespace agnes::cli
