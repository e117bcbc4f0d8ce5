#include "connectors/source_routes.h"

#include "connectors/discovery.h"
#include "contract/sources.h"
#include "core/state/audit.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::connectors {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using catalog::Registration;

using Settings = std::function<config::Config()>;

struct Where {
  std::optional<std::string> source, dataset, bucket;
  static constexpr json::Rule rules[] = {
      {.field = "source", .description = "Which source; the server's own when it is left out"},
      {.field = "dataset",
       .description = "Its tables only; without one, a source that has datasets offers these"},
      {.field = "bucket", .description = "The same, by another name"},
  };
  std::optional<std::string> part() const {
    return given(dataset) ? dataset : given(bucket) ? bucket : std::nullopt;
  }

  static bool given(const std::optional<std::string>& text) { return text && !text->empty(); }
};
BOOST_DESCRIBE_STRUCT(Where, (), (source, dataset, bucket))

struct RegisterFound : Where {
  bool dry_run = false;
  static constexpr json::Rule rules[] = {
      {.field = "dry_run", .description = "Only say what would be registered", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(RegisterFound, (Where), (dry_run))

std::unique_ptr<sync::Connector> connector_of(const sync::ConnectorKinds& kinds, const Where& where,
                                              const Settings& settings) {
  const auto config = settings();
  const std::string source = Where::given(where.source) ? *where.source : config.source();
  auto out = sync::make_connector(kinds, source, config);
  if (out == nullptr) {
    std::vector<std::string_view> names;
    for (const auto& kind : kinds) names.push_back(kind.source);
    throw Error(ErrorKind::bad_request, fmt::format("source: there is no source {}; there are {}",
                                                    escape_control(source), fmt::join(names, ", ")));
  }
  return out;
}

// The contract's form of a source's error here: {error, kind, details}.
template <class F>
auto discovering(F&& work) {
  try {
    return work();
  } catch (const Error& error) {
    if (!error.detail().is_object()) throw;
    object details = error.detail().get_object();
    object to_answer{{"error", details["message"]}, {"kind", details["kind"]}};
    details.erase("message");
    details.erase("kind");
    to_answer["details"] = std::move(details);
    throw Error(error.kind(), error.what(), std::move(to_answer));
  }
}

object shown(sync::Connector& connector, const sync::Discovery& found, const Where& where,
             const std::vector<Registration>& registered) {
  std::set<std::string> known;
  for (const auto& row : plan(registered, found.offers).known) known.insert(row.id);
  array list;
  for (const auto& offer : found.offers) {
    auto item = offer.shown;
    if (!offer.row.id.empty()) item["registered"] = known.contains(offer.row.id);
    list.push_back(std::move(item));
  }
  object out{{"count", list.size()}, {found.list, std::move(list)}, {"source", connector.source_type()}};
  for (const auto& more : found.more) out[more.key()] = more.value();
  if (where.part()) out["dataset"] = *where.part();
  if (!found.problem.empty()) out["error"] = found.problem;
  return out;
}

std::vector<std::string> ids(const std::vector<Registration>& rows) {
  std::vector<std::string> out;
  for (const auto& row : rows) out.push_back(row.id);
  return out;
}
contract::TablePlace place(const Registration& row) {
  return {row.bucket, row.source_table};
}

std::string full_id(const Registration& row) {
  return row.bucket.value_or("").empty() ? row.name : *row.bucket + "." + row.source_table.value_or("");
}

contract::DiscoveredRegistered to_answer(const Plan& plan, bool dry_run) {
  const auto count = [](const auto& list) { return static_cast<std::int64_t>(list.size()); };
  contract::DiscoveredRegistered out{.registered = dry_run ? 0 : count(plan.new_tables),
                                     .skipped = count(plan.known),
                                     .errors = count(plan.unfit),
                                     .drifted = count(plan.drift),
                                     .tables = ids(plan.new_tables),
                                     .dry_run = dry_run,
                                     .would_register = {},
                                     .drift = {},
                                     .invalid = {},
                                     .source = {},
                                     .error = {}};
  if (dry_run) out.would_register = out.tables;
  using Kind = contract::Drift::Kind;
  for (const auto& item : plan.drift)
    out.drift.push_back({item.offered.id, place(item.offered), place(item.registered), item.registered.id,
                         item.same_id ? Kind::same_id_diff_coords : Kind::name_collision});
  for (const auto& item : plan.unfit)
    out.invalid.push_back({item.offered.id, full_id(item.offered), item.reason});
  return out;
}

contract::DiscoveredRegistered register_found(state::Store& store, sync::Connector& connector,
                                              const state::Actor& actor, const RegisterFound& wanted) {
  const auto found = connector.discover(wanted.part());
  std::vector<sync::Offer> offers;
  // Parts of a source (datasets) are not tables.
  if (found.list == "tables") offers = found.offers;
  Plan made;
  if (wanted.dry_run) {
    made = plan(store.read([](state::Tx& tx) { return catalog::all(tx); }), offers);
  } else {
    store.write([&](state::Tx& tx) {
      made = plan(catalog::all(tx), offers);
      for (auto& row : made.new_tables) {
        row.registered_by = actor.email;
        row.registered_at = now();
      }
      if (made.new_tables.empty()) return;
      catalog::insert_all(tx, made.new_tables);
      state::record(tx, actor, "register_tables", "",
                    {{"found_by", "discovery"}, {"tables", json::to_json(ids(made.new_tables))}});
    });
  }
  auto out = to_answer(made, wanted.dry_run);
  out.source = connector.source_type();
  if (!found.problem.empty()) out.error = found.problem;
  return out;
}

object tested(const sync::ConnectorKinds& kinds, std::string_view source, const Settings& settings) {
  const auto connector = sync::make_connector(kinds, source, settings());
  const auto started = std::chrono::steady_clock::now();
  const auto facts = connector->test();
  const auto took = std::chrono::steady_clock::now() - started;
  object out{{"ok", true}, {"source", connector->source_type()}};
  for (const auto& fact : facts) out[fact.key()] = fact.value();
  out["elapsed_ms"] = std::chrono::duration_cast<std::chrono::milliseconds>(took).count();
  return out;
}

}  // namespace

void add_source_routes(http::Routes& routes, state::Store& store, const sync::ConnectorKinds& kinds,
                       Settings settings, std::function<void()> changed) {
  using http::Auth;
  routes.get("/api/admin/discover-tables",
             {.auth = Auth::admin,
              .tag = "registry",
              .summary = "What a source has to offer",
              .executor = http::Executor::tasks,
              .answer = http::schema_of<contract::ProviderMetadata>},
             [&store, &kinds, settings](const http::Query<Where>& where) {
               const auto connector = connector_of(kinds, *where, settings);
               return discovering([&] {
                 const auto found = connector->discover(where->part());
                 return shown(*connector, found, *where,
                              store.read([](state::Tx& tx) { return catalog::all(tx); }));
               });
             });
  routes.post("/api/admin/discover-and-register",
              {.auth = Auth::admin,
               .tag = "registry",
               .summary = "Register what a source offers and is not registered yet",
               .executor = http::Executor::tasks},
              [&store, &kinds, settings, changed](const http::Request& request, const http::Caller& caller,
                                                  const http::Query<RegisterFound>& wanted) {
                const auto connector = connector_of(kinds, *wanted, settings);
                const auto actor = state::Actor::of(caller, request.client_address());
                auto out = discovering([&] { return register_found(store, *connector, actor, *wanted); });
                if (out.registered != 0) changed();
                return out;
              });
  // "local" is what registrations call files.
  std::vector<std::string_view> names{catalog::kFilesType};
  for (const auto& kind : kinds) names.push_back(kind.source);
  for (const auto source : names)
    routes.post(fmt::format("/api/admin/{}/test-connection", source),
                {.auth = Auth::admin,
                 .tag = "settings",
                 .summary = fmt::format("Whether the source {} answers, with the settings as saved", source),
                 .executor = http::Executor::tasks,
                 .answer = http::schema_of<contract::ConnectionTested>},
                [&kinds, settings, source] { return tested(kinds, source, settings); });
}

std::optional<catalog::RemoteFacts> facts(const sync::ConnectorKinds& kinds, const Registration& row,
                                          const config::Config& settings) {
  const auto connector = sync::make_connector(kinds, row.source_type.value_or(""), settings);
  return connector == nullptr ? std::nullopt : connector->facts(row);
}

array sample(const sync::ConnectorKinds& kinds, const Registration& row, const config::Config& settings,
             int rows) {
  const auto connector = sync::make_connector(kinds, row.source_type.value_or(""), settings);
  return connector == nullptr ? array{} : connector->sample(row, rows);
}

object describe(const sync::ConnectorKinds& kinds, const Registration& row, const config::Config& settings) {
  if (!row.source_type) return {};
  const auto connector = sync::make_connector(kinds, *row.source_type, settings);
  if (connector == nullptr) return {};
  try {
    return connector->look_up(row);
  } catch (const Error& error) {
    const auto* detail = error.detail().if_object();
    if (detail != nullptr && detail->contains("kind") && detail->at("kind") == "not_configured") return {};
    throw;
  }
}

}  // namespace agnes::connectors
