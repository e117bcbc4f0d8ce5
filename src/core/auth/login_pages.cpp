#include <algorithm>

#include <fmt/format.h>

#include "core/auth/pages.h"
#include "core/auth/providers.h"
#include "core/auth/routes.h"
#include "core/auth/settings.h"
#include "core/auth/sign_in.h"
#include "lib/base/error.h"
#include "lib/base/html.h"
#include "lib/base/text.h"

namespace agnes::auth {

namespace {

using http::Auth;
using http::Caller;
using http::Request;
using http::Response;

struct LoginQuery {
  std::string next, error, msg;
  static constexpr json::Rule rules[] = {
      {.field = "next", .description = "Path to go to afterwards", .has_default = true},
      {.field = "error", .description = "Why the last try failed", .has_default = true},
      {.field = "msg", .description = "What went well: password_reset", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(LoginQuery, (), (next, error, msg))

struct FirstAccount {
  std::string email, name, password, confirm_password;
  static constexpr json::Rule rules[] = {{.field = "name", .has_default = true, .max_length = 200}};
};
BOOST_DESCRIBE_STRUCT(FirstAccount, (), (email, name, password, confirm_password))

// What the routes that redirect here mean. Others' words are never shown: anybody can write an address.
std::string_view reason(std::string_view error) {
  static constexpr std::pair<std::string_view, std::string_view> kReasons[] = {
      {"", ""},
      {"invalid", "Address and password do not match an account."},
      {"deactivated", "This account is deactivated. An admin can activate it again."},
      {"google_not_configured", "Signing in with Google is not set up on this server."},
      {"no_email", "Your account there has no email address that can be used here."},
      {"email_not_verified", "Your email address is not verified there yet. Verify it, then try again."},
      {"domain_not_allowed",
       "Accounts of that organisation may not sign in here. Try again with the account of your company."},
      {"not_in_allowed_group", "You are in none of the groups that may sign in here. Ask an admin."},
      {"groups_not_shared", "Try again, and allow that your groups are seen: they decide what you may read."},
  };
  const auto* found = std::find_if(std::begin(kReasons), std::end(kReasons),
                                   [&](const auto& entry) { return entry.first == error; });
  return found != std::end(kReasons) ? found->second : "Signing in did not work. Please try again.";
}

constexpr std::string_view kEmailField = R"(  <label>Email address
    <input type="email" name="email" maxlength="320" required autocomplete="username"></label>
)";

// {0} the field of an address, {1} where to go then
constexpr std::string_view kPasswordForm = R"(<form method="post" action="/auth/password/login/web">
{0}  <label>Password
    <input type="password" name="password" maxlength="1024" required autocomplete="current-password"></label>
  <input type="hidden" name="next" value="{1}">
  <button>Sign in</button>
</form>
)";

// {0} what it is for, {1} an explanation, {2} where it is sent, {3} the field of an address
constexpr std::string_view kAskForLink = R"(<details>
<summary>{0}</summary>
<p class="quiet">{1}</p>
<form method="post" action="{2}">
{3}  <button class="second">Send me a link</button>
</form>
</details>
)";

// {0} what went wrong, {1} address, {2} name
constexpr std::string_view kFirstAccountForm =
    R"(<p>Nobody has claimed this server yet. Its first account is an
admin's: it can do everything, and make accounts for others.</p>
{0}<form method="post" action="/first-time-setup">
  <label>Email address
    <input type="email" name="email" maxlength="320" required autocomplete="username" value="{1}"></label>
  <label>Your name
    <input name="name" maxlength="200" autocomplete="name" value="{2}"></label>
  <label>Password, 8 characters or more
    <input type="password" name="password" minlength="8" maxlength="1024" required autocomplete="new-password"></label>
  <label>The same again
    <input type="password" name="confirm_password" required autocomplete="new-password"></label>
  <button>Make this account</button>
</form>
)";

// The pages' common knowledge: what is set up on this server.
class LoginPages {
 public:
  LoginPages(identity::Identity& identity, identity::EmailOutbox& outbox, const config::Config& config)
      : access_(identity), outbox_(outbox), name_(config.get<identity::InstanceSettings>().name) {
    const auto hidden = config.get<LoginSettings>().disabled_providers;
    const auto shown = [&](std::string_view name) {
      return std::find(hidden.begin(), hidden.end(), name) == hidden.end();
    };
    for (const auto& provider : sign_in_providers())
      if (provider.is_configured(config) && shown(provider.name)) providers_.push_back(&provider);
    password_ = shown("password");
    mail_ = outbox.ready() && shown("email");
  }

  // Every way in.
  Response all(const LoginQuery& query, const std::optional<Caller>& caller) const {
    const auto next = own(query.next);
    if (access_.settings().local_dev && caller)
      return Response::redirect(next.empty() ? access_.settings().home_route : next);
    auto body = lines(query);
    if (access_.users().can_bootstrap())
      body +=
          "<p role=\"status\">This server is new: <a href=\"/first-time-setup\">make its first account</a>."
          "</p>\n";
    if (caller)
      body += fmt::format("<p role=\"status\">You are signed in as {}. <a href=\"{}\">Go on</a></p>\n",
                          escape_html(caller->email),
                          escape_html(next.empty() ? access_.settings().home_route : next));
    for (const auto* provider : providers_)
      body += button(fmt::format("Sign in with {}", provider->title), provider->address, next, "button");
    if (password_) {
      if (!providers_.empty()) body += "<p class=\"or\">or</p>\n";
      body += fmt::format(kPasswordForm, kEmailField, escape_html(next));
    }
    if (mail_) body += button("Sign in with a link by mail", "/login/email", next, "button second");
    if (password_) body += with_next("/login/password", "Forgot your password, or none yet?", next);
    return small_page("Sign in", heading(body));
  }

  Response with_password(const LoginQuery& query) const {
    const auto next = own(query.next);
    auto body = lines(query);
    if (query.msg == "password_reset")
      body += fmt::format(
          "<p role=\"status\">Your new password is set, and you are signed in. <a href=\"{}\">Go "
          "on</a></p>\n",
          escape_html(access_.settings().home_route));
    body += fmt::format(kPasswordForm, kEmailField, escape_html(next));
    if (outbox_.ready()) {
      body += fmt::format(kAskForLink, "Forgot your password?",
                          "A link for setting a new one goes to your address, good for a day.",
                          "/auth/password/reset", kEmailField);
      body += fmt::format(kAskForLink, "No password yet?",
                          "When an admin has made an account for you, a link for setting its first password "
                          "goes to your address.",
                          "/auth/password/setup/request", kEmailField);
    } else {
      body +=
          "<p class=\"quiet\">Forgot your password, or none yet? An admin can make a link for you by which "
          "you set it.</p>\n";
    }
    if (!providers_.empty() || mail_) body += with_next("/login", "Other ways to sign in", next);
    return small_page("Sign in with a password", heading(body));
  }

  Response with_mail(const LoginQuery& query) const {
    auto body = lines(query);
    if (outbox_.ready())
      body += fmt::format(
          "<p>A link goes to your address, which signs you in: once, for an hour.</p>\n"
          "<form method=\"post\" action=\"/login/email\">\n{}  <button>Send me a link</button>\n</form>\n",
          kEmailField);
    else
      body += "<p>This server sends no mail, so there are no links by mail.</p>\n";
    return small_page("Sign in with a link by mail",
                      heading(body) + with_next("/login", "Other ways to sign in", own(query.next)));
  }

  Response first_time() const {
    if (!access_.users().can_bootstrap()) return Response::redirect("/login");
    return first_time({}, "");
  }

  Response claim(const Request& request, const FirstAccount& form) const {
    return limited(access_, request, "bootstrap", kBootstraps, [&] {
      if (!access_.users().can_bootstrap()) return Response::redirect("/login");
      if (const auto problem = identity::problem_with_email(form.email); !problem.empty())
        return first_time(form, "This address cannot be used: " + problem);
      if (form.password != form.confirm_password)
        return first_time(form, "These are two different passwords.");
      try {
        const auto user =
            access_.users().bootstrap(form.email, form.name, form.password, request.client_address());
        auto response = Response::redirect(access_.settings().home_route);
        response.cookie(session_cookie(access_, request, user));
        return response;
      } catch (const Error& error) {
        if (error.kind() != ErrorKind::bad_request && error.kind() != ErrorKind::forbidden) throw;
        return first_time(form, error.what());
      }
    });
  }

 private:
  static std::string own(const std::string& next) { return is_own_path(next) ? next : ""; }

  static std::string lines(const LoginQuery& query) { return alert_line(reason(query.error)); }

  std::string heading(const std::string& body) const {
    return fmt::format("<p class=\"quiet\">{}</p>\n{}", escape_html(name_), body);
  }

  static std::string address(std::string_view path, const std::string& next) {
    return next.empty() ? std::string(path) : fmt::format("{}?next={}", path, http::percent_encode(next));
  }
  static std::string button(std::string_view text, std::string_view path, const std::string& next,
                            std::string_view style) {
    return fmt::format("<a class=\"{}\" href=\"{}\">{}</a>\n", style, escape_html(address(path, next)),
                       escape_html(text));
  }
  static std::string with_next(std::string_view path, std::string_view text, const std::string& next) {
    return fmt::format("<p><a href=\"{}\">{}</a></p>\n", escape_html(address(path, next)), escape_html(text));
  }

  static Response first_time(const FirstAccount& form, std::string_view problem) {
    return small_page("Set up this server", fmt::format(kFirstAccountForm, alert_line(problem),
                                                        escape_html(form.email), escape_html(form.name)));
  }

  identity::Identity& access_;
  identity::EmailOutbox& outbox_;
  const std::string name_;
  std::vector<const SignInProvider*> providers_;
  bool password_ = true, mail_ = false;
};

}  // namespace

void add_login_pages(http::Routes& routes, identity::Identity& identity, identity::EmailOutbox& outbox,
                     const config::Config& config) {
  const auto pages = std::make_shared<const LoginPages>(identity, outbox, config);
  const auto page = [&](const char* path, const char* summary, auto&& answer, Auth auth = Auth::none) {
    routes.get(path, {.auth = auth, .tag = "auth", .summary = summary, .answer_type = "text/html"}, answer);
  };
  page(
      "/login", "The ways to sign in",
      [pages](const http::Query<LoginQuery>& query, const std::optional<Caller>& caller) {
        return pages->all(*query, caller);
      },
      Auth::optional);
  page("/login/password", "Sign in with a password, or ask for a link to set one",
       [pages](const http::Query<LoginQuery>& query) { return pages->with_password(*query); });
  page("/login/email", "Ask for a link by mail that signs in",
       [pages](const http::Query<LoginQuery>& query) { return pages->with_mail(*query); });
  page("/first-time-setup", "Make a new server's first account; otherwise redirects to /login",
       [pages] { return pages->first_time(); });
  routes.post("/first-time-setup",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "Make a new server's first account, from a form",
               .executor = http::Executor::compute,
               .answer_type = "text/html"},
              [pages](const Request& request, const http::Form<FirstAccount>& form) {
                return pages->claim(request, *form);
              });
}

}  // namespace agnes::auth
