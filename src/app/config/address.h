#pragma once

#include <string>
#include <string_view>
#include <vector>

// Addresses of outside services that a person typed in.
namespace agnes::config {

// The host of an http or https address, "::1" for "http://[::1]:80/". Throws Error: `bad_request` when it is
// no address with a host, `invalid` for another scheme, or a user name or password in it. `what` is named in
// the message.
std::string host_of_address(std::string_view address, std::string_view what);

// Whether an IP address ("10.0.0.5", "::ffff:127.0.0.1") is of the public network: not loopback, private,
// link-local, multicast, reserved or for documentation, whether on its own or embedded in an IPv6 address.
// False for no address.
bool is_public_ip(const std::string& ip);

// Resolves the host of `address` and returns its IP addresses, all of them public: connect to these, a name
// may resolve to something else the next time. Throws as `host_of_address`, and `bad_request` when the name
// cannot be resolved or one of its addresses is not public. Waits for the resolver.
std::vector<std::string> public_addresses_of(std::string_view address, std::string_view what);

}  // namespace agnes::config
