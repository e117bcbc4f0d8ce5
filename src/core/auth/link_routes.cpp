#include <fmt/format.h>

#include "core/auth/pages.h"
#include "core/auth/routes.h"
#include "core/auth/sign_in.h"
#include "lib/base/error.h"
#include "lib/base/html.h"
#include "lib/base/text.h"

namespace agnes::auth {

namespace {

using http::Auth;
using http::Request;
using http::Response;
using Link = identity::Users::Link;

struct LinkQuery {
  std::string email, token;
  static constexpr json::Rule rules[] = {{.field = "email", .has_default = true},
                                         {.field = "token", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(LinkQuery, (), (email, token))

struct SetUp {
  std::string email, token, password;
};
BOOST_DESCRIBE_STRUCT(SetUp, (), (email, token, password))

struct ResetForm {
  std::string email, token, password, confirm_password;
};
BOOST_DESCRIBE_STRUCT(ResetForm, (), (email, token, password, confirm_password))

struct SetUpForm {
  std::string email, token, password, confirm_password, name;
  static constexpr json::Rule rules[] = {{.field = "name", .has_default = true, .max_length = 200}};
};
BOOST_DESCRIBE_STRUCT(SetUpForm, (), (email, token, password, confirm_password, name))

struct PasswordSet {
  std::string access_token, token_type = "bearer", message;
};
BOOST_DESCRIBE_STRUCT(PasswordSet, (), (access_token, token_type, message))

// {0} address of the form, {1} email, {2} token, {3} what went wrong, {4} the field for a name
constexpr std::string_view kForm = R"(<p>{1}</p>
{3}<form method="post" action="{0}">
  <input type="hidden" name="email" value="{1}" autocomplete="username">
  <input type="hidden" name="token" value="{2}">
{4}  <label>Password, 8 characters or more
    <input type="password" name="password" minlength="8" required autocomplete="new-password" autofocus></label>
  <label>The same again
    <input type="password" name="confirm_password" minlength="8" required autocomplete="new-password"></label>
  <button>Save</button>
</form>
)";

Response page(Link kind, const std::string& email, const std::string& token, const std::string& name,
              const std::string& problem) {
  const bool setup = kind == Link::setup;
  return small_page(
      setup ? "Set up your account" : "Set a new password",
      fmt::format(
          kForm, setup ? "/auth/password/setup/confirm" : "/auth/password/reset/confirm", escape_html(email),
          escape_html(token), alert_line(problem),
          setup
              ? fmt::format(
                    "  <label>Your name\n    <input name=\"name\" maxlength=\"200\" value=\"{}\"></label>\n",
                    escape_html(name))
              : ""));
}

// Sets the password and signs in, or shows the form again with the reason.
Response confirm(identity::Identity& identity, const Request& request, Link kind, const std::string& email,
                 const std::string& token, const std::string& password, const std::string& again,
                 const std::string& name, const std::string& then) {
  return limited(identity, request, "link", kSignIns, [&] {
    if (password != again) return page(kind, email, token, name, "These are two different passwords.");
    try {
      const auto user =
          identity.users().use_link(kind, email, token, password, name, request.client_address());
      auto response = Response::redirect(then);
      response.cookie(session_cookie(identity, request, user));
      return response;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::bad_request) throw;
      return page(kind, email, token, name, error.what());
    }
  });
}

}  // namespace

void add_link_routes(http::Routes& routes, identity::Identity& identity) {
  const auto form_page = [](Link kind) {
    return [kind](const http::Query<LinkQuery>& link) {
      if (link->email.empty() || link->token.empty()) return Response::redirect("/login/password");
      return page(kind, link->email, link->token, "", "");
    };
  };
  routes.get(
      "/auth/password/setup",
      {.auth = Auth::none, .tag = "auth", .summary = "Where an invitation leads", .answer_type = "text/html"},
      form_page(Link::setup));
  routes.get(
      "/auth/password/reset",
      {.auth = Auth::none, .tag = "auth", .summary = "Where a reset link leads", .answer_type = "text/html"},
      form_page(Link::reset));
  routes.post("/auth/password/setup",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "Set the first password with an invitation's token",
               .executor = http::Executor::compute,
               .answer = http::schema_of<PasswordSet>},
              [&identity](const Request& request, const SetUp& body) {
                return limited(identity, request, "link", kSignIns, [&] {
                  const auto user = identity.users().use_link(Link::setup, body.email, body.token,
                                                              body.password, "", request.client_address());
                  return Response::json(json::to_json(
                      PasswordSet{session_of(identity, request, user), "bearer", "The password is set"}));
                });
              });
  routes.post("/auth/password/setup/confirm",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "The invitation's form",
               .executor = http::Executor::compute,
               .answer_type = "text/html"},
              [&identity](const Request& request, const http::Form<SetUpForm>& form) {
                return confirm(identity, request, Link::setup, form->email, form->token, form->password,
                               form->confirm_password, form->name, identity.settings().home_route);
              });
  routes.post("/auth/password/reset/confirm",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "The reset link's form",
               .executor = http::Executor::compute,
               .answer_type = "text/html"},
              [&identity](const Request& request, const http::Form<ResetForm>& form) {
                return confirm(identity, request, Link::reset, form->email, form->token, form->password,
                               form->confirm_password, "", "/login/password?msg=password_reset");
              });
}

}  // namespace agnes::auth
