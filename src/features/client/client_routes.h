#pragma once

#include "app/public_address.h"
#include "features/client/settings.h"
#include "lib/http/routes.h"

namespace agnes::client {

// /cli/...: the client for whoever may reach this server, without signing in.
//   install.sh           a script for `curl -fsSL https://agnes.example.com/cli/install.sh | bash`
//   package[/FILENAME]   this project's client for the server's own platform: what there is, and the archive
//   latest, download, wheel/NAME   the Python client's wheel, when AGNES_CLI_DIST_DIR has one, as the contract has it
void add_client_routes(http::Routes& routes, const config::Places& places, const app::PublicAddress& address,
                       const ClientSettings& settings);

// The script. `server` is an address that passed `is_plain_address`; `wheel` may be empty.
std::string install_script(const std::string& server, const std::string& platform, const std::string& wheel);
// "http(s)://HOST[:PORT]" of characters that mean nothing to a shell: letters, digits, ".-_", a literal IPv6
// address in brackets.
bool is_plain_address(const std::string& address);

}  // namespace agnes::client
