#include <fmt/format.h>

#include "core/auth/pages.h"
#include "core/auth/routes.h"
#include "core/auth/sign_in.h"
#include "core/identity/email_outbox.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/addresses.h"

namespace agnes::auth {

namespace {

using http::Auth;
using http::Request;
using http::Response;
using Link = identity::Users::Link;

constexpr identity::Rate kRequests{5, 60};     // of one address of the network
constexpr identity::Rate kMailsToOne{5, 600};  // of one kind to one person, asked for from anywhere
constexpr std::size_t kLongestEmail = 320;

struct SendLink {
  std::string email;
  static constexpr json::Rule rules[] = {{.field = "email", .max_length = kLongestEmail}};
};
BOOST_DESCRIBE_STRUCT(SendLink, (), (email))

struct LinkSent {
  std::string message;
  std::optional<std::string> dev_link, send_error;
  static constexpr json::Rule rules[] = {{.field = "dev_link", .omit_null = true},
                                         {.field = "send_error", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(LinkSent, (), (message, dev_link, send_error))

struct Verify {
  std::string email, token;
  static constexpr json::Rule rules[] = {{.field = "email", .max_length = kLongestEmail},
                                         {.field = "token", .max_length = 200}};
};
BOOST_DESCRIBE_STRUCT(Verify, (), (email, token))

struct EmailForm {
  std::string email;
  static constexpr json::Rule rules[] = {
      {.field = "email", .has_default = true, .max_length = kLongestEmail}};
};
BOOST_DESCRIBE_STRUCT(EmailForm, (), (email))

std::optional<Response> too_often(identity::Identity& identity, const Request& request) {
  return over_limit(identity, request, fmt::format("mail {}", http::address_key(request.client_address())),
                    kRequests);
}

// Whoever asked for the mails before: the one link that is in them all still works, so that no more of them are needed,
// and nobody can keep somebody from getting one. The answer tells nothing of it.
void send(identity::Identity& identity, identity::EmailOutbox& outbox, const Request& request, Link kind,
          const std::string& email) {
  const auto key = fmt::format("recipient {} {}", static_cast<int>(kind), to_lower(trim(email)));
  if (!over_limit(identity, request, key, kMailsToOne)) outbox.request(kind, email, request.client_address());
}

// What everybody is told who asks for a link, whoever they name.
Response ask(identity::Identity& identity, identity::EmailOutbox& outbox, const Request& request, Link kind,
             const std::string& email, const char* message) {
  identity::refuse_other_sites(request);
  if (auto refused = too_often(identity, request)) return *std::move(refused);
  if (!trim(email).empty()) send(identity, outbox, request, kind, email);
  return message_page("Look into your mail", message);
}

// In LOCAL_DEV_MODE, where everybody is an admin anyway, the answer holds the link.
LinkSent send_to_developer(identity::Identity& identity, identity::EmailOutbox& outbox,
                           const Request& request, const std::string& email) {
  const auto link = identity.users().request_link(Link::sign_in, email, request.client_address());
  if (!link) return {"There is no account of this address.", {}, {}};
  const auto base = outbox.address().for_request(request);
  LinkSent sent{"LOCAL_DEV_MODE: open dev_link to sign in.",
                identity::link_address(base, Link::sign_in, link->email, link->secret),
                {}};
  if (outbox.settings().usable() && !outbox.send(Link::sign_in, link->email, *sent.dev_link))
    sent.send_error = "the mail was not taken: the log says why";
  return sent;
}

}  // namespace

void add_email_routes(http::Routes& routes, identity::Identity& identity, identity::EmailOutbox& outbox) {
  routes.post(
      "/auth/email/send-link",
      {.auth = Auth::none,
       .tag = "auth",
       .summary = "Ask for a link by mail that signs in",
       .description = "The answer is the same whether there is such an account or not.",
       .answer = http::schema_of<LinkSent>},
      [&identity, &outbox](const Request& request, const SendLink& body) {
        if (auto refused = too_often(identity, request)) return *std::move(refused);
        if (identity.settings().local_dev)
          return Response::json(json::to_json(send_to_developer(identity, outbox, request, body.email)));
        send(identity, outbox, request, Link::sign_in, body.email);
        return Response::json(json::to_json(
            LinkSent{"If there is an account of this address, a link is on its way to it.", {}, {}}));
      });
  routes.post("/auth/email/verify",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "Sign in with a link's token",
               .answer = http::schema_of<contract::SignedIn>},
              [&identity](const Request& request, const Verify& body) {
                return limited(identity, request, "link", kSignIns, [&] {
                  const auto user =
                      identity.users().sign_in_by_link(body.email, body.token, request.client_address());
                  return Response::json(json::to_json(signed_in(identity, request, user)));
                });
              });
  routes.get("/auth/email/verify",
             {.auth = Auth::none,
              .tag = "auth",
              .summary = "Where a link for signing in leads",
              .description = "Sets the session's cookie and redirects to the home page.",
              .answer_type = "text/html"},
             [&identity](const Request& request, const http::Query<Verify>& link) {
               // Mail filters look at links this way: it must not use them up.
               if (request.method() == "HEAD") return message_page("Sign in", "Open the link to sign in.");
               return limited(identity, request, "link", kSignIns, [&] {
                 try {
                   const auto user =
                       identity.users().sign_in_by_link(link->email, link->token, request.client_address());
                   auto response = Response::redirect(identity.settings().home_route);
                   response.cookie(session_cookie(identity, request, user));
                   response.header("Referrer-Policy", "no-referrer");
                   response.header("Cache-Control", "no-store");
                   return response;
                 } catch (const Error& error) {
                   if (error.kind() != ErrorKind::unauthenticated || !request.wants_html()) throw;
                   return message_page(
                       "This link does not work any more",
                       "It was used already, is older than an hour, or is not whole. Ask for a "
                       "new one where you sign in.",
                       401);
                 }
               });
             });
  routes.post("/login/email",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "Ask for a link by mail that signs in, from a form",
               .description = "The answer is the same whether there is such an account or not.",
               .answer_type = "text/html"},
              [&identity, &outbox](const Request& request, const http::Form<EmailForm>& form) {
                return ask(
                    identity, outbox, request, Link::sign_in, form->email,
                    "If there is an account of this address, a link is on its way to it. It works once, "
                    "for an hour.");
              });
  routes.post("/auth/password/reset",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "Ask for a link by mail that sets a new password",
               .description = "The answer is the same whether there is such an account or not.",
               .answer_type = "text/html"},
              [&identity, &outbox](const Request& request, const http::Form<EmailForm>& form) {
                return ask(
                    identity, outbox, request, Link::reset, form->email,
                    "If there is an account of this address, a link for a new password is on its way to "
                    "it. It works for a day.");
              });
  routes.post("/auth/password/setup/request",
              {.auth = Auth::none,
               .tag = "auth",
               .summary = "Ask for a link by mail that sets the first password",
               .description = "The answer is the same whether there is such an account or not.",
               .answer_type = "text/html"},
              [&identity, &outbox](const Request& request, const http::Form<EmailForm>& form) {
                return ask(
                    identity, outbox, request, Link::setup, form->email,
                    "If an admin has made an account for this address that has no password yet, a link to "
                    "set it up is on its way. Ask an admin if nothing comes.");
              });
}

}  // namespace agnes::auth
