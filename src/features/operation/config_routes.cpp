#include "features/operation/config_routes.h"

#include "app/config/address.h"
#include "app/config/form.h"
#include "app/config/masks.h"
#include "contract/settings.h"
#include "core/catalog/registry_rules.h"
#include "core/state/audit.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http_client/client.h"

namespace agnes::operation {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// A contract::Settings, with the members of objects in their order.
struct Settings {
  object sections;
  std::vector<std::string> editable_sections, danger_sections, secret_key_patterns;
  object known_fields;
  array settings;
  bool restart_pending = false;
};
BOOST_DESCRIBE_STRUCT(Settings, (),
                      (sections, editable_sections, danger_sections, secret_key_patterns, known_fields,
                       settings, restart_pending))

struct ChangeSettings {
  std::map<std::string, object> sections;
  bool confirm_danger = false;
  static constexpr json::Rule rules[] = {
      {.field = "sections",
       .description = "By section: what to change. Masked secrets stay as they are",
       .has_default = true},
      {.field = "confirm_danger",
       .description = "Needed for the sections auth and server",
       .has_default = true},
  };
};
BOOST_DESCRIBE_STRUCT(ChangeSettings, (), (sections, confirm_danger))

struct Changed {
  std::string status = "ok";
  bool restart_required = true;
  std::vector<std::string> sections_updated;
  std::size_t diff_count = 0;
  std::vector<std::string> overridden;
};
BOOST_DESCRIBE_STRUCT(Changed, (), (status, restart_required, sections_updated, diff_count, overridden))

struct Configure {
  std::string data_source;
  std::optional<std::string> keboola_token, keboola_url, bigquery_project, bigquery_location, instance_name,
      allowed_domain;
  static constexpr json::Rule rules[] = {
      {.field = "data_source", .description = "keboola, bigquery or local"}};

  void check(json::Check& check) const {
    if (data_source == "bigquery" && bigquery_project && !bigquery_project->empty() &&
        !catalog::is_project_id(*bigquery_project))
      check.field("bigquery_project", "Must be a project id: 6 to 30 lower case letters, digits and hyphens");
  }
};
BOOST_DESCRIBE_STRUCT(Configure, (),
                      (data_source, keboola_token, keboola_url, bigquery_project, bigquery_location,
                       instance_name, allowed_domain))

struct Configured {
  std::string status = "ok", data_source;
  std::string
      connection;  // verified: the source answered; not_checked; local: there is nothing to connect to
  bool restart_required = true;
  std::vector<std::string> overridden;
};
BOOST_DESCRIBE_STRUCT(Configured, (), (status, data_source, connection, restart_required, overridden))

template <class Range>
std::vector<std::string> texts(const Range& range) {
  return {std::begin(range), std::end(range)};
}

template <class Range>
std::vector<std::string> common(const object& sections, const Range& among) {
  std::vector<std::string> out;
  for (const auto& pair : sections)
    if (std::find(std::begin(among), std::end(among), std::string_view(pair.key())) != std::end(among))
      out.emplace_back(pair.key());
  std::sort(out.begin(), out.end());
  return out;
}

config::Overlay::Saved save(state::Store& store, config::Overlay& overlay, const state::Actor& actor,
                            const object& sections, const std::vector<std::string>& cleared = {}) {
  auto saved = overlay.save(sections, cleared);
  const auto dangerous = common(sections, config::danger_sections());
  store.write([&](state::Tx& tx) {
    state::record(tx, actor, "instance_config.update", "instance.yaml",
                  {{"sections", json::to_json(common(sections, config::editable_sections()))},
                   {"danger_sections", json::to_json(dangerous)},
                   {"diff", saved.diff},
                   {"diff_count", saved.diff.size()}});
  });
  log::info("settings: {} changed {} in {}; they count from the next start", actor.email, saved.diff.size(),
            join(common(sections, config::editable_sections()), ", "));
  return saved;
}

Changed change(state::Store& store, config::Overlay& overlay, const state::Actor& actor,
               const ChangeSettings& body) {
  if (body.sections.empty())
    throw Error(ErrorKind::invalid, "sections is empty: name at least one with what to change");
  object sections;
  std::vector<std::string> unknown;
  for (const auto& [name, part] : body.sections) sections[name] = part;
  const auto known = common(sections, config::editable_sections());
  for (const auto& pair : sections)
    if (std::find(known.begin(), known.end(), std::string_view(pair.key())) == known.end())
      unknown.push_back(escape_control(pair.key()));
  if (!unknown.empty())
    throw Error(ErrorKind::bad_request,
                fmt::format("no editable section: {}; there are {}", join(unknown, ", "),
                            join(texts(config::editable_sections()), ", ")));
  const auto dangerous = common(sections, config::danger_sections());
  if (!dangerous.empty() && !body.confirm_danger)
    throw Error(ErrorKind::bad_request,
                fmt::format("a mistake in {} can lock everybody out: send confirm_danger true to change it",
                            join(dangerous, " and ")));
  auto saved = save(store, overlay, actor, sections);
  return {
      .sections_updated = known, .diff_count = saved.diff.size(), .overridden = std::move(saved.overridden)};
}

// Asks Keboola who the token is; throws when there is no good answer.
void verify_keboola(const std::string& address, const std::string& token) {
  const auto addresses = config::public_addresses_of(address, "keboola_url");
  try {
    http_client::Client client({.server = address,
                                .token = {},
                                .user_agent = "agnes-server/" AGNES_VERSION,
                                .addresses = addresses});
    http_client::Request request;
    request.path = "/v2/storage/tokens/verify";
    request.headers = {{"X-StorageApi-Token", token}};
    const auto answer = client.send(request);
    if (answer.ok()) return;
    throw Error(
        ErrorKind::bad_request,
        fmt::format("Keboola does not take the token (HTTP {}); nothing was changed: check keboola_token",
                    answer.status));
  } catch (const http_client::TransportError& error) {
    throw Error(ErrorKind::bad_request,
                fmt::format("Keboola cannot be reached, so nothing was changed: {}", error.what()));
  }
}

// Where a language model's key is in the environment already, the parts that need one can start.
void add_language_model(object& sections, const config::Overlay& overlay) {
  if (overlay.written().contains("ai")) return;
  for (const char* variable : {"ANTHROPIC_API_KEY", "LLM_API_KEY"}) {
    if (!config::outside(variable)) continue;
    sections["ai"] = {{"provider", "anthropic"},
                      {"api_key", fmt::format("${{{}}}", variable)},
                      {"model", config::find_setting("corporate_memory.extraction.model")->fallback},
                      {"structured_output", "auto"}};
    return;
  }
}

bool given(const std::optional<std::string>& text) {
  return text && !trim(*text).empty();
}

Configured configure(state::Store& store, config::Overlay& overlay, const state::Actor& actor,
                     const Configure& body) {
  Configured out;
  out.data_source = body.data_source;
  out.connection = "local";
  object source{{"type", body.data_source}};
  std::vector<std::string> cleared;
  if (body.data_source == "keboola") {
    if (!given(body.keboola_token) || !given(body.keboola_url))
      throw Error(ErrorKind::bad_request, "Keboola needs keboola_token and keboola_url");
    verify_keboola(*body.keboola_url, *body.keboola_token);
    source["keboola"] = {{"stack_url", *body.keboola_url},
                         {"token_env", "KEBOOLA_STORAGE_TOKEN"},
                         {"storage_token", *body.keboola_token}};
    out.connection = "verified";
  } else if (body.data_source == "bigquery") {
    if (!given(body.bigquery_project)) throw Error(ErrorKind::bad_request, "BigQuery needs bigquery_project");
    source["bigquery"] = {{"project", *body.bigquery_project},
                          {"location", given(body.bigquery_location) ? *body.bigquery_location : "us"}};
    out.connection = "not_checked";
  } else if (body.data_source != "local") {
    throw Error(ErrorKind::bad_request, "data_source must be keboola, bigquery or local");
  }
  // A source is set anew, not merged with what a former one of its kind had; others stay for going back to
  // them.
  if (body.data_source != "local") cleared.push_back("data_source." + body.data_source);
  object sections{{"data_source", std::move(source)}};
  if (given(body.instance_name)) sections["instance"] = {{"name", *body.instance_name}};
  if (given(body.allowed_domain)) sections["auth"] = {{"allowed_domain", *body.allowed_domain}};
  add_language_model(sections, overlay);
  out.overridden = save(store, overlay, actor, sections, cleared).overridden;
  return out;
}

}  // namespace

void add_config_routes(http::Routes& routes, state::Store& store, config::Overlay& overlay) {
  using http::Auth;
  routes.get("/api/admin/server-config",
             {.auth = Auth::admin,
              .tag = "settings",
              .summary = "Every setting: what it is, what is set, secrets masked",
              .answer = http::schema_of<contract::Settings>},
             [&overlay, fields = config::known_fields()] {
               return Settings{config::shown_sections(overlay),
                               texts(config::editable_sections()),
                               texts(config::danger_sections()),
                               texts(config::kSecretPatterns),
                               fields,
                               config::setting_list(overlay),
                               overlay.restart_pending()};
             });
  routes.post("/api/admin/server-config",
              {.auth = Auth::admin, .tag = "settings", .summary = "Change settings: what is left out stays"},
              [&store, &overlay](const http::Request& request, const http::Caller& caller,
                                 const ChangeSettings& body) {
                return change(store, overlay, state::Actor::of(caller, request.client_address()), body);
              });
  routes.post(
      "/api/admin/configure", {.auth = Auth::admin, .tag = "settings", .summary = "Set up a data source"},
      [&store, &overlay](const http::Request& request, const http::Caller& caller, const Configure& body) {
        return configure(store, overlay, state::Actor::of(caller, request.client_address()), body);
      });
}

}  // namespace agnes::operation
