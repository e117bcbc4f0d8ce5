#pragma once

#include "access/access.h"
#include "access/email_outbox.h"
#include "config/config.h"
#include "http/routes.h"

namespace agnes::access {

// Declares every route of this folder and makes `access` the authenticator of `routes`. `routes`, `access`
// and `outbox` must outlive the server.
void add_routes(http::Routes& routes, Access& access, EmailOutbox& outbox, const config::Config& config);

// Its parts.
void add_sign_in_routes(http::Routes& routes, Access& access);
void add_link_routes(http::Routes& routes, Access& access);
// The pages at which people sign in: /login and below, and /first-time-setup. They offer what is set up.
void add_login_pages(http::Routes& routes, Access& access, EmailOutbox& outbox, const config::Config& config);
void add_token_routes(http::Routes& routes, Access& access);
void add_email_routes(http::Routes& routes, Access& access, EmailOutbox& outbox);
void add_user_routes(http::Routes& routes, Access& access, EmailOutbox& outbox);
void add_group_routes(http::Routes& routes, Access& access);
void add_grant_routes(http::Routes& routes, Access& access);
void add_me_routes(http::Routes& routes, Access& access);
void add_audit_routes(http::Routes& routes, Access& access);
// /me/debug, which shows people what the server knows of their session; off unless AGNES_DEBUG_AUTH is on.
void add_debug_routes(http::Routes& routes, Access& access, const config::Config& config);

}  // namespace agnes::access
