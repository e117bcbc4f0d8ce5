#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "lib/http/request.h"

// Inside http/: from the bytes on the line to a Request, as far as it needs no socket.
namespace agnes::http {

using RequestParser = boost::beast::http::request_parser<boost::beast::http::string_body>;

// Before the first byte: stops behind the header, which has at most `max_header` bytes. The body's limit is
// set once the route is known.
void begin_header(RequestParser& parser, std::size_t max_header);

// Once the header is read: the status and the reason to refuse what the parser lets through and this server
// does not.
std::optional<std::pair<int, std::string_view>> check_header(const RequestParser& parser);

// The request without its body. Throws Error (bad_request) as Request does.
std::unique_ptr<Request> make_request(const RequestParser& parser, const std::string& peer,
                                      const std::vector<std::string>& trusted_proxies);

}  // namespace agnes::http
