#include "lib/http/openapi.h"

#include "lib/base/text.h"

namespace agnes::http {

namespace bj = boost::json;

namespace {

std::string_view text_of(const bj::object& object, std::string_view key) {
  const bj::value* found = object.if_contains(key);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

// "/x/{rest:path}" -> "/x/{rest}"
std::string shown_path(const Route& route) {
  std::string out = route.pattern;
  if (const auto at = out.find(":path}"); at != std::string::npos) out.erase(at, 5);
  return out;
}

// GET /api/v2/sample/{table_id} -> get_api_v2_sample_table_id
std::string operation_id(const Route& route) {
  std::string out = to_lower(route.method);
  for (const auto& part : split(shown_path(route), '/')) {
    if (part.empty()) continue;
    out += '_';
    for (char c : part)
      if (std::isalnum(static_cast<unsigned char>(c)) || c == '_')
        out += c;
      else if (c == '-' || c == '.')
        out += '_';
  }
  return out;
}

void add_parameters(bj::array& parameters, std::string_view in, const bj::object& schema) {
  const bj::value* required = schema.if_contains("required");
  for (const auto& [name, property] : schema.at("properties").as_object()) {
    const bool must =
        in == "path" || (required != nullptr && std::count(required->as_array().begin(),
                                                           required->as_array().end(), bj::value(name)) > 0);
    parameters.push_back({{"name", name}, {"in", in}, {"required", must}, {"schema", property}});
  }
}

bj::object content(std::string_view type, bj::object schema) {
  return {{"content", {{type, {{"schema", std::move(schema)}}}}}};
}

// A parameter struct is not a body: it is spelled out where it is used.
bj::object spelled_out(SchemaOf make, json::Components& components) {
  bj::object schema = make(components);
  const std::string_view reference = text_of(schema, "$ref");
  if (reference.empty()) return schema;
  return components.schemas().at(reference.substr(reference.rfind('/') + 1)).as_object();
}

bool has_file(const bj::value& schema) {
  if (const auto* object = schema.if_object()) {
    if (text_of(*object, "format") == "binary") return true;
    return std::any_of(object->begin(), object->end(),
                       [](const auto& entry) { return has_file(entry.value()); });
  }
  if (const auto* array = schema.if_array()) return std::any_of(array->begin(), array->end(), has_file);
  return false;
}

std::string_view auth_name(Auth auth) {
  switch (auth) {
    case Auth::none:
    case Auth::optional:
      return "anyone";
    case Auth::user:
      return "user";
    case Auth::session:
      return "session";
    case Auth::admin:
      return "admin";
  }
  return "";
}

// Every status but the good one. Which of them a handler throws is not declared, so an operation names those that its
// kind can answer.
void add_refusals(bj::object& responses, const Route& route, const detail::Operation& operation,
                  bool has_parameters) {
  const RouteInfo& info = route.info;
  const auto refuse = [&](std::initializer_list<std::string_view> statuses, std::string_view response) {
    for (const auto status : statuses)
      responses.emplace(status, bj::object{{"$ref", fmt::format("#/components/responses/{}", response)}});
  };
  const bool has_body =
      operation.form != nullptr || operation.body != nullptr || operation.body_file || info.body != nullptr;
  const bool for_browsers = info.page || info.answer_type.starts_with("text/html");
  const std::string_view error = for_browsers ? "ErrorPage" : "Error";
  if (for_browsers) refuse({"302", "303", "307"}, "Moved");
  if (info.auth != Auth::none && info.auth != Auth::optional) refuse({"401", "403"}, error);
  // Those that anybody may ask take passwords and links, which may be wrong.
  if (has_parameters || has_body) {
    refuse({"400", "401", "403", "404"}, error);
    refuse({"422"}, "Invalid");
  }
  if (info.off || !info.answer_type.empty()) refuse({"404"}, error);
  if (has_body) refuse({"408", "413", "415"}, error);
  if (route.method != "GET") refuse({"409", "412"}, error);
  // Files and what is cached by its ETag answer conditions.
  if (route.method == "GET") refuse({"304", "412"}, "Unchanged");
  if (route.method == "GET" && !info.answer_type.empty()) refuse({"206", "416"}, "Part");
  // Who is waited for there may not answer, or too late.
  if (info.executor == Executor::tasks || info.executor == Executor::query) refuse({"502", "504"}, error);
  refuse({"429", "500", "503", "default"}, error);
}

// A schema of events would be one of each event's data.
bj::object text_schema(std::string_view type) {
  if (type == "text/event-stream") return {{"description", "Server-sent events"}};
  return {{"type", "string"}};
}

bj::object describe(const Route& route, json::Components& components) {
  const RouteInfo& info = route.info;
  const detail::Operation operation = route.describe();
  bj::array parameters;
  bj::object typed_path;
  if (operation.path != nullptr)
    typed_path = spelled_out(operation.path, components).at("properties").as_object();
  for (const auto& [name, schema] : operation.params) typed_path[name] = schema(components);
  for (const auto& name : route.names) {
    const bj::value* typed = typed_path.if_contains(name);
    parameters.push_back({{"name", name},
                          {"in", "path"},
                          {"required", true},
                          {"schema", typed != nullptr ? *typed : bj::value{{"type", "string"}}}});
  }
  for (const SchemaOf query : {operation.query, info.query})
    if (query != nullptr) add_parameters(parameters, "query", spelled_out(query, components));
  std::vector<std::string> header_names = info.header_names;
  if (info.auth != Auth::none) header_names.emplace_back("authorization");
  for (const auto& name : header_names)
    parameters.push_back(
        {{"name", name}, {"in", "header"}, {"required", false}, {"schema", {{"type", "string"}}}});

  bj::object out{{"operationId", operation_id(route)}};
  if (!info.tag.empty()) out.emplace("tags", bj::array{info.tag});
  out.emplace("summary", info.summary.empty() ? operation_id(route) : info.summary);
  if (!info.description.empty()) out.emplace("description", info.description);
  const bool has_input = !parameters.empty();
  if (has_input) out.emplace("parameters", std::move(parameters));
  if (operation.form != nullptr) {
    bj::object form = operation.form(components);
    const char* type = has_file(form) ? "multipart/form-data" : "application/x-www-form-urlencoded";
    // One that may be empty may be missing.
    const bool required = form.contains("required");
    bj::object body = content(type, std::move(form));
    body.emplace("required", required);
    out.emplace("requestBody", std::move(body));
  } else if (operation.body_file) {
    const bj::object file{{"type", "string"}, {"format", "binary"}};
    bj::object body = content("application/octet-stream", file);
    bj::object form{{"type", "object"}, {"properties", {{"file", file}}}, {"required", bj::array{"file"}}};
    body.at("content").as_object().emplace("multipart/form-data", bj::object{{"schema", std::move(form)}});
    body.emplace("required", true);
    out.emplace("requestBody", std::move(body));
  } else if (const SchemaOf body_schema = info.body != nullptr ? info.body : operation.body) {
    bj::object schema = body_schema(components);
    if (operation.body_optional && !schema.empty())
      schema = {{"anyOf", {std::move(schema), {{"type", "null"}}}}};
    bj::object body = content("application/json", std::move(schema));
    body.emplace("required", !operation.body_optional);
    out.emplace("requestBody", std::move(body));
  }

  bj::object responses;
  bj::object good{{"description", "Done"}};
  const SchemaOf answer = info.answer != nullptr ? info.answer : operation.answer;
  if (answer != nullptr)
    good.emplace("content", content("application/json", answer(components)).at("content"));
  else if (!info.answer_type.empty())
    good.emplace("content", content(info.answer_type, text_schema(info.answer_type)).at("content"));
  else if (info.page)
    good.emplace("content", content("text/html", {{"type", "string"}}).at("content"));
  responses.emplace(std::to_string(info.status), std::move(good));
  add_refusals(responses, route, operation, has_input);
  out.emplace("responses", std::move(responses));
  // An extension: OpenAPI's own `security` cannot tell an admin from another signed-in user.
  out.emplace("x-auth", auth_name(info.auth));
  if (info.auth != Auth::none) {
    bj::array security{bj::object{{"bearer", bj::array()}}, bj::object{{"session", bj::array()}}};
    if (info.auth == Auth::optional) security.push_back(bj::object());
    out.emplace("security", std::move(security));
  }
  return out;
}

bj::object common_responses() {
  const bj::object problem = {{"type", "object"},
                              {"properties",
                               {{"type", {{"type", "string"}}},
                                {"loc", {{"type", "array"}}},
                                {"msg", {{"type", "string"}}},
                                {"input", bj::object()}}}};
  bj::object error =
      content("application/json", {{"type", "object"}, {"properties", {{"detail", bj::object()}}}});
  error.emplace("description", "Refused; `detail` says why");
  bj::object invalid = content(
      "application/json",
      {{"type", "object"},
       {"properties",
        {{"detail",
          {{"anyOf",
            {{{"type", "array"}, {"items", problem}}, {{"type", "string"}}, {{"type", "object"}}}}}}}}});
  invalid.emplace("description", "The input is not valid; `detail` lists every problem with its place");
  bj::object page = error;
  page.at("content").as_object().emplace("text/html", bj::object{{"schema", {{"type", "string"}}}});
  return {{"Error", std::move(error)},
          {"ErrorPage", std::move(page)},
          {"Invalid", std::move(invalid)},
          {"Unchanged", {{"description", "What the request's condition says of the content; no body"}}},
          {"Moved", {{"description", "The browser is sent elsewhere, to sign in for example; no body"}}},
          {"Part", {{"description", "The range that was asked for, or none of it"}}}};
}

}  // namespace

bj::object make_openapi(const ApiInfo& api, const std::vector<std::unique_ptr<Route>>& routes) {
  json::Components components;
  std::map<std::string, bj::object> paths;
  for (const auto& route : routes)
    if (!route->info.hidden)
      paths[shown_path(*route)].emplace(to_lower(route->method), describe(*route, components));
  bj::object shown;
  for (auto& [path, operations] : paths) shown.emplace(path, std::move(operations));
  return {{"openapi", "3.1.0"},
          {"info", {{"title", api.title}, {"version", api.version}, {"description", api.description}}},
          {"paths", std::move(shown)},
          {"components",
           {{"schemas", components.schemas()},
            {"responses", common_responses()},
            {"securitySchemes",
             {{"bearer", {{"type", "http"}, {"scheme", "bearer"}}},
              {"session", {{"type", "apiKey"}, {"in", "cookie"}, {"name", "access_token"}}}}}}}};
}

}  // namespace agnes::http
