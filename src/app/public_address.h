#pragma once

#include <string>

#include "app/config/config.h"
#include "lib/http/request.h"

namespace agnes::app {

struct AddressSettings {
  static constexpr std::string_view kSection = "server";
  std::string hostname;
  std::string url;
  static constexpr config::Rule kRules[] = {
      {.member = "hostname", .variable = "DOMAIN", .help = "DNS name under which people reach the server"},
      {.member = "url",
       .variable = "SERVER_URL",
       .variable_only = true,
       .shape = config::Shape::address,
       .help = "Where people reach this server, for links, cookies and redirects: "
               "https://agnes.example.com; https://DOMAIN when unset"},
  };
};
BOOST_DESCRIBE_STRUCT(AddressSettings, (), (hostname, url))

// Where people reach this server: SERVER_URL, else https://<server.hostname>. One value for links in mails, cookies,
// redirects and the client's install script. Immutable.
class PublicAddress {
 public:
  PublicAddress() = default;
  // Throws Error (invalid) for a SERVER_URL that is not an http or https address.
  explicit PublicAddress(const AddressSettings& settings);
  // "https://agnes.example.com" or with a path, without a slash at its end.
  explicit PublicAddress(std::string url);

  // Whether an operator has said it. Where not, nothing may be sent to anybody but the one who asks: what a request
  // says of its server is untrusted.
  bool known() const { return !url_.empty(); }
  const std::string& url() const { return url_; }  // empty when it is not known

  // The address, or the request's own when it is not known.
  std::string for_request(const http::Request& request) const;
  // Whether cookies are `Secure`: the address is https, or the request came so.
  bool secure(const http::Request& request) const;

 private:
  std::string url_;
};

}  // namespace agnes::app
