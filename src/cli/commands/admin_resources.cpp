#include <set>

#include "cli/command.h"
#include "cli/commands/admin_lookup.h"
#include "cli/outcome.h"
#include "contract/access.h"
#include "contract/read.h"
#include "lib/base/text.h"

namespace agnes::cli {

std::vector<std::string> resource_ids(Api& api, const std::string& type, const std::string& text,
                                      bool suggest) {
  const Response all = api.get("/api/admin/access-overview");
  contract::AccessOverview overview;
  if (all.status == 200) overview = contract::read<contract::AccessOverview>(all.json());
  const auto id_of = [&](const std::string& wanted, Nearest& nearest) {
    std::set<std::string> named;
    for (const auto& of_type : overview.resources)
      for (const auto& block : of_type.blocks)
        for (const auto& item : block.items) {
          if (of_type.type_key != type) continue;
          if (item.resource_id == wanted) return wanted;
          nearest.offer(item.resource_id);
          nearest.offer(item.name);
          if (iequals(item.name, wanted) || iequals(item.resource_id, wanted)) named.insert(item.resource_id);
        }
    if (named.size() > 1)
      throw Failure(Cause::usage, escape_control(wanted) + " is the name of several",
                    "give one by its id: " + escape_control(join({named.begin(), named.end()}, ", ")));
    return named.empty() ? std::string() : *named.begin();
  };
  std::vector<std::string> wanted, out;
  for (const auto& name : split(text, ','))
    if (!trim(name).empty()) wanted.emplace_back(trim(name));
  for (const auto& name : wanted) {
    Nearest nearest(name, 4);
    auto id = id_of(name, nearest);
    if (id.empty() && all.status == 200 && (wanted.size() > 1 || (suggest && !nearest.best().empty())))
      throw Failure(Cause::not_found,
                    fmt::format("there is no {} {}, so nothing was changed", escape_control(type),
                                escape_control(name)),
                    meant(nearest, type == "table" ? "agnes admin list-tables" : ""));
    out.push_back(id.empty() ? name : std::move(id));  // else the server says what is wrong
  }
  return out;
}

}  // namespace agnes::cli
