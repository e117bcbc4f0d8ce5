#pragma once

#include "app/config/config.h"
#include "core/identity/email_outbox.h"
#include "core/identity/identity.h"
#include "core/identity/routes.h"
#include "lib/http/routes.h"

namespace agnes::auth {

// Declares every route of this folder and makes `identity` the authenticator of `routes`. `routes`, `identity`
// and `outbox` must outlive the server.
void add_routes(http::Routes& routes, identity::Identity& identity, identity::EmailOutbox& outbox,
                const config::Config& config);

// Its parts.
void add_sign_in_routes(http::Routes& routes, identity::Identity& identity);
// /auth/cli, by which agnes is signed in in a browser.
void add_cli_routes(http::Routes& routes, identity::Identity& identity);
void add_link_routes(http::Routes& routes, identity::Identity& identity);
// The pages at which people sign in: /login and below, and /first-time-setup. They offer what is set up.
void add_login_pages(http::Routes& routes, identity::Identity& identity, identity::EmailOutbox& outbox,
                     const config::Config& config);
void add_email_routes(http::Routes& routes, identity::Identity& identity, identity::EmailOutbox& outbox);
// /me/debug, which shows people what the server knows of their session; off unless AGNES_DEBUG_AUTH is on.
void add_debug_routes(http::Routes& routes, identity::Identity& identity, const config::Config& config);
// Outside of /api, a browser gets errors as pages, with a link on; programs get them as JSON.
void add_error_pages(http::Routes& routes);

}  // namespace agnes::auth
