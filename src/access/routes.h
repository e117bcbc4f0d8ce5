#pragma once

#include "access/access.h"
#include "http/routes.h"

namespace agnes::access {

// Declares every route of this folder and makes `access` the authenticator of `routes`. Both `access` and
// `routes` must outlive the server.
void add_routes(http::Routes& routes, Access& access);

// Its parts.
void add_sign_in_routes(http::Routes& routes, Access& access);
void add_link_routes(http::Routes& routes, Access& access);
void add_token_routes(http::Routes& routes, Access& access);
void add_user_routes(http::Routes& routes, Access& access);
void add_group_routes(http::Routes& routes, Access& access);
void add_grant_routes(http::Routes& routes, Access& access);
void add_me_routes(http::Routes& routes, Access& access);

}  // namespace agnes::access
