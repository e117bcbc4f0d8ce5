#include "lib/http/routes.h"

#include <cerrno>

#include <fcntl.h>
#include <re2/re2.h>

#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/openapi.h"
#include "lib/http/route_table.h"

namespace agnes::http {

namespace {

// Compiled once each: the patterns are the program's own, so there are few.
bool matches_pattern(std::string_view text, std::string_view pattern) {
  static std::shared_mutex mutex;
  static std::map<std::string, std::unique_ptr<re2::RE2>, std::less<>> compiled;
  const re2::StringPiece subject(text.data(), text.size());
  {
    const std::shared_lock lock(mutex);
    if (const auto found = compiled.find(pattern); found != compiled.end())
      return re2::RE2::PartialMatch(subject, *found->second);
  }
  const std::unique_lock lock(mutex);
  auto& entry = compiled[std::string(pattern)];
  if (entry == nullptr) entry = std::make_unique<re2::RE2>(std::string(pattern));
  return re2::RE2::PartialMatch(subject, *entry);
}

Response unauthenticated(const Request& request, const RouteInfo& info, const std::string& reason) {
  if (info.page && (request.method() == "GET" || request.method() == "HEAD")) {
    Response response = Response::redirect("/login?next=" + percent_encode(request.target()));
    response.header("Cache-Control", "no-store");
    return response;
  }
  Response response =
      Response::error(401, boost::json::string(reason.empty() ? "Not authenticated" : reason));
  response.header("WWW-Authenticate", "Bearer");
  return response;
}

Response not_allowed(unsigned allowed) {
  Response response = Response::error(405, "Method Not Allowed");
  response.header("Allow", allowed_names(allowed));
  return response;
}

// The same path with or without a slash at its end.
std::string other_slash(const std::string& path) {
  return path.ends_with('/') ? path.substr(0, path.size() - 1) : path + '/';
}

// Bodies are read into memory and take more there than on the wire, so a route takes what its input needs: who asks is
// not known on routes without authentication, and GET, HEAD and DELETE have none to speak of.
constexpr std::size_t kSmallBody = 64 << 10, kJsonBody = 4 << 20;
// An array of zeros takes twelve times its text.
constexpr std::size_t kMaxJsonValues = 250'000;

std::size_t body_limit(const Route& route) {
  if (route.info.max_body > 0) return route.info.max_body;
  if (route.body_file) return 0;
  const std::string_view method = route.method;
  const bool is_small =
      route.info.auth == Auth::none || method == "GET" || method == "HEAD" || method == "DELETE";
  return is_small ? kSmallBody : kJsonBody;
}

// Opens a file below a folder, in which hidden ones are not to be seen.
UniqueFd open_below(const fs::path& folder, std::string_view path, const std::string& ending) {
  for (const auto& part : split(path, '/'))
    if (part.empty() || part.starts_with('.')) return UniqueFd();
  return open_beneath(folder, std::string(path) + ending);
}

bool accepts_gzip_files(const Request& request) {
  return request.header("accept-encoding").find("gzip") != std::string_view::npos &&
         !request.has_header("range");
}

}  // namespace

struct Routes::Impl {
  RouteTable table;
  Authenticator authenticator;
  std::vector<std::function<void(const Request&, Response&)>> hooks;
  std::function<std::optional<Response>(const Request&)> fallback;

  const Route* find(Request& request) const {
    if (!request.routing.done) {
      Pairs params;
      const auto found = table.find(request.method(), request.path(), params);
      request.set_params(std::move(params));
      request.routing = {true, found.route, found.allowed, {}};
    }
    const auto* route = static_cast<const Route*>(request.routing.route);
    return route != nullptr && route->info.off ? nullptr : route;
  }

  // The answer for a path without a route, or with one for other methods.
  Response missing(Request& request) const {
    if (request.routing.allowed != 0) return not_allowed(request.routing.allowed);
    if (fallback)
      if (auto response = fallback(request)) return std::move(*response);
    Pairs ignored;
    const std::string other = other_slash(request.path());
    const Route* there =
        other.starts_with("//") ? nullptr : table.find(request.method(), other, ignored).route;
    if (there != nullptr && !there->info.off) {
      const std::string& target = request.target();
      const auto query = target.find('?');
      return Response::redirect(
          percent_encode(other, true) + (query == std::string::npos ? "" : target.substr(query)), 307);
    }
    return Response::error(404, "Not Found");
  }

  // Who asks; or the refusal.
  std::optional<Response> authorise(const Request& request, const RouteInfo& info,
                                    std::optional<Caller>& caller) const {
    if (info.auth == Auth::none) return std::nullopt;
    std::string reason;
    if (authenticator) caller = authenticator(request, reason);
    if (info.auth == Auth::optional) return std::nullopt;
    if (!caller) return unauthenticated(request, info, reason);
    const bool is_session = caller->token_kind == Caller::TokenKind::session ||
                            caller->token_kind == Caller::TokenKind::local_dev;
    if (info.auth == Auth::session && !is_session)
      return Response::error(403, "Only a signed-in session may do this, not a token: sign in first");
    if (info.auth == Auth::admin && !caller->is_admin)
      return Response::error(403, "Only members of the Admin group may do this");
    return std::nullopt;
  }

  Response answer(Request& request) const {
    const Route* route = find(request);
    if (route == nullptr) return missing(request);
    std::optional<Caller> caller;
    if (auto refusal = authorise(request, route->info, caller)) return std::move(*refusal);
    if (caller) request.routing.caller = caller->user_id;
    detail::Call call(request, std::move(caller));
    return route->handler(call);
  }

  Response fault(const Request& request, std::string_view what) const {
    if (log::enabled(log::Level::error))
      log::write(
          log::Level::error,
          fmt::format("{} {} failed, request {}: {}", request.method(), request.path(), request.id(), what),
          request.id());
    return Response::json(
        boost::json::object{{"detail", "Internal server error"}, {"request_id", request.id()}}, 500);
  }

  // Turns whatever `make` throws into its answer.
  template <class F>
  Response guarded(const Request& request, F make) const {
    try {
      return make();
    } catch (const Requeue&) {
      throw;
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::internal) return fault(request, error.what());
      Response response = Response::error(http_status(error.kind()), error.detail());
      if (error.kind() == ErrorKind::unauthenticated) response.header("WWW-Authenticate", "Bearer");
      return response;
    } catch (const std::exception& error) {
      return fault(request, error.what());
    } catch (...) {
      return fault(request, "unknown exception");
    }
  }
};

Routes::Routes() : impl_(std::make_unique<Impl>()) {
  json::set_pattern_matcher(&matches_pattern);
}
Routes::~Routes() = default;

void Routes::set_authenticator(Authenticator authenticator) {
  impl_->authenticator = std::move(authenticator);
}
void Routes::on_response(std::function<void(const Request&, Response&)> hook) {
  impl_->hooks.push_back(std::move(hook));
}
void Routes::fallback(std::function<std::optional<Response>(const Request&)> handler) {
  impl_->fallback = std::move(handler);
}

void Routes::add(std::string_view method, std::string pattern, RouteInfo info, detail::Handler handler,
                 detail::Operation (*describe)()) {
  const bool body_file = describe().body_file;
  impl_->table.add(Route{
      std::string(method), std::move(pattern), std::move(info), std::move(handler), describe, body_file, {}});
}

void Routes::mount(std::string prefix, fs::path folder, std::string cache_control) {
  get(prefix + "/{path:path}", {.auth = Auth::none, .hidden = true},
      [folder = std::move(folder), cache_control = std::move(cache_control)](const Request& request) {
        const std::string& path = request.param("path");
        const std::string_view name = std::string_view(path).substr(path.rfind('/') + 1);
        UniqueFd compressed = accepts_gzip_files(request) ? open_below(folder, path, ".gz") : UniqueFd();
        const bool is_packed = static_cast<bool>(compressed);
        if (!is_packed) compressed = open_below(folder, path, "");
        if (!compressed) return Response::error(404, "Not Found");
        Response response =
            Response::file(FileBody::of(std::move(compressed), name, std::string(content_type_of(name))));
        if (is_packed) response.header("Content-Encoding", "gzip");
        response.header("Vary", "Accept-Encoding");
        response.header("Cache-Control", cache_control);
        return response;
      });
}

boost::json::object Routes::openapi(const ApiInfo& api) const {
  return make_openapi(api, impl_->table.routes());
}

void Routes::serve_docs(ApiInfo api) {
  // Made when first asked for: it takes longer than the rest of a start.
  struct Documents {
    std::once_flag once;
    std::shared_ptr<const SharedText> json, page;
  };
  auto documents = std::make_shared<Documents>();
  auto made = [this, documents, api = std::move(api)]() -> const Documents& {
    std::call_once(documents->once, [&] {
      const auto document = openapi(api);
      documents->json = std::make_shared<SharedText>(boost::json::serialize(document));
      documents->page = std::make_shared<SharedText>(make_reference_page(document));
    });
    return *documents;
  };
  get("/openapi.json", {.auth = Auth::none, .hidden = true},
      [made](const Request&) { return Response::shared_json({made().json}); });
  get("/docs", {.auth = Auth::none, .hidden = true}, [made](const Request&) {
    Response response = Response::html("");
    response.body = SharedBody{made().page};
    response.header("Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'");
    return response;
  });
}

Routes::Plan Routes::plan(Request& request) const {
  const Route* route = impl_->find(request);
  if (route == nullptr) return {.max_body = kSmallBody};
  const RouteInfo& info = route->info;
  return {info.executor, info.auth != Auth::none, route->body_file, body_limit(*route), info.max_body > 0};
}

std::optional<Response> Routes::admit(Request& request) const {
  std::optional<Response> refusal;
  Response fault = impl_->guarded(request, [&]() -> Response {
    const Route* route = impl_->find(request);
    std::optional<Caller> caller;
    if (route == nullptr)
      refusal = impl_->missing(request);
    else
      refusal = impl_->authorise(request, route->info, caller);
    if (caller) request.routing.caller = caller->user_id;
    return Response(0);
  });
  if (fault.status != 0) refusal = std::move(fault);
  if (refusal) finish(request, *refusal);
  return refusal;
}

bool Routes::still_admits(const Request& request) const {
  const auto* route = static_cast<const Route*>(request.routing.route);
  if (route == nullptr) return true;
  std::optional<Caller> caller;
  try {
    return !impl_->authorise(request, route->info, caller);
  } catch (const std::exception&) {
    return false;
  }
}

Response Routes::handle(Request& request) const {
  Response response = impl_->guarded(request, [&] { return impl_->answer(request); });
  finish(request, response);
  return response;
}

void Routes::finish(const Request& request, Response& response) const {
  for (const auto& hook : impl_->hooks) {
    try {
      hook(request, response);
    } catch (const std::exception& error) {
      log::error("a response hook failed, request {}: {}", request.id(), error.what());
    }
  }
}

namespace detail {

const boost::json::value* Call::body(bool may_miss) {
  reader.restart({"body"}, false);
  if (request.body().empty()) {
    if (!may_miss) reader.fail("missing", "Field required", nullptr);
    return nullptr;
  }
  if (!request.is_json()) {
    // Also what keeps a form on a foreign page from posting here in a signed-in visitor's name.
    const auto shown = std::string_view(request.body()).substr(0, 200);
    reader.fail("model_attributes_type", "Must be JSON: send it with Content-Type: application/json",
                is_utf8(shown) ? boost::json::value(shown) : boost::json::value());
    return nullptr;
  }
  if (!body_) {
    if (json::count_values(request.body()) > kMaxJsonValues)
      throw Error(ErrorKind::too_large, fmt::format("The body has more than {} values", kMaxJsonValues));
    body_ = json::parse(request.body());
  }
  return &*body_;
}

boost::json::value Call::query_values(const std::vector<json::detail::Member>& members, bool path) {
  boost::json::object values;
  for (const auto& member : members) {
    if (path) {
      for (const auto& [name, value] : request.params())
        if (name == member.key) values[member.key] = value;
    } else if (member.list) {
      boost::json::array list;
      for (auto& value : request.query_all(member.key)) list.emplace_back(std::move(value));
      if (!list.empty()) values.emplace(member.key, std::move(list));
    } else if (auto value = request.query(member.key)) {
      values.emplace(member.key, std::move(*value));
    }
  }
  return values;
}

boost::json::value Call::form_values(const std::vector<json::detail::Member>& members, FormData& form) {
  if (request.is_form()) form = request.form();
  boost::json::object values;
  for (const auto& member : members) {
    boost::json::array found;
    for (const auto& [name, value] : form.fields)
      if (name == member.key) found.emplace_back(value);
    for (std::uint64_t i = 0; i < form.files.size(); ++i) {
      const auto& [name, file] = form.files[i];
      // A file input left empty is sent as a file without a name.
      if (name == member.key && !(file.filename.empty() && file.data.empty())) found.emplace_back(i);
    }
    if (found.empty()) continue;
    if (member.list)
      values.emplace(member.key, std::move(found));
    else
      values.emplace(member.key, std::move(found.back()));
  }
  return values;
}

std::string_view Call::path_value(std::string_view name) {
  return request.param(name);
}

const BodyFile* Argument<BodyFile>::get(Call& call) {
  const BodyFile* file = call.request.body_file();
  call.reader.restart({"body", "file"}, false);
  if (file == nullptr) call.reader.fail("missing", "Field required", nullptr);
  return file;
}

const Caller* Argument<Caller>::get(Call& call) {
  if (!call.caller) throw std::logic_error("a handler asks for its caller on a route that may have none");
  return &*call.caller;
}

}  // namespace detail

}  // namespace agnes::http
