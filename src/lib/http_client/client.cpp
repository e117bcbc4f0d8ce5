#include "lib/http_client/client.h"

#include <exception>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/http_client/curl_api.h"

namespace agnes::http_client {

namespace {
using Cause = TransportError::Cause;

// What a request keeps while libcurl calls back.
struct Exchange {
  Head head;
  const std::function<void(const Head&)>* on_head;
  const std::function<void(std::string_view)>* on_data;
  const Stop* cancelled;
  std::exception_ptr thrown;
  bool head_given = false;

  bool head_ended = false;  // with its empty line

  bool give_head() {
    if (head_given) return true;
    head_given = true;
    return guarded([&] {
      check_encoding();
      (*on_head)(head);
    });
  }
  // Packed twice, a few kB unpack to anything: no server of ours does that.
  void check_encoding() const {
    std::size_t encodings = 0;
    for (const auto& [name, value] : head.headers)
      if (name == "content-encoding")
        for (const auto& part : split(value, ','))
          encodings += !trim(part).empty() && !iequals(trim(part), "identity");
    if (encodings > 1)
      throw Error(ErrorKind::bad_gateway, "the server packed its answer more than once, which is refused");
  }
  template <class F>
  bool guarded(F&& call) {
    try {
      call();
      return true;
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
  }
};

std::size_t receive_header(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  const std::string_view line = trim(std::string_view(data, size * count));
  if (line.starts_with("HTTP/")) {
    // A new answer begins: what came before was a 100 or a proxy's answer to CONNECT.
    exchange.head = {};
    exchange.head_ended = false;
    const auto space = line.find(' ');
    if (space != line.npos)
      exchange.head.status = static_cast<int>(parse_int(line.substr(space + 1, 3)).value_or(0));
  } else if (const auto colon = line.find(':'); colon != line.npos) {
    exchange.head.headers.emplace_back(to_lower(line.substr(0, colon)), trim(line.substr(colon + 1)));
  } else if (line.empty()) {
    exchange.head_ended = true;
  }
  return size * count;
}

std::size_t receive_body(char* data, std::size_t size, std::size_t count, void* self) {
  auto& exchange = *static_cast<Exchange*>(self);
  const std::string_view piece(data, size * count);
  if (!exchange.give_head()) return 0;
  return exchange.guarded([&] { (*exchange.on_data)(piece); }) ? piece.size() : 0;
}

int report_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& exchange = *static_cast<Exchange*>(self);
  return *exchange.cancelled && (*exchange.cancelled)() ? 1 : 0;
}

TransportError transport_error(CURLcode code, const std::string& server, const char* said,
                               std::chrono::seconds timeout) {
  const std::string reason = *said != '\0' ? std::string(said) : curl().easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return {
          Cause::unreachable,
          fmt::format("cannot reach {}: the host name is unknown; check the address and your network or VPN",
                      server)};
    case CURLE_COULDNT_RESOLVE_PROXY:
      return {Cause::unreachable,
              fmt::format("cannot reach {}: the proxy's host name is unknown; check https_proxy "
                          "and http_proxy",
                          server)};
    case CURLE_COULDNT_CONNECT:
      return {Cause::unreachable,
              fmt::format("cannot reach {}: the connection was refused or timed out; check the "
                          "address, and that the server runs",
                          server)};
    case CURLE_PEER_FAILED_VERIFICATION:
      return {Cause::untrusted,
              fmt::format("cannot trust {}: {}; if your company signs its own certificates, set "
                          "SSL_CERT_FILE to its bundle",
                          server, reason)};
    case CURLE_SSL_CACERT_BADFILE:
      return {Cause::untrusted,
              fmt::format("cannot trust {}: {}; check SSL_CERT_FILE and CURL_CA_BUNDLE", server, reason)};
    case CURLE_SSL_CONNECT_ERROR:
      return {Cause::untrusted,
              fmt::format("cannot reach {}: the TLS handshake failed ({}); check that the address "
                          "should begin with https",
                          server, reason)};
    case CURLE_OPERATION_TIMEDOUT:
      if (std::string_view(reason).find("onnect") != std::string_view::npos &&
          std::string_view(reason).find("peration too slow") == std::string_view::npos)
        return {Cause::unreachable,
                fmt::format("cannot reach {}: no connection in time; check the address and your "
                            "network or VPN",
                            server)};
      if (std::string_view(reason).find("peration timed out") != std::string_view::npos)
        return {Cause::silent, fmt::format("{} did not answer in full in time; try again later", server)};
      return {Cause::silent, fmt::format("{} sent nothing for {} s; try again, or give it more time", server,
                                         timeout.count())};
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
      return {Cause::broken, fmt::format("the connection to {} broke half way; try again", server)};
    default:
      return {Cause::other, fmt::format("the request to {} failed: {}", server, reason)};
  }
}

class TextList {
 public:
  ~TextList() { curl().slist_free_all(list_); }
  void add(const std::string& line) { list_ = curl().slist_append(list_, line.c_str()); }
  curl_slist* get() const { return list_; }

 private:
  curl_slist* list_ = nullptr;
};

// "agnes.example.com:443:93.184.216.34,93.184.216.35", as CURLOPT_RESOLVE has it; "" where there is no name.
std::string resolved(const Options& options) {
  const auto scheme_end = options.server.find("://") + 3;
  const std::string host =
      options.server.substr(scheme_end, options.server.find('/', scheme_end) - scheme_end);
  if (options.addresses.empty() || host.starts_with('[')) return "";
  const bool has_port = host.find(':') != host.npos;
  return host +
         (has_port                              ? ""
          : options.server.starts_with("https") ? ":443"
                                                : ":80") +
         ":" + join(options.addresses, ",");
}
}  // namespace

TransportError::TransportError(Cause cause, const std::string& message)
    : Error(cause == Cause::silent ? ErrorKind::gateway_timeout : ErrorKind::unavailable, message),
      cause_(cause) {}

std::optional<std::string_view> Head::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return std::nullopt;
}

boost::json::value Response::json() const {
  if (max_values > 0 && agnes::json::count_values(body) > max_values)
    throw Error(ErrorKind::bad_gateway,
                fmt::format("the answer (HTTP {}) has more than {} values of JSON", status, max_values));
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(body, error, {}, {.max_depth = 64});
  if (error)
    throw Error(
        ErrorKind::bad_gateway,
        fmt::format("the answer (HTTP {}) is not JSON: is the address really an Agnes server's?", status));
  return value;
}

struct Client::Impl {
  Options options;
  std::mutex mutex;
  std::vector<CURL*> idle;
  CURLSH* share = nullptr;
  std::mutex share_locks[CURL_LOCK_DATA_LAST];
  TrustedCertificates trusted;

  CURL* take() {
    {
      const std::lock_guard lock(mutex);
      if (!idle.empty()) {
        CURL* handle = idle.back();
        idle.pop_back();
        return handle;
      }
    }
    CURL* handle = curl().easy_init();
    if (handle == nullptr) throw Error(ErrorKind::internal, "libcurl cannot start a request: out of memory");
    return handle;
  }
  // The handle keeps its open connection for the next request.
  void give_back(CURL* handle) {
    curl().easy_reset(handle);
    const std::lock_guard lock(mutex);
    idle.push_back(handle);
  }
  static void lock(CURL*, curl_lock_data data, curl_lock_access, void* self) {
    static_cast<Impl*>(self)->share_locks[data].lock();
  }
  static void unlock(CURL*, curl_lock_data data, void* self) {
    static_cast<Impl*>(self)->share_locks[data].unlock();
  }
};

Client::Client(Options options) : impl_(std::make_unique<Impl>()) {
  options.server = normalize_server(options.server);
  // It becomes part of a header.
  if (!std::all_of(options.token.begin(), options.token.end(),
                   [](unsigned char c) { return c > ' ' && c < 0x7f; }))
    throw Error(ErrorKind::bad_request, "the token has characters that no token has: copy it again");
  impl_->options = std::move(options);
  impl_->trusted = trusted_certificates();
  impl_->share = curl().share_init();
  curl().share_setopt(impl_->share, CURLSHOPT_LOCKFUNC, &Impl::lock);
  curl().share_setopt(impl_->share, CURLSHOPT_UNLOCKFUNC, &Impl::unlock);
  curl().share_setopt(impl_->share, CURLSHOPT_USERDATA, impl_.get());
  curl().share_setopt(impl_->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_DNS);
  curl().share_setopt(impl_->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
}
Client::~Client() {
  for (CURL* handle : impl_->idle) curl().easy_cleanup(handle);
  curl().share_cleanup(impl_->share);
}

const std::string& Client::server() const {
  return impl_->options.server;
}

void Client::stream(const Request& request, const std::function<void(const Head&)>& on_head,
                    const std::function<void(std::string_view)>& on_data) {
  const auto& options = impl_->options;
  Exchange exchange{{}, &on_head, &on_data, &options.cancelled, {}, false};
  TextList headers;
  headers.add("Accept: application/json, */*");
  headers.add("Expect:");
  if (!options.token.empty()) headers.add("Authorization: Bearer " + options.token);
  for (const auto& [name, value] : request.headers) headers.add(name + ": " + value);

  CURL* handle = impl_->take();
  struct Return {
    Impl& impl;
    CURL* handle;
    ~Return() { impl.give_back(handle); }
  } const guard{*impl_, handle};
  const auto set = [&](CURLoption option, auto value) { curl().easy_setopt(handle, option, value); };
  char said[CURL_ERROR_SIZE] = "";
  const std::string url = options.server + request.path;
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_SHARE, impl_->share);
  set(CURLOPT_ERRORBUFFER, said);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TCP_NODELAY, 1L);
  if (request.compressed) set(CURLOPT_ACCEPT_ENCODING, "");
  set(CURLOPT_USERAGENT, options.user_agent.c_str());
  set(CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
  set(CURLOPT_LOW_SPEED_LIMIT, 1L);
  set(CURLOPT_LOW_SPEED_TIME, static_cast<long>(request.timeout.count()));
  set(CURLOPT_BUFFERSIZE, 256L * 1024);
  if (request.time_limit.count() > 0) set(CURLOPT_TIMEOUT_MS, static_cast<long>(request.time_limit.count()));
  if (options.direct) set(CURLOPT_PROXY, "");
  TextList known;
  if (const auto entry = resolved(options); !entry.empty()) {
    known.add(entry);
    set(CURLOPT_RESOLVE, known.get());
  }
  if (impl_->trusted.file) set(CURLOPT_CAINFO, impl_->trusted.file->c_str());
  if (impl_->trusted.folder) set(CURLOPT_CAPATH, impl_->trusted.folder->c_str());
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_HEADERFUNCTION, &receive_header);
  set(CURLOPT_HEADERDATA, static_cast<void*>(&exchange));
  set(CURLOPT_WRITEFUNCTION, &receive_body);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&exchange));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &report_progress);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&exchange));
  if (request.method == "HEAD")
    set(CURLOPT_NOBODY, 1L);
  else if (request.method != "GET")
    set(CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.body) {
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body->size()));
    set(CURLOPT_POSTFIELDS, request.body->data());
  } else if (request.method == "POST" || request.method == "PUT" || request.method == "PATCH") {
    set(CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t{0});
    set(CURLOPT_POSTFIELDS, "");
  }

  const CURLcode code = curl().easy_perform(handle);
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  if (code == CURLE_ABORTED_BY_CALLBACK) throw Cancelled();
  if (code != CURLE_OK) throw transport_error(code, options.server, said, request.timeout);
  // A connection that ends among the headers is a whole answer to libcurl, an empty one.
  if (!exchange.head_ended) throw transport_error(CURLE_PARTIAL_FILE, options.server, said, request.timeout);
  if (!exchange.give_head()) std::rethrow_exception(exchange.thrown);
}

Response Client::send(const Request& request) {
  constexpr std::size_t kMaxBody = 64u << 20;  // unpacked
  Response response;
  response.max_values = impl_->options.max_values;
  stream(
      request, [&](const Head& head) { static_cast<Head&>(response) = head; },
      [&](std::string_view piece) {
        if (response.body.size() + piece.size() > kMaxBody)
          throw Error(ErrorKind::too_large, fmt::format("the answer of {} is larger than {}: ask for less",
                                                        server(), human_bytes(kMaxBody)));
        response.body.append(piece);
      });
  return response;
}

Response Client::get(const std::string& path, const Params& params) {
  return send({.method = "GET", .path = with_params(path, params), .headers = {}, .body = {}});
}
Response Client::send_json(const std::string& method, const std::string& path,
                           const boost::json::value& body) {
  return send({.method = method,
               .path = path,
               .headers = {{"Content-Type", "application/json"}},
               .body = boost::json::serialize(body)});
}
Response Client::del(const std::string& path) {
  return send({.method = "DELETE", .path = path, .headers = {}, .body = {}});
}

std::string percent_encode(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.' || c == '~')
      out += static_cast<char>(c);
    else
      out += fmt::format("%{:02X}", c);
  }
  return out;
}

std::string with_params(const std::string& path, const Params& params) {
  std::string out = path;
  char separator = path.find('?') == path.npos ? '?' : '&';
  for (const auto& [name, value] : params) {
    out += separator + percent_encode(name) + "=" + percent_encode(value);
    separator = '&';
  }
  return out;
}

Request form_request(const Params& fields) {
  const auto query = with_params("", fields);
  return {.method = "POST",
          .path = {},
          .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
          .body = fields.empty() ? "" : query.substr(1)};
}

std::string normalize_server(std::string_view text) {
  std::string_view rest = trim(text);
  while (rest.ends_with('/')) rest.remove_suffix(1);
  const auto scheme_end = rest.find("://");
  const std::string scheme = scheme_end == rest.npos ? "" : to_lower(rest.substr(0, scheme_end));
  const std::string_view place = scheme.empty() ? std::string_view{} : rest.substr(scheme_end + 3);
  const std::string_view host = place.substr(0, place.find('/'));
  const bool plain =
      std::all_of(place.begin(), place.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; });
  if ((scheme != "http" && scheme != "https") || host.empty() || !plain || host.find('@') != host.npos ||
      place.find_first_of("?#") != place.npos)
    throw Error(
        ErrorKind::bad_request,
        fmt::format("'{}' is not a server address: it looks like https://agnes.example.com",
                    escape_control(host.find('@') == host.npos ? text : std::string_view("...@..."))));
  return scheme + "://" + to_lower(host) + std::string(place.substr(host.size()));
}

}  // namespace agnes::http_client
