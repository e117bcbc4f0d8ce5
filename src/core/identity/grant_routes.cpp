#include "core/identity/resources.h"
#include "core/identity/routes.h"
#include "core/identity/views.h"

namespace agnes::identity {

namespace {

using http::Auth;
using http::Request;

struct GrantFilter {
  std::optional<std::string> resource_type, group_id;
};
BOOST_DESCRIBE_STRUCT(GrantFilter, (), (resource_type, group_id))

contract::Grant view_of(const Tables& tables, const Grant& grant) {
  const auto* group = tables.group(grant.group_id);
  return {grant.id,
          grant.group_id,
          group != nullptr ? group->name : "",
          grant.resource_type,
          grant.resource_id,
          shown(grant.assigned_at),
          grant.assigned_by};
}

contract::AccessOverview overview(Identity& identity) {
  contract::AccessOverview out;
  identity.directory().read([&](const Tables& tables) {
    for (const auto* group : tables.groups())
      out.groups.push_back(view_of(tables, *group, identity.settings()));
    for (const auto* grant : tables.grants())
      out.grants.push_back({grant->id, grant->group_id, grant->resource_type, grant->resource_id});
  });
  identity.directory().store().read([&](state::Tx& tx) {
    for (const auto& type : identity.resource_types().all())
      out.resources.push_back({std::string(type.key), std::string(type.display_name),
                               json::from_json<std::vector<contract::ResourceBlock>>(type.blocks(tx))});
  });
  return out;
}

}  // namespace

void add_grant_routes(http::Routes& routes, Identity& identity) {
  routes.get("/api/admin/resource-types",
             {.auth = Auth::admin, .tag = "access", .summary = "Kinds of things that can be granted"},
             [&identity] {
               std::vector<contract::ResourceType> out;
               for (const auto& type : identity.resource_types().all())
                 out.push_back({std::string(type.key), std::string(type.display_name),
                                std::string(type.description), std::string(type.id_format)});
               return out;
             });
  routes.get(
      "/api/admin/access-overview",
      {.auth = Auth::admin, .tag = "access", .summary = "Groups, grants and everything that can be granted"},
      [&identity] { return overview(identity); });
  routes.get(
      "/api/admin/grants", {.auth = Auth::admin, .tag = "access", .summary = "All grants"},
      [&identity](const http::Query<GrantFilter>& filter) {
        if (filter->resource_type) identity.resource_types().named(*filter->resource_type);
        return identity.directory().read([&](const Tables& tables) {
          std::vector<contract::Grant> out;
          for (const auto* grant : filter->group_id ? tables.grants_of(*filter->group_id) : tables.grants())
            if (!filter->resource_type || grant->resource_type == *filter->resource_type)
              out.push_back(view_of(tables, *grant));
          return out;
        });
      });
  routes.post(
      "/api/admin/grants",
      {.auth = Auth::admin, .status = 201, .tag = "access", .summary = "Grant something to a group"},
      [&identity](const Caller& caller, const Request& request, const contract::CreateGrant& body) {
        const auto grant = identity.groups().grant(Actor::of(caller, request.client_address()), body.group_id,
                                                   body.resource_type, body.resource_id);
        return identity.directory().read([&](const Tables& tables) { return view_of(tables, grant); });
      });
  routes.del("/api/admin/grants/{grant_id}",
             {.auth = Auth::admin, .tag = "access", .summary = "Take a grant back"},
             [&identity](const Caller& caller, const Request& request, const http::Param<"grant_id">& id) {
               identity.groups().revoke(Actor::of(caller, request.client_address()), *id);
             });
}

}  // namespace agnes::identity
