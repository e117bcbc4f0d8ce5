#include "contract/users.h"
#include "core/identity/routes.h"
#include "core/identity/views.h"

namespace agnes::identity {

namespace {

using http::Auth;

struct OnboardedRequest {
  std::string source = "agnes_init";
  bool onboarded = true;
  static constexpr json::Rule rules[] = {
      {.field = "source", .has_default = true, .one_of = {"agnes_init", "self_acknowledged", "self_unmark"}},
      {.field = "onboarded", .has_default = true},
  };
};
BOOST_DESCRIBE_STRUCT(OnboardedRequest, (), (source, onboarded))

}  // namespace

void add_me_routes(http::Routes& routes, Identity& identity) {
  routes.get("/api/me/effective-access",
             {.auth = Auth::user, .tag = "me", .summary = "What you were granted, and by which groups"},
             [&identity](const Caller& caller) {
               return identity.directory().read(
                   [&](const Tables& tables) { return effective_access(tables, caller.user_id); });
             });
  routes.get("/api/me/profile", {.auth = Auth::user, .tag = "me", .summary = "Who you are here"},
             [&identity](const Caller& caller) {
               return identity.directory().read([&](const Tables& tables) {
                 // A caller of a machine's token has no account.
                 const User* user = tables.user(caller.user_id);
                 return contract::Profile{caller.user_id, caller.email, caller.name, caller.is_admin,
                                          user != nullptr && user->onboarded};
               });
             });
  routes.post("/api/me/onboarded",
              {.auth = Auth::user, .tag = "me", .summary = "Note that your workspace is set up"},
              [&identity](const Caller& caller, const http::Request& request,
                          const std::optional<OnboardedRequest>& body) -> contract::Onboarded {
                const auto wish = body.value_or(OnboardedRequest{});
                identity.users().set_onboarded(Actor::of(caller, request.client_address()), wish.onboarded,
                                               wish.source);
                return {"ok", wish.onboarded};
              });
}

}  // namespace agnes::identity
