#include "app/config/address.h"

#include <array>

#include <arpa/inet.h>
#include <netdb.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::config {

namespace {

using V4 = std::uint32_t;

struct Network {
  V4 address;
  int bits;
};
constexpr V4 v4(V4 a, V4 b, V4 c, V4 d) {
  return a << 24 | b << 16 | c << 8 | d;
}
// The IANA registry of special-purpose IPv4 addresses, and multicast and what is reserved above.
constexpr Network kSpecial[] = {
    {v4(0, 0, 0, 0), 8},      {v4(10, 0, 0, 0), 8},     {v4(100, 64, 0, 0), 10}, {v4(127, 0, 0, 0), 8},
    {v4(169, 254, 0, 0), 16}, {v4(172, 16, 0, 0), 12},  {v4(192, 0, 0, 0), 24},  {v4(192, 0, 2, 0), 24},
    {v4(192, 88, 99, 0), 24}, {v4(192, 168, 0, 0), 16}, {v4(198, 18, 0, 0), 15}, {v4(198, 51, 100, 0), 24},
    {v4(203, 0, 113, 0), 24}, {v4(224, 0, 0, 0), 3},
};

bool is_public(V4 address) {
  return std::none_of(std::begin(kSpecial), std::end(kSpecial),
                      [&](const Network& n) { return (address ^ n.address) >> (32 - n.bits) == 0; });
}

bool is_public(const std::array<unsigned char, 16>& ip) {
  const auto embedded = [&](std::size_t at) {
    return is_public(v4(ip[at], ip[at + 1], ip[at + 2], ip[at + 3]));
  };
  const auto starts = [&](std::initializer_list<unsigned char> bytes) {
    return std::equal(bytes.begin(), bytes.end(), ip.begin());
  };
  if (starts({0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF})) return embedded(12);     // IPv4 in IPv6
  if (starts({0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0})) return embedded(12);  // NAT64
  if (starts({0x20, 0x02})) return embedded(2);                                    // 6to4
  if (starts({0x20, 0x01}) && ip[2] < 2) return false;                         // protocols, Teredo among them
  if (starts({0x20, 0x01, 0x0D, 0xB8}) || starts({0x3F, 0xFF})) return false;  // documentation
  return (ip[0] & 0xE0) == 0x20;                                               // 2000::/3: all that is global
}

}  // namespace

std::string host_of_address(std::string_view address, std::string_view what) {
  const auto no_address = [&] {
    return Error(ErrorKind::bad_request,
                 fmt::format("{} is not an address such as https://service.example.com", what));
  };
  for (const char c : address)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7F || c == '\\') throw no_address();
  const auto at = address.find("://");
  if (at == std::string_view::npos) throw no_address();
  if (const auto scheme = to_lower(address.substr(0, at)); scheme != "http" && scheme != "https")
    throw Error(ErrorKind::invalid, fmt::format("{} must be an http or https address", what));
  std::string_view host = address.substr(at + 3);
  host = host.substr(0, host.find_first_of("/?#"));
  if (host.find('@') != std::string_view::npos)
    throw Error(ErrorKind::invalid, fmt::format("{} must not carry a user name or password", what));
  std::string_view port;
  if (host.starts_with('[')) {
    const auto end = host.find(']');
    if (end == std::string_view::npos) throw no_address();
    port = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (const auto colon = host.find(':'); colon != std::string_view::npos) {
    port = host.substr(colon);
    host = host.substr(0, colon);
  }
  const auto number = port.size() > 1 ? parse_int(port.substr(1)) : std::nullopt;
  if (!port.empty() && (port[0] != ':' || !number || *number < 1 || *number > 65535)) throw no_address();
  if (host.empty() || host.size() > 253) throw no_address();
  return std::string(host);
}

bool is_public_ip(const std::string& ip) {
  in_addr four{};
  if (::inet_pton(AF_INET, ip.c_str(), &four) == 1) return is_public(ntohl(four.s_addr));
  std::array<unsigned char, 16> six{};
  return ::inet_pton(AF_INET6, ip.c_str(), six.data()) == 1 && is_public(six);
}

std::vector<std::string> public_addresses_of(std::string_view address, std::string_view what) {
  const std::string host = host_of_address(address, what);
  addrinfo hints{};
  hints.ai_protocol = IPPROTO_TCP;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0)
    throw Error(ErrorKind::bad_request,
                fmt::format("{}: the name {} cannot be resolved", what, escape_control(host)));
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, &::freeaddrinfo);
  std::vector<std::string> out;
  for (const auto* entry = found; entry != nullptr; entry = entry->ai_next) {
    char text[INET6_ADDRSTRLEN] = {};
    const void* bytes =
        entry->ai_family == AF_INET
            ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(entry->ai_addr)->sin_addr)
            : &reinterpret_cast<const sockaddr_in6*>(entry->ai_addr)->sin6_addr;
    ::inet_ntop(entry->ai_family, bytes, text, sizeof text);
    if (!is_public_ip(text))
      throw Error(
          ErrorKind::bad_request,
          fmt::format("{} leads into a private or reserved network; a public address is needed", what));
    out.emplace_back(text);
  }
  return out;
}

}  // namespace agnes::config
