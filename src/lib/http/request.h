#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "lib/base/json.h"

namespace agnes::http {

using Pairs = std::vector<std::pair<std::string, std::string>>;

// One file of a multipart form. Holds a copy-free view into the request's body: valid as long as the request.
struct File {
  std::string filename;      // as sent: never use it as a path
  std::string content_type;  // as sent, may be empty
  std::string_view data;
};

struct BodyFile;

struct FormLimits {
  std::size_t fields = 1000, files = 200;
  std::size_t field_bytes = 1 << 20;
};

struct FormData {
  Pairs fields;
  std::vector<std::pair<std::string, File>> files;  // by field name
};

// A request as its handler sees it: whole, checked, decoded. Used by one thread at a time.
class Request {
 public:
  // Throws Error (bad_request) when the target's path is not percent-encoded UTF-8 or holds a NUL.
  Request(std::string method, std::string target);
  Request(const Request&) = delete;
  Request& operator=(const Request&) = delete;

  const std::string& method() const { return method_; }
  const std::string& target() const { return target_; }  // as sent: path?query
  const std::string& path() const { return path_; }      // percent-decoded
  const std::string& body() const { return body_; }
  // The body of a route that takes it as a file (body_file.h); null when there is none.
  const BodyFile* body_file() const { return body_file_.get(); }

  // "" when there is none; names in any case. Of a repeated header, the first.
  std::string_view header(std::string_view name) const;
  bool has_header(std::string_view name) const;
  const Pairs& headers() const { return headers_; }
  std::string_view cookie(std::string_view name) const;  // "" when there is none

  // Query parameters, decoded. `query` gives the last one of the name, as the contract does.
  std::optional<std::string> query(std::string_view name) const;
  std::vector<std::string> query_all(std::string_view name) const;
  const Pairs& queries() const { return queries_; }

  // The path parameter {name} of the route; throws std::out_of_range for a name that the route has not.
  const std::string& param(std::string_view name) const;
  const Pairs& params() const { return params_; }

  // The peer, and the client it speaks for: X-Forwarded-For counts only from a trusted proxy.
  const std::string& remote_address() const { return remote_address_; }
  const std::string& client_address() const { return client_address_; }
  // "http" or "https", and host[:port], as the client used them (X-Forwarded-Proto and -Host from a trusted
  // proxy).
  const std::string& scheme() const { return scheme_; }
  std::string_view host() const { return host_; }
  // The caller's X-Request-ID when it is a sane one, else a fresh one; goes into logs and the answer.
  const std::string& id() const { return id_; }

  // The body as urlencoded or multipart form. Throws Error: `invalid` for another content type or a malformed
  // body, `too_large` over a limit.
  FormData form(const FormLimits& limits = {}) const;
  bool is_form() const;
  bool is_json() const;
  // Whether a browser would show an answer: it accepts text/html.
  bool wants_html() const;

  // Whether the peer has gone, so that work on its behalf can end.
  bool client_gone() const;

  // For the server and for tests.
  void add_header(std::string name, std::string value);
  void set_body(std::string body) { body_ = std::move(body); }
  void set_body_file(std::shared_ptr<const BodyFile> file) { body_file_ = std::move(file); }
  void set_params(Pairs params) { params_ = std::move(params); }
  void set_socket(int fd) { socket_ = fd; }
  // What Routes found for this request, kept between its calls.
  struct Routing {
    bool done = false;
    const void* route = nullptr;
    unsigned allowed = 0;
    std::string caller = {};  // the user's id, once authenticated
  };
  Routing routing;
  // After the headers are in. `trusted` are addresses, "10.0.0.0/8" ranges or "*".
  void set_peer(std::string address, const std::vector<std::string>& trusted_proxies);

 private:
  std::string method_, target_, path_, body_, remote_address_, client_address_, scheme_ = "http", host_, id_;
  Pairs headers_, queries_, params_;
  std::shared_ptr<const BodyFile> body_file_;
  int socket_ = -1;
};

// "%41+b" -> "Ab" or "A+b". Nothing when a '%' is not followed by two hex digits.
std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space);
// Everything but letters, digits and "-._~" (and, with `keep_slash`, '/') as %XX.
std::string percent_encode(std::string_view text, bool keep_slash = false);
// "a=1&b=2", decoded; a malformed escape stays as it is.
Pairs parse_query(std::string_view text);
// The value of `name` in a header such as `multipart/form-data; boundary="x"`; "" when there is none.
std::string header_parameter(std::string_view header, std::string_view name);

}  // namespace agnes::http

// A File member of a Form<T> struct.
template <>
struct agnes::json::Codec<agnes::http::File> {
  static bool read(Reader& reader, const boost::json::value& value, http::File& out);
  static boost::json::value write(const http::File& file);
  static boost::json::object schema(Components& components);
};
