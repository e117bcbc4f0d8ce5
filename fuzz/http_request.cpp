// A request as a client sends it: read in pieces, checked, decoded, as Connection does it. The first byte says how
// large the pieces are. What comes out must not depend on how it was cut.
#include <boost/asio/buffer.hpp>

#include "fuzz/target.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/http/incoming.h"

namespace {

using namespace agnes;

constexpr std::size_t kMaxHeader = 32 << 10, kMaxBody = 64 << 10;

// Feeds what is left of `rest` until `done`; false when the parser wants no more of it.
template <class Done>
bool feed(http::RequestParser& parser, std::string_view& rest, std::size_t piece, const Done& done) {
  std::size_t given = 0;
  while (!done()) {
    given = std::min(rest.size(), given + piece);
    boost::system::error_code error;
    const std::size_t used = parser.put(boost::asio::buffer(rest.data(), given), error);
    fuzz::expect(used <= given, "the parser uses no more than it is given");
    const bool all = given == rest.size();
    rest.remove_prefix(used);
    given -= used;
    if (error && error != boost::beast::http::error::need_more) return false;
    if (!done() && all && (error || used == 0 || rest.empty())) return false;
  }
  return true;
}

std::string read(std::string_view rest, std::size_t piece) {
  http::RequestParser parser;
  http::begin_header(parser, kMaxHeader);
  if (!feed(parser, rest, piece, [&] { return parser.is_header_done(); })) return "no header";
  if (const auto problem = http::check_header(parser)) return std::string(problem->second);
  std::unique_ptr<http::Request> request;
  try {
    request = http::make_request(parser, "10.0.0.1", {"10.0.0.0/8", "::1"});
  } catch (const Error& error) {
    return error.what();
  }
  fuzz::expect(is_utf8(request->path()) && request->path().find('\0') == std::string::npos,
               "a path is UTF-8 without NUL");
  for (const auto& [name, value] : request->headers())
    fuzz::expect((name + value).find_first_of("\r\n") == std::string::npos, "a header is one line");
  std::string out =
      fmt::format("{} {} {} {} {} {}\n", request->method(), request->path(), request->client_address(),
                  request->scheme(), request->host(), request->cookie("access_token"));
  for (const auto& [name, value] : request->queries()) out += name + "=" + value + "\n";
  for (const auto& [name, value] : request->headers()) out += name + ": " + value + "\n";
  parser.body_limit(kMaxBody);
  parser.eager(true);
  if (!feed(parser, rest, piece, [&] { return parser.is_done(); })) return out + "no body";
  return out + parser.get().body();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto text = fuzz::text_of(data + 1, size - 1);
  const auto whole = read(text, text.size() + 1), cut = read(text, std::size_t{data[0]} + 1);
  fuzz::expect(whole == cut, "a request is the same however it arrives");
  return 0;
}
