#include "app/public_address.h"

#include "app/config/address.h"
#include "lib/base/text.h"

namespace agnes::app {

namespace {

std::string url_of(const AddressSettings& settings) {
  const std::string url(trim(settings.url));
  if (!url.empty()) {
    try {
      config::host_of_address(url, "the environment variable SERVER_URL");
    } catch (const Error& error) {
      throw Error(ErrorKind::invalid, error.what());
    }
    return url;
  }
  const auto name = trim(settings.hostname);
  return name.empty() ? "" : fmt::format("https://{}", name);
}

}  // namespace

PublicAddress::PublicAddress(const AddressSettings& settings) : PublicAddress(url_of(settings)) {}

PublicAddress::PublicAddress(std::string url) : url_(std::move(url)) {
  while (url_.ends_with('/')) url_.pop_back();
}

std::string PublicAddress::for_request(const http::Request& request) const {
  return known() ? url_ : fmt::format("{}://{}", request.scheme(), request.host());
}

bool PublicAddress::secure(const http::Request& request) const {
  return to_lower(url_.substr(0, 8)) == "https://" || request.scheme() == "https";
}

}  // namespace agnes::app
