#include <fmt/format.h>

#include "core/auth/pages.h"
#include "core/auth/routes.h"
#include "core/auth/sign_in.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::auth {

namespace {

using http::Auth;
using http::Request;
using http::Response;

struct SignIn {
  std::string email, password;
  static constexpr json::Rule rules[] = {
      {.field = "email", .max_length = 320},
      {.field = "password", .has_default = true, .max_length = identity::kLongestPassword},
  };
};
BOOST_DESCRIBE_STRUCT(SignIn, (), (email, password))

struct PasswordSignIn {
  std::string email, password;
  static constexpr json::Rule rules[] = {
      {.field = "email", .max_length = 320},
      {.field = "password", .max_length = identity::kLongestPassword},
  };
};
BOOST_DESCRIBE_STRUCT(PasswordSignIn, (), (email, password))

struct WebSignIn {
  std::string email, password, next;
  static constexpr json::Rule rules[] = {
      {.field = "password", .has_default = true},
      {.field = "next", .has_default = true},
  };
};
BOOST_DESCRIBE_STRUCT(WebSignIn, (), (email, password, next))

struct Bootstrap {
  std::string email, name, password;
  static constexpr json::Rule rules[] = {
      {.field = "email", .check = &identity::problem_with_email},
      {.field = "name", .has_default = true, .max_length = 200},
      {.field = "password", .has_default = true, .max_length = identity::kLongestPassword},
  };
};
BOOST_DESCRIBE_STRUCT(Bootstrap, (), (email, name, password))

// A browser is sent to the sign-in page; a program gets 204.
Response sign_out(identity::Identity& identity, const Request& request,
                  const std::optional<http::Caller>& caller) {
  identity::refuse_other_sites(request);
  if (caller && caller->token_kind == http::Caller::TokenKind::session)
    identity.tokens().end_session({caller->user_id, caller->email, request.client_address()},
                                  caller->token_id);
  auto response = request.wants_html() ? Response::redirect("/login") : Response(204);
  response.cookie({.name = "access_token",
                   .value = "",
                   .max_age = 0,
                   .same_site = "lax",
                   .http_only = true,
                   .secure = identity.settings().address.secure(request)});
  return response;
}

constexpr std::string_view kSignOutForm = R"(<p>Sign out of this server in this browser.</p>
<form method="post" action="/auth/logout">
  <button>Sign out</button>
</form>
)";

// A password from a program.
template <class Body>
auto password_route(identity::Identity& identity) {
  return [&identity](const Request& request, const Body& body) {
    return limited_password(identity, request, body.email, body.password, [&](const identity::User& user) {
      return Response::json(json::to_json(signed_in(identity, request, user)));
    });
  };
}

}  // namespace

bool is_own_path(std::string_view path) {
  return path.starts_with('/') && !path.starts_with("//") && path.find('\\') == std::string_view::npos &&
         escape_control(path) == path && path.size() <= 2000;
}

void add_sign_in_routes(http::Routes& routes, identity::Identity& identity) {
  routes.post("/auth/token",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "Sign in with a password",
               .description = "Answers with a session token that is good for a day.",
               .executor = http::Executor::compute,
               .answer = http::schema_of<contract::SignedIn>},
              password_route<SignIn>(identity));
  routes.post("/auth/password/login",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "Sign in with a password",
               .executor = http::Executor::compute,
               .answer = http::schema_of<contract::SignedIn>},
              password_route<PasswordSignIn>(identity));
  routes.post("/auth/password/login/web",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "Sign in from a form",
               .description =
                   "Sets the session's cookie and redirects to `next`, or back to the form with the reason.",
               .executor = http::Executor::compute,
               .answer_type = "text/html"},
              [&identity](const Request& request, const http::Form<WebSignIn>& form) {
                return limited_password(
                    identity, request, form->email, form->password,
                    [&](const identity::User& user) {
                      auto response = Response::redirect(
                          is_own_path(form->next) ? form->next : identity.settings().home_route);
                      response.cookie(session_cookie(identity, request, user));
                      return response;
                    },
                    [&](const Error& error) {
                      const bool gone = std::string_view(error.what()) == "Account deactivated";
                      auto back = fmt::format("/login/password?error={}", gone ? "deactivated" : "invalid");
                      if (is_own_path(form->next)) back += "&next=" + http::percent_encode(form->next);
                      return Response::redirect(back);
                    });
              });
  routes.post("/auth/logout",
              {.auth = Auth::optional,
               .tag = "auth",
               .summary = "Sign out",
               .description =
                   "The session that asks is not taken any more, and its streams end. Personal tokens stay: "
                   "revoke those.",
               .answer_type = "text/html"},
              [&identity](const Request& request, const std::optional<http::Caller>& caller) {
                return sign_out(identity, request, caller);
              });
  routes.get(
      "/auth/logout",
      {.auth = Auth::none, .tag = "auth", .summary = "The page for signing out", .answer_type = "text/html"},
      [] { return small_page("Sign out", kSignOutForm); });
  routes.post(
      "/auth/bootstrap",
      {.auth = Auth::none,
       .tag = "auth",
       .summary = "Claim a new server",
       .description = "Makes the first account, or sets the seeded one's password, as long as nobody has a "
                      "password. Its owner is an admin.",
       .executor = http::Executor::compute,
       .answer = http::schema_of<contract::SignedIn>},
      [&identity](const Request& request, const Bootstrap& body) {
        return limited(identity, request, "bootstrap", kBootstraps, [&] {
          const auto user =
              identity.users().bootstrap(body.email, body.name, body.password, request.client_address());
          return Response::json(json::to_json(signed_in(identity, request, user)));
        });
      });
}

}  // namespace agnes::auth
