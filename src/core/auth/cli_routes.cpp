#include <fmt/format.h>

#include "core/auth/cli_codes.h"
#include "core/auth/pages.h"
#include "core/auth/routes.h"
#include "core/auth/sign_in.h"
#include "lib/base/error.h"
#include "lib/base/html.h"
#include "lib/base/text.h"

// Signing in `agnes` on somebody's machine by their browser: they allow it on a page here, and the code goes to a port of
// the loopback interface where `agnes` listens (RFC 8252, 7.3), or is shown for typing where the browser is elsewhere.
namespace agnes::auth {

namespace {

using http::Auth;
using http::Caller;
using http::Request;
using http::Response;

constexpr identity::Rate kTries{20, 60};  // of one address

// As `agnes` puts it into the address that it opens.
struct Wanted {
  std::string challenge, state, machine;
  std::optional<std::int64_t> port;
  static constexpr json::Rule rules[] = {
      {.field = "challenge", .description = "of PKCE, with S256", .pattern = "^[A-Za-z0-9_-]{43}$"},
      {.field = "state",
       .description = "sent back to the port as it is",
       .has_default = true,
       .pattern = "^[A-Za-z0-9_-]{0,100}$"},
      {.field = "machine",
       .description = "where agnes runs, for people to read",
       .has_default = true,
       .max_length = 100},
      {.field = "port",
       .description = "of the loopback interface, to which the code goes; without it the code is shown",
       .ge = 1024,
       .le = 65535},
  };
};
BOOST_DESCRIBE_STRUCT(Wanted, (), (challenge, state, machine, port))

// {0} who, {1} where, {2} to {5} the fields, {6} the way back
constexpr std::string_view kForm =
    R"(<p>The command <code>agnes</code>{1} asks to work as <strong>{0}</strong>.</p>
<p class="quiet">Allow it only when you have just started it yourself.</p>
<form method="post" action="/auth/cli">
  <input type="hidden" name="challenge" value="{2}">
  <input type="hidden" name="state" value="{3}">
  <input type="hidden" name="machine" value="{4}">
{5}  <button>Allow</button>
</form>
{6}<p><a href="/auth/logout">Somebody else? Sign out first</a></p>
)";

std::string loopback(const Wanted& wanted, std::string_view name, std::string_view value) {
  return fmt::format("http://127.0.0.1:{}/?{}={}&state={}", *wanted.port, name, value, wanted.state);
}

Response page(const Caller& caller, const Wanted& wanted) {
  const auto where =
      wanted.machine.empty() ? "" : fmt::format(" on <strong>{}</strong>", escape_html(wanted.machine));
  const auto back = !wanted.port
                        ? std::string()
                        : fmt::format("<p><a class=\"button second\" href=\"{}\">Do not allow</a></p>\n",
                                      escape_html(loopback(wanted, "error", "access_denied")));
  const auto port =
      wanted.port ? fmt::format("  <input type=\"hidden\" name=\"port\" value=\"{}\">\n", *wanted.port) : "";
  auto response =
      small_page("Sign in agnes", fmt::format(kForm, escape_html(caller.email), where, wanted.challenge,
                                              wanted.state, escape_html(wanted.machine), port, back));
  // Browsers hold a form to this also where its answer redirects to.
  if (wanted.port)
    response.header("Content-Security-Policy",
                    fmt::format("default-src 'none'; style-src 'unsafe-inline'; form-action 'self' "
                                "http://127.0.0.1:{}; frame-ancestors 'none'; base-uri 'none'",
                                *wanted.port));
  return response;
}

std::string session_text(const Request& request) {
  const auto bearer = identity::bearer_token(request);
  return std::string(bearer.empty() ? request.cookie("access_token") : bearer);
}

Response allow(CliCodes& codes, const Caller& caller, const Request& request, const Wanted& wanted) {
  identity::refuse_other_sites(request);
  const auto code = codes.make(wanted.challenge, {caller.user_id, session_text(request)}, seconds(now()));
  if (!code) return come_back(request, 429, "Too many programs wait to be signed in: try again later", 60);
  if (wanted.port) {
    auto response = Response::redirect(loopback(wanted, "code", *code), 303);
    response.header("Cache-Control", "no-store");
    return response;
  }
  return small_page("Sign in agnes",
                    fmt::format("<p>Type this code where <code>agnes</code> asks for it, within five "
                                "minutes:</p>\n<p class=\"code\">{}</p>\n"
                                "<p class=\"quiet\">Give it to nobody: who asks you for it wants to work as "
                                "you.</p>\n",
                                *code));
}

Response exchange(CliCodes& codes, identity::Identity& identity, const Request& request,
                  const contract::CliCode& body) {
  return limited(identity, request, "cli", kTries, [&] {
    const auto by = codes.use(body.code, body.code_verifier, seconds(now()));
    std::string reason;
    // It may have been signed out of, or the password changed, since.
    const bool holds = by && (identity.settings().local_dev ||
                              identity.tokens().resolve(by->session, request.client_address(), reason));
    const auto user = identity.directory().read([&](const identity::Tables& tables) {
      const auto* found = holds ? tables.user(by->user_id) : nullptr;
      return found != nullptr && found->active ? std::optional(*found) : std::nullopt;
    });
    if (!user) throw Error(ErrorKind::unauthenticated, "This code is wrong, used or older than five minutes");
    identity.users().claim(*user);
    identity.directory().store().write([&](state::Tx& tx) {
      state::record(tx, {user->id, user->email, request.client_address()}, "cli_login", "auth", {}, "ok");
    });
    return Response::json(json::to_json(signed_in(identity, request, *user)));
  });
}

}  // namespace

void add_cli_routes(http::Routes& routes, identity::Identity& identity) {
  const auto codes = std::make_shared<CliCodes>();
  routes.get("/auth/cli",
             {.auth = Auth::session,
              .tag = "auth",
              .summary = "The page on which somebody lets agnes on their machine work as them",
              .page = true,
              .answer_type = "text/html"},
             [](const Caller& caller, const http::Query<Wanted>& wanted) { return page(caller, *wanted); });
  routes.post(
      "/auth/cli",
      {.auth = Auth::session,
       .tag = "auth",
       .summary = "That page's form",
       .description =
           "Redirects to the port of the loopback interface with `code` and `state`, or shows the code.",
       .answer_type = "text/html"},
      [codes](const Caller& caller, const Request& request, const http::Form<Wanted>& wanted) {
        return allow(*codes, caller, request, *wanted);
      });
  routes.post("/auth/cli/token",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "A session for the code of that page",
               .description = "`code_verifier` is what the page's `challenge` was made of.",
               .answer = http::schema_of<contract::SignedIn>},
              [codes, &identity](const Request& request, const contract::CliCode& body) {
                return exchange(*codes, identity, request, body);
              });
}

}  // namespace agnes::auth
