#include "lib/http/incoming.h"

#include "lib/base/text.h"

namespace agnes::http {

namespace bh = boost::beast::http;

void begin_header(RequestParser& parser, std::size_t max_header) {
  parser.eager(false);
  parser.header_limit(static_cast<std::uint32_t>(max_header));
  parser.body_limit(boost::none);
}

std::optional<std::pair<int, std::string_view>> check_header(const RequestParser& parser) {
  const auto& header = parser.get();
  if (header.version() != 11 && header.version() != 10)
    return {{400, "Only HTTP/1.1 and HTTP/1.0 are spoken here"}};
  const std::size_t hosts = header.count(bh::field::host);
  if (hosts > 1 || (hosts == 0 && header.version() == 11)) return {{400, "One Host header is needed"}};
  // The proxy before us may have gone by the other one.
  if (header.count(bh::field::authorization) > 1) return {{400, "More than one Authorization header"}};
  const auto length = header.find(bh::field::content_length);
  if (header.count(bh::field::content_length) > 1 ||
      (length != header.end() && length->value().find(',') != std::string_view::npos))
    return {{400, "The body's length is not clear"}};
  const auto coding = header.find(bh::field::transfer_encoding);
  if (coding != header.end()) {
    // Two lengths, or a coding that the proxy before us may read otherwise, are how requests are smuggled.
    if (header.count(bh::field::content_length) > 0 || header.count(bh::field::transfer_encoding) > 1 ||
        header.version() == 10)
      return {{400, "The body's length is not clear"}};
    if (!iequals(trim(std::string_view(coding->value().data(), coding->value().size())), "chunked"))
      return {{501, "Only the transfer coding 'chunked' is understood"}};
  }
  if (header.target().empty() || (header.target().front() != '/' && !header.target().starts_with("http")))
    return {{400, "The request target must be a path"}};
  return std::nullopt;
}

std::unique_ptr<Request> make_request(const RequestParser& parser, const std::string& peer,
                                      const std::vector<std::string>& trusted_proxies) {
  const auto& message = parser.get();
  auto request =
      std::make_unique<Request>(std::string(message.method_string()), std::string(message.target()));
  for (const auto& field : message)
    request->add_header(std::string(field.name_string()), std::string(field.value()));
  request->set_peer(peer, trusted_proxies);
  return request;
}

}  // namespace agnes::http
