#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/value.hpp>

#include "lib/base/error.h"

// An HTTP client for one server, over libcurl. Proxies come from the environment as curl reads them
// (http_proxy, https_proxy, no_proxy, ...), trusted certificates from CURL_CA_BUNDLE, SSL_CERT_FILE and
// SSL_CERT_DIR or else the system. Redirects are not followed: a token is sent to the server that was named
// and to no other.
namespace agnes::http_client {

using Headers = std::vector<std::pair<std::string, std::string>>;
using Params = std::vector<std::pair<std::string, std::string>>;

struct Request {
  std::string method = "GET";
  std::string path;  // from "/" on, with the query string, percent-encoded already
  Headers headers;
  std::optional<std::string> body;
  bool compressed = true;  // whether the server may compress the answer
  // The request ends with TransportError when nothing arrives for so long.
  std::chrono::seconds timeout{30};
  // The same when all of it takes longer; 0: as long as it likes.
  std::chrono::milliseconds time_limit{0};
};

// Status and headers of an answer; names of headers are lower case.
struct Head {
  int status = 0;
  Headers headers;
  std::optional<std::string_view> header(std::string_view name) const;
};

struct Response : Head {
  std::string body;
  std::size_t max_values = 0;  // of JSON; 0: any number
  bool ok() const { return status >= 200 && status < 300; }
  // Throws Error (bad_gateway) when the body is not JSON (a proxy's page, say), or has more than `max_values`.
  boost::json::value json() const;
};

// No answer, or half of one. The message names the server, the cause and the next step, and no secret.
class TransportError : public Error {
 public:
  enum class Cause {
    unreachable,  // no connection: name, network, refused
    untrusted,    // the certificate or the TLS handshake; trying again does not help
    broken,       // the connection ended half way
    silent,       // nothing came for longer than the request's timeout
    other,
  };
  TransportError(Cause cause, const std::string& message);
  Cause cause() const { return cause_; }

 private:
  Cause cause_;
};

// Asked some times a second while something is waited for; true ends it with Cancelled. May be empty.
using Stop = std::function<bool()>;

// Options::cancelled ended the request.
class Cancelled : public Error {
 public:
  Cancelled() : Error(ErrorKind::timeout, "interrupted") {}
};

struct Options {
  std::string server;  // "https://agnes.example.com", a path prefix allowed
  std::string token;   // sent as a bearer token; empty: none
  std::string user_agent;
  std::chrono::seconds connect_timeout{10};
  Stop cancelled = {};
  // Of JSON in an answer, as values take many times their text: for servers that are not trusted. 0: any number.
  std::size_t max_values = 0;
  bool direct = false;  // whatever proxies the environment names
  // IP addresses of the server, where its name was resolved (and judged) already: it is not resolved again.
  std::vector<std::string> addresses = {};
};

// Thread-safe. Connections are kept open and used again, also between threads.
class Client {
 public:
  // Throws Error (bad_request) when `server` is not an http or https address.
  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Statuses are not judged: any answer is returned. Throws TransportError, Cancelled.
  Response send(const Request& request);
  // Hands out the body piece by piece. What the callbacks throw ends the request and comes out of here.
  void stream(const Request& request, const std::function<void(const Head&)>& on_head,
              const std::function<void(std::string_view)>& on_data);

  Response get(const std::string& path, const Params& params = {});
  Response send_json(const std::string& method, const std::string& path, const boost::json::value& body);
  Response del(const std::string& path);

  const std::string& server() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

std::string percent_encode(std::string_view text);  // for a path segment or a query value
std::string with_params(const std::string& path, const Params& params);
Request form_request(const Params& fields);  // a POST of a form, without a path
// "https://agnes.example.com" for "https://Agnes.example.com/"; throws Error (bad_request) for anything that
// is not an http or https address.
std::string normalize_server(std::string_view text);

}  // namespace agnes::http_client
