#pragma once

#include "core/identity/email_outbox.h"
#include "core/identity/identity.h"
#include "lib/http/routes.h"

namespace agnes::identity {

// Users, groups, grants, tokens and the audit log. What they are given must outlive the server.
void add_token_routes(http::Routes& routes, Identity& identity);
void add_user_routes(http::Routes& routes, Identity& identity, EmailOutbox& outbox);
void add_group_routes(http::Routes& routes, Identity& identity);
void add_grant_routes(http::Routes& routes, Identity& identity);
void add_me_routes(http::Routes& routes, Identity& identity);
void add_audit_routes(http::Routes& routes, Identity& identity);

}  // namespace agnes::identity
