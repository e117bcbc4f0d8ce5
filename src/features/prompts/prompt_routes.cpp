#include "features/prompts/prompt_routes.h"

#include <array>

#include "lib/base/error.h"

namespace agnes::prompts {

namespace {

struct WelcomeQuery {
  std::optional<std::string> server_url;
};
BOOST_DESCRIBE_STRUCT(WelcomeQuery, (), (server_url))

struct Text {
  std::string content;
};
BOOST_DESCRIBE_STRUCT(Text, (), (content))

struct TemplateBody {
  std::string content;
  static constexpr json::Rule rules[] = {{.field = "content", .min_length = 1, .max_length = 200'000}};
};
BOOST_DESCRIBE_STRUCT(TemplateBody, (), (content))

struct StoredTemplate {
  std::optional<std::string> content;
  std::string default_;          // filled in for who asks
  std::string default_template;  // and as it was written, to begin with
  std::optional<Timestamp> updated_at;
  std::optional<std::string> updated_by;
  static constexpr json::Rule rules[] = {{.field = "default_", .description = "The default, filled in"}};
};
BOOST_DESCRIBE_STRUCT(StoredTemplate, (), (content, default_, default_template, updated_at, updated_by))

struct StoredGuide : StoredTemplate {
  std::vector<std::string> legacy_strings_detected;  // commands and folders of earlier clients in `content`
};
BOOST_DESCRIBE_STRUCT(StoredGuide, (StoredTemplate), (legacy_strings_detected))

struct Saved {
  std::string status = "ok";
};
BOOST_DESCRIBE_STRUCT(Saved, (), (status))

StoredTemplate stored_template(const Prompts& prompts, Kind kind, const http::Caller& caller,
                               const std::string& address) {
  auto stored = prompts.stored(kind);
  return {std::move(stored.content), prompts.render(kind, default_template(kind), caller, address),
          std::string(default_template(kind)), stored.updated_at, std::move(stored.updated_by)};
}

std::vector<std::string> legacy_strings(const std::string& text) {
  std::vector<std::string> out;
  for (const char* old :
       {"da analyst setup", "da fetch", "da metrics list", "da metrics show", "da sync", "data/parquet"})
    if (text.find(old) != std::string::npos) out.emplace_back(old);
  return out;
}

template <class Work>
auto with_template_named(Work work) {
  try {
    return work();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::bad_request) throw;
    throw Error(error.kind(), fmt::format("the template cannot be filled in: {}", error.what()));
  }
}

void add_template_routes(http::Routes& routes, Prompts& prompts, const app::PublicAddress& address, Kind kind,
                         const std::string& path, const std::string& what) {
  using http::Auth;
  using http::Caller;
  using http::Request;
  if (kind == Kind::setup)
    routes.get(path, {.auth = Auth::admin, .tag = "workspace", .summary = "The template of " + what},
               [&prompts, address](const Request& request, const Caller& caller) {
                 return stored_template(prompts, Kind::setup, caller, address.for_request(request));
               });
  else
    routes.get(path, {.auth = Auth::admin, .tag = "workspace", .summary = "The template of " + what},
               [&prompts, address](const Request& request, const Caller& caller) {
                 StoredGuide out{
                     stored_template(prompts, Kind::workspace, caller, address.for_request(request)), {}};
                 out.legacy_strings_detected = legacy_strings(out.content.value_or(""));
                 return out;
               });
  routes.put(path, {.auth = Auth::admin, .tag = "workspace", .summary = "Replace the template of " + what},
             [&prompts, kind](const Request& request, const Caller& caller, const TemplateBody& body) {
               with_template_named([&] {
                 prompts.save(kind, body.content, state::Actor::of(caller, request.client_address()));
                 return 0;
               });
               return Saved{};
             });
  routes.del(path, {.auth = Auth::admin, .tag = "workspace", .summary = "Go back to the default of " + what},
             [&prompts, kind](const Request& request, const Caller& caller) {
               prompts.reset(kind, state::Actor::of(caller, request.client_address()));
             });
  routes.post(
      path + "/preview",
      {.auth = Auth::admin, .tag = "workspace", .summary = "Fill in a template, keeping nothing"},
      [&prompts, address, kind](const Request& request, const Caller& caller, const TemplateBody& body) {
        return with_template_named(
            [&] { return Text{prompts.render(kind, body.content, caller, address.for_request(request))}; });
      });
}

}  // namespace

void add_prompt_routes(http::Routes& routes, Prompts& prompts, const app::PublicAddress& address) {
  routes.get("/api/welcome", {.tag = "workspace", .summary = "The guide for an analyst's workspace"},
             [&prompts, address](const http::Caller& caller, const http::Request& request,
                                 const http::Query<WelcomeQuery>& query) {
               return Text{prompts.text(Kind::workspace, caller,
                                        query->server_url.value_or(address.for_request(request)))};
             });
  add_template_routes(routes, prompts, address, Kind::setup, "/api/admin/welcome-template",
                      "the text for setting up a machine");
  add_template_routes(routes, prompts, address, Kind::workspace, "/api/admin/workspace-prompt-template",
                      "the guide for workspaces");
}

}  // namespace agnes::prompts
