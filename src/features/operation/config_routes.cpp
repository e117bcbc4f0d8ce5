#include "features/operation/config_routes.h"

#include "app/config/form.h"
#include "app/config/masks.h"
#include "contract/settings.h"
#include "core/catalog/registry_rules.h"
#include "core/catalog/source_kind.h"
#include "core/state/audit.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::operation {

namespace {

// The body of POST /api/admin/configure, and beside it the fields of each kind of source: SourceKind::setup.
struct Configure {
  std::string data_source;
  std::optional<std::string> instance_name, allowed_domain;
  std::map<std::string, std::string, std::less<>> fields =
      {};  // of kinds of source, where they are not blank
  static constexpr json::Rule rules[] = {
      {.field = "data_source", .description = "local, or the type of the source that is set up"}};
};
BOOST_DESCRIBE_STRUCT(Configure, (), (data_source, instance_name, allowed_domain))

}  // namespace

}  // namespace agnes::operation

template <>
struct agnes::json::Codec<agnes::operation::Configure> {
  static bool read(Reader& reader, const boost::json::value& value, operation::Configure& out) {
    bool good = detail::read_struct(reader, value, &out, detail::members<operation::Configure>(), nullptr);
    if (!value.is_object()) return false;
    for (const auto& kind : catalog::source_kinds())
      for (const auto& field : kind.setup)
        good = read_field(reader, value.get_object(), field, out.data_source == kind.type, out) && good;
    return good;
  }
  static boost::json::object schema(Components& components) {
    using T = operation::Configure;
    return components.reference(typeid(T), typeid(T).name(), make_schema);
  }

 private:
  static boost::json::object make_schema(Components& components) {
    auto out = detail::make_struct_schema<operation::Configure>(components);
    auto& properties = out.at("properties").as_object();
    for (const auto& kind : catalog::source_kinds())
      for (const auto& field : kind.setup)
        if (!field.field.empty())
          properties[field.field] = {
              {"anyOf", {{{"type", "string"}}, {{"type", "null"}}}},
              {"description", fmt::format("data_source.{}.{}", kind.type, field.setting)}};
    return out;
  }
  static bool read_field(Reader& reader, const boost::json::object& body, const catalog::SetupField& field,
                         bool wanted, operation::Configure& out) {
    const auto* value = field.field.empty() ? nullptr : body.if_contains(field.field);
    if (value == nullptr || value->is_null()) return true;
    std::string text;
    reader.enter(field.field);
    bool good = json::read(reader, *value, text);
    if (good && wanted && field.check != nullptr && !trim(text).empty())
      if (const auto problem = field.check(text); !problem.empty()) {
        reader.fail("value_error", problem, *value);
        good = false;
      }
    reader.leave();
    if (good && !trim(text).empty()) out.fields.emplace(field.field, std::move(text));
    return good;
  }
};

namespace agnes::operation {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using contract::ChangeSettings;
using contract::SettingsChanged;

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

config::Overlay::SaveResult save(state::Store& store, config::Overlay& overlay, const state::Actor& actor,
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

SettingsChanged change(state::Store& store, config::Overlay& overlay, const state::Actor& actor,
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

// What must be given to set up a source of this kind: "keboola_token and keboola_url".
std::string needed(const catalog::SourceKind& kind) {
  std::vector<std::string> names;
  for (const auto& field : kind.setup)
    if (field.fallback.empty()) names.emplace_back(field.field);
  return join(names, " and ");
}

// What a source of this kind becomes of the body: its settings.
object source_settings(const catalog::SourceKind& kind, const Configure& body) {
  object out;
  for (const auto& field : kind.setup) {
    const auto given = body.fields.find(field.field);
    if (given == body.fields.end() && field.fallback.empty())
      throw Error(ErrorKind::bad_request, fmt::format("{} needs {}", kind.name, needed(kind)));
    out[field.setting] = given != body.fields.end() ? std::string_view(given->second) : field.fallback;
  }
  if (kind.verify != nullptr) kind.verify(out);
  return out;
}

// The types that can be set up in one step.
std::string choices() {
  std::vector<std::string> out{std::string(catalog::kFilesType)};
  for (const auto& kind : catalog::source_kinds())
    if (!kind.setup.empty()) out.emplace_back(kind.type);
  return join(out, ", ");
}

Configured configure(state::Store& store, config::Overlay& overlay, const state::Actor& actor,
                     const Configure& body) {
  Configured out;
  out.data_source = body.data_source;
  object source{{"type", body.data_source}};
  std::vector<std::string> cleared;
  if (body.data_source == catalog::kFilesType) {
    out.connection = catalog::kFilesType;
  } else {
    const auto* kind = catalog::source_kind(body.data_source);
    if (kind == nullptr || kind->setup.empty())
      throw Error(ErrorKind::bad_request, fmt::format("data_source must be one of {}", choices()));
    source[kind->type] = source_settings(*kind, body);
    out.connection = kind->verify != nullptr ? "verified" : "not_checked";
    // It is set anew, not merged with what a former one of its kind had; others stay for going back to them.
    cleared.push_back(fmt::format("data_source.{}", kind->type));
  }
  object sections{{"data_source", std::move(source)}};
  if (catalog::given(body.instance_name)) sections["instance"] = {{"name", *body.instance_name}};
  if (catalog::given(body.allowed_domain)) sections["auth"] = {{"allowed_domain", *body.allowed_domain}};
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
