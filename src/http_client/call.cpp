#include "http_client/call.h"

#include <fmt/format.h>

#include "base/text.h"

namespace agnes::http_client {

Response call(const std::string& url, Request request, const CallOptions& options) {
  const auto scheme_end = url.find("://");
  const auto path = scheme_end == url.npos ? url.npos : url.find_first_of("/?#", scheme_end + 3);
  request.path = path == url.npos ? "/" : url.substr(path);
  if (!request.path.starts_with('/')) request.path.insert(0, "/");
  request.patience = options.patience;
  Client client({.server = url.substr(0, path),
                 .token = {},
                 .user_agent = "agnes-server/" AGNES_VERSION,
                 .connect_patience = options.patience,
                 .direct = options.direct});
  Response response;
  client.stream(
      request, [&](const Head& head) { static_cast<Head&>(response) = head; },
      [&](std::string_view piece) {
        if (response.body.size() + piece.size() > options.largest_answer)
          throw Error(ErrorKind::bad_gateway,
                      fmt::format("the answer of {} is larger than {}", client.server(),
                                  human_bytes(options.largest_answer)));
        response.body.append(piece);
      });
  return response;
}

bool may_carry_secrets(std::string_view url) {
  if (url.starts_with("https://")) return true;
  if (!url.starts_with("http://")) return false;
  auto host = url.substr(7);
  host = host.substr(0, host.find_first_of("/?#"));
  if (host.find('@') != host.npos) return false;
  if (host == "[::1]" || host.starts_with("[::1]:")) return true;
  host = host.substr(0, host.find(':'));
  return host == "localhost" || host == "127.0.0.1";
}

}  // namespace agnes::http_client
