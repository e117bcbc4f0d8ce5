#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "lib/base/json.h"
#include "lib/http/body_file.h"
#include "lib/http/caller.h"
#include "lib/http/executor.h"
#include "lib/http/request.h"
#include "lib/http/response.h"

// Routes declared once, with plain structs:
//
//   routes.post("/auth/tokens", {.auth = Auth::session, .status = 201, .tag = "tokens"},
//               [&](const Caller& caller, const CreateToken& body) -> TokenCreated { ... });
//
// A handler's parameters are found by their types, in any order:
//   const Request&                 the request
//   const Caller&                  who asks (routes with auth user, session or admin)
//   const std::optional<Caller>&   who asks, if they are signed in (auth optional)
//   const Body&                    a described struct (or a vector or map): the JSON body, checked;
//   std::optional<Body>
//                                  when it may be left out; boost::json::value for a body of any shape
//   const BodyFile&                an upload, written to a temporary file as it arrives (body_file.h)
//   const Query<T>&                a described struct from the query string (vectors take repeated
//   parameters) const Path<T>&                 a described struct from the path's {name} segments const
//   Param<"name">&           one path segment as text, Param<"n", int> as another type const Form<T>& a
//   described struct from an urlencoded or multipart form, with members of type File
// What it returns becomes the answer: a Response as it is, void is 204 without a body (`null` for another
// status), anything else is JSON with the route's status. A 422 lists everything that is wrong; it comes
// after 401 and 403.
namespace agnes::http {

enum class Auth {
  none,      // the authenticator is not asked
  optional,  // asked, but nobody is fine
  user,      // any account
  session,   // a signed-in person: personal tokens and the scheduler's are refused
  admin,     // a member of the Admin group
};

using SchemaOf = boost::json::object (*)(json::Components&);
// For RouteInfo: `.answer = schema_of<TableList>`.
template <class T>
constexpr SchemaOf schema_of = &json::schema<T>;

struct RouteInfo {
  Auth auth = Auth::user;
  int status = 0;  // of a good answer; 0 means 200, or 204 for a handler that returns nothing
  std::string tag = {}, summary = {}, description = {};
  bool page = false;  // for browsers: nobody is sent to /login?next=... instead of 401
  Executor executor = Executor::handlers;
  bool off = false;          // switched off: 404, as if it were not there; in the API document all the same
  bool hidden = false;       // not in the API document
  std::size_t max_body = 0;  // bytes; 0 means the server's limit
  // For the API document, where the handler's signature does not tell.
  SchemaOf answer = nullptr, body = nullptr, query = nullptr;
  std::string answer_type = {};                // media type of a Response that is not JSON
  std::vector<std::string> header_names = {};  // headers that it reads
};

template <class T>
struct Query {
  T value{};
  const T* operator->() const { return &value; }
  const T& operator*() const { return value; }
};
template <class T>
struct Path : Query<T> {};
template <class T>
struct Form : Query<T> {};

template <std::size_t N>
struct Name {
  char text[N];
  constexpr Name(const char (&literal)[N]) { std::copy_n(literal, N, text); }
  constexpr operator std::string_view() const { return {text, N - 1}; }
};
template <Name kName, class T = std::string>
struct Param : Query<T> {
  operator const T&() const { return this->value; }
};

struct ApiInfo {
  std::string title, version, description;
};

namespace detail {
// One call under way: collects what is wrong with its input.
struct Call {
  Call(const Request& request, std::optional<Caller> caller)
      : request(request), caller(std::move(caller)), reader(boost::json::array{"body"}) {}
  const Request& request;
  std::optional<Caller> caller;
  json::Reader reader;

  // The JSON body at loc ["body"]; null when there is none (that fails unless `may_miss`) or it cannot be
  // read.
  const boost::json::value* body(bool may_miss);
  boost::json::value query_values(const std::vector<json::detail::Member>& members, bool path);
  boost::json::value form_values(const std::vector<json::detail::Member>& members, FormData& form);
  std::string_view path_value(std::string_view name);

 private:
  std::optional<boost::json::value> body_;
};
struct Operation {
  SchemaOf query = nullptr, path = nullptr, body = nullptr, form = nullptr, answer = nullptr;
  bool body_optional = false, body_file = false;
  std::vector<std::pair<std::string_view, SchemaOf>> params;
};
using Handler = std::function<Response(Call&)>;

// How a parameter of type T is made (`get`), handed over (`pass`) and documented (`describe`).
template <class T>
struct Argument {
  using Held = T;
  static T get(Call& call) {
    T out{};
    if (const auto* value = call.body(false)) json::read(call.reader, *value, out);
    return out;
  }
  static const T& pass(const T& held) { return held; }
  static void describe(Operation& operation) { operation.body = &json::schema<T>; }
};
template <class T>
struct Argument<std::optional<T>> {
  using Held = std::optional<T>;
  static Held get(Call& call) {
    Held out;
    const auto* value = call.body(true);
    if (value != nullptr && !value->is_null()) json::read(call.reader, *value, out.emplace());
    return out;
  }
  static const Held& pass(const Held& held) { return held; }
  static void describe(Operation& operation) {
    operation.body = &json::schema<T>;
    operation.body_optional = true;
  }
};
template <>
struct Argument<Request> {
  using Held = const Request*;
  static Held get(Call& call) { return &call.request; }
  static const Request& pass(Held held) { return *held; }
  static void describe(Operation&) {}
};
template <>
struct Argument<BodyFile> {
  using Held = const BodyFile*;
  static Held get(Call& call);
  static const BodyFile& pass(Held held) { return *held; }
  static void describe(Operation& operation) { operation.body_file = true; }
};
template <>
struct Argument<Caller> {
  using Held = const Caller*;
  static Held get(Call& call);
  static const Caller& pass(Held held) { return *held; }
  static void describe(Operation&) {}
};
template <>
struct Argument<std::optional<Caller>> {
  using Held = const std::optional<Caller>*;
  static Held get(Call& call) { return &call.caller; }
  static const std::optional<Caller>& pass(Held held) { return *held; }
  static void describe(Operation&) {}
};
template <class T>
struct Argument<Query<T>> {
  using Held = Query<T>;
  static Held get(Call& call) {
    Held out;
    call.reader.restart({"query"}, true);
    json::read(call.reader, call.query_values(json::detail::members<T>(), false), out.value);
    return out;
  }
  static const Held& pass(const Held& held) { return held; }
  static void describe(Operation& operation) { operation.query = &json::detail::make_struct_schema<T>; }
};
template <class T>
struct Argument<Path<T>> {
  using Held = Path<T>;
  static Held get(Call& call) {
    Held out;
    call.reader.restart({"path"}, true);
    json::read(call.reader, call.query_values(json::detail::members<T>(), true), out.value);
    return out;
  }
  static const Held& pass(const Held& held) { return held; }
  static void describe(Operation& operation) { operation.path = &json::detail::make_struct_schema<T>; }
};
template <Name kName, class T>
struct Argument<Param<kName, T>> {
  using Held = Param<kName, T>;
  static Held get(Call& call) {
    Held out;
    call.reader.restart({"path", std::string_view(kName)}, true);
    json::read(call.reader, boost::json::value(call.path_value(kName)), out.value);
    return out;
  }
  static const Held& pass(const Held& held) { return held; }
  static void describe(Operation& operation) { operation.params.emplace_back(kName, &json::schema<T>); }
};
template <class T>
struct Argument<Form<T>> {
  using Held = Form<T>;
  static Held get(Call& call) {
    Held out;
    FormData data;
    call.reader.restart({"body"}, true);
    const auto values = call.form_values(json::detail::members<T>(), data);
    call.reader.context = &data;
    json::read(call.reader, values, out.value);
    call.reader.context = nullptr;
    return out;
  }
  static const Held& pass(const Held& held) { return held; }
  static void describe(Operation& operation) { operation.form = &json::detail::make_struct_schema<T>; }
};

template <class F>
struct Signature : Signature<decltype(&F::operator())> {};
template <class R, class... A>
struct Signature<R (*)(A...)> {
  using Return = R;
  template <class F>
  static Handler bind(F handler, int status) {
    return [handler = std::move(handler), status](Call& call) -> Response {
      // Braces: in order, as the parameters stand.
      std::tuple<typename Argument<std::remove_cvref_t<A>>::Held...> held{
          Argument<std::remove_cvref_t<A>>::get(call)...};
      call.reader.finish();
      return std::apply(
          [&](const auto&... argument) -> Response {
            if constexpr (std::is_same_v<R, Response>) {
              return handler(Argument<std::remove_cvref_t<A>>::pass(argument)...);
            } else if constexpr (std::is_void_v<R>) {
              handler(Argument<std::remove_cvref_t<A>>::pass(argument)...);
              return status == 204 ? Response(204) : Response::json(nullptr, status);
            } else {
              return Response::json_text(
                  json::to_text(handler(Argument<std::remove_cvref_t<A>>::pass(argument)...)), status);
            }
          },
          held);
    };
  }
  static Operation describe() {
    Operation operation;
    (Argument<std::remove_cvref_t<A>>::describe(operation), ...);
    if constexpr (!std::is_same_v<R, Response> && !std::is_void_v<R>)
      operation.answer = &json::schema<std::remove_cvref_t<R>>;
    return operation;
  }
};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...) const> : Signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct Signature<R (C::*)(A...)> : Signature<R (*)(A...)> {};
}  // namespace detail

// Everything that the server answers. Declare all routes before the server starts; after that it is only
// read, from many threads.
class Routes {
 public:
  // Who makes the request; nothing for nobody, with the reason to show in the 401 (empty: "Not
  // authenticated"). Called from many threads, also the network's own, so it should not wait for anything.
  using Authenticator = std::function<std::optional<Caller>(const Request&, std::string& reason)>;

  Routes();
  ~Routes();
  void set_authenticator(Authenticator authenticator);
  // Runs on every answer just before it is sent, errors included: for headers.
  void on_response(std::function<void(const Request&, Response&)> hook);

  // `pattern` is "/api/x/{name}/y/{rest:path}": {name} takes one segment, {name:path} all that follow (at
  // least one character). Fixed segments win over {name}, that over {name:path}. A GET route answers HEAD
  // too. Throws std::logic_error when the route exists.
  template <class F>
  void get(std::string pattern, RouteInfo info, F handler) {
    bind("GET", std::move(pattern), std::move(info), std::move(handler));
  }
  template <class F>
  void post(std::string pattern, RouteInfo info, F handler) {
    bind("POST", std::move(pattern), std::move(info), std::move(handler));
  }
  template <class F>
  void put(std::string pattern, RouteInfo info, F handler) {
    bind("PUT", std::move(pattern), std::move(info), std::move(handler));
  }
  template <class F>
  void patch(std::string pattern, RouteInfo info, F handler) {
    bind("PATCH", std::move(pattern), std::move(info), std::move(handler));
  }
  template <class F>
  void del(std::string pattern, RouteInfo info, F handler) {
    bind("DELETE", std::move(pattern), std::move(info), std::move(handler));
  }

  // Serves the files below `folder` at `prefix` ("/static"), without asking who it is. No dot files, no way
  // out of the folder, symbolic links included. "x.js.gz" beside "x.js" is sent instead where gzip is
  // accepted.
  void mount(std::string prefix, std::filesystem::path folder,
             std::string cache_control = "public, max-age=3600");
  // Asked for paths that no route has, before the 404.
  void fallback(std::function<std::optional<Response>(const Request&)> handler);

  // The OpenAPI 3.1 document of the routes.
  boost::json::object openapi(const ApiInfo& api) const;
  // Adds /openapi.json and the reference page at /docs. Call it last.
  void serve_docs(ApiInfo api);

  // For the server.
  struct Plan {
    Executor executor = Executor::handlers;
    bool authenticated = false;  // whether admit() finds out who asks
    bool body_file = false;
    std::size_t max_body = 0;     // 0: the server's limit
    bool exceeds_server = false;  // whether `max_body` holds beside a lower limit of the server's
  };
  Plan plan(Request& request) const;
  // Refuses (401, 403, 404, 405) what needs no body to be refused; nothing when the body should be read. Notes who
  // asks in the request's `routing`.
  std::optional<Response> admit(Request& request) const;
  // Whether who asked may ask still, while an answer is streamed: signed in, active, with the rights of the route.
  bool still_admits(const Request& request) const;
  // Answers. Throws nothing but Requeue: faults become 500 and are logged with the request's id.
  Response handle(Request& request) const;
  // For answers that the server itself makes (400, 408, 413, ...): runs the hooks.
  void finish(const Request& request, Response& response) const;

 private:
  struct Impl;
  template <class F>
  void bind(std::string_view method, std::string pattern, RouteInfo info, F handler) {
    using S = detail::Signature<F>;
    if (info.status == 0) info.status = std::is_void_v<typename S::Return> ? 204 : 200;
    const int status = info.status;
    add(method, std::move(pattern), std::move(info), S::bind(std::move(handler), status), &S::describe);
  }
  void add(std::string_view method, std::string pattern, RouteInfo info, detail::Handler handler,
           detail::Operation (*describe)());

  std::unique_ptr<Impl> impl_;
};

}  // namespace agnes::http
