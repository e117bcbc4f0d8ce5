#include "features/profiles/profile_routes.h"

#include "contract/profile.h"
#include "lib/base/error.h"

namespace agnes::profiles {

namespace {
struct Refreshed {
  std::string status, table;
  std::int64_t columns = 0;
};
BOOST_DESCRIBE_STRUCT(Refreshed, (), (status, table, columns))
}  // namespace

void add_profile_routes(http::Routes& routes, const catalog::Visible& visible, Profiles& profiles) {
  routes.get("/api/catalog/profile/{table_name}",
             {.tag = "catalog",
              .summary = "What is in a table's columns: figures, quantiles, top values, examples",
              .answer = http::schema_of<contract::TableProfile>},
             [&](const http::Caller& caller, const http::Param<"table_name">& name) {
               const auto set = visible.of(caller);
               const Table& table = visible.table(*set, caller, *name);
               auto profile = profiles.find(table);
               if (!profile)
                 throw Error(ErrorKind::not_found,
                             fmt::format("there is no profile of {} yet; POST to {}/refresh makes one",
                                         table.id, "/api/catalog/profile/" + table.id));
               return boost::json::value(std::move(*profile));
             });

  routes.post("/api/catalog/profile/{table_name}/refresh",
              {.tag = "catalog",
               .summary = "Make a table's profile now, unless it is of the present data",
               .executor = http::Executor::tasks},
              [&](const http::Caller& caller, const http::Param<"table_name">& name) {
                const auto set = visible.of(caller);
                const Table& table = visible.table(*set, caller, *name);
                return Refreshed{"ok", table.id, profiles.refresh(table, caller.user_id)};
              });
}

}  // namespace agnes::profiles
