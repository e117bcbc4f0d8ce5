#include "core/catalog/registry_routes.h"

#include "contract/registry.h"
#include "core/catalog/last_changes.h"
#include "core/catalog/registry_body.h"
#include "core/catalog/registry_rules.h"
#include "core/catalog/source_kind.h"
#include "core/state/audit.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

namespace agnes::catalog {

namespace {

using boost::json::value;

std::string named(const std::string& name) {
  std::string text(trim(name));
  if (text.empty()) throw Error(ErrorKind::invalid, "a table needs a name");
  return text;
}

struct Change {
  Registration before, after;
  std::vector<std::string> fields;
};

value parsed(const std::optional<std::string>& text) {
  if (!text) return nullptr;
  boost::system::error_code error;
  auto out = boost::json::parse(*text, error);
  // A key that an older version kept as plain text is a list of one.
  return error ? value(boost::json::array{*text}) : out;
}

// Another text for another registration: what an administrator read and what is there now can be told apart.
std::string version_of(const Registration& row) {
  return sha256_hex(boost::json::serialize(json::to_json(row))).substr(0, 16);
}

std::string etag_of(const Registration& row) {
  return '"' + version_of(row) + '"';
}

struct SyncError {
  std::string table_id, error;
};
BOOST_DESCRIBE_STRUCT(SyncError, (), (table_id, error))

// A contract::RegisteredTable.
boost::json::object shown(const Registration& row, const std::optional<std::string>& sync_error) {
  auto item = json::to_json(row).as_object();
  item["primary_key"] = parsed(row.primary_key);
  item["where_filters"] = parsed(row.where_filters);
  item["last_sync_error"] = json::to_json(sync_error);
  item["version"] = version_of(row);
  return item;
}

// A contract::RegistryList.
boost::json::object list(state::Tx& tx) {
  std::map<std::string, std::string> errors;
  for (const auto& row :
       tx.rows<SyncError>("SELECT table_id, error FROM sync_state WHERE status = 'error' AND error <> ''"))
    errors.emplace(row.table_id, row.error);
  boost::json::array tables;
  for (const auto& row : all(tx)) {
    const auto error = errors.find(row.name);
    tables.push_back(shown(row, error == errors.end() ? std::nullopt : std::optional(error->second)));
  }
  const auto count = tables.size();
  return {{"tables", std::move(tables)}, {"count", count}};
}

Registration find_or_throw(state::Tx& tx, const std::string& id) {
  auto row = find(tx, id);
  if (!row) throw Error(ErrorKind::not_found, "there is no registered table " + escape_control(id));
  return std::move(*row);
}

http::Response one(state::Tx& tx, const std::string& id) {
  const auto row = find_or_throw(tx, id);
  const auto error = tx.scalar<std::string>(
      "SELECT error FROM sync_state WHERE table_id = ? AND status = 'error' AND error <> ''", row.name);
  auto answer = http::Response::json(shown(row, error));
  answer.header("ETag", etag_of(row));
  return answer;
}

// What an administrator read may have been changed by another one since: they are told, and nothing is
// written.
void refuse_if_changed(const LastChanges& changes, const http::Request& request, const Registration& row) {
  if (!request.has_header("if-match") || http::etag_matches(request.header("if-match"), etag_of(row))) return;
  const auto last = changes.of(row.id, version_of(row));
  const auto message =
      fmt::format("{} was changed by {}{}; read it again, then repeat what is still wanted", row.name,
                  last ? last->by : "somebody", last ? " at " + format_iso_utc(last->at) : "");
  throw Error(ErrorKind::precondition, message,
              {{"kind", "changed_meanwhile"},
               {"message", message},
               {"changed_by", last ? value(last->by) : value(nullptr)},
               {"changed_at", last ? json::to_json(last->at) : value(nullptr)},
               {"version", version_of(row)}});
}

// A name says which rows of the extracts a table has, and its grants stay: another's rows must not come under them.
void refuse_held(state::Tx& tx, const Registration& before, const Registration& after,
                 const RegistryHooks& hooks) {
  if (to_lower(before.name) == to_lower(after.name)) return;
  if (const auto source = hooks.holder(tx, after.name))
    throw Error(
        ErrorKind::conflict,
        fmt::format("the source {} has a table {} already, which the grants of {} would open: choose another "
                    "name, or unregister {} and register {}",
                    escape_control(*source), after.name, before.name, before.name, after.name));
}

// Holds a new or changed row against its source, where that is one that the settings speak of.
void settle(Registration& row, const RegistryHooks& hooks, bool new_source) {
  const auto* kind = source_kind(row);
  if (kind == nullptr || !kind->beside) return;
  const auto settings = hooks.settings();
  if (new_source) refuse_unconfigured(kind->type, settings);
  if (kind->place != nullptr) kind->place(row, settings);
}

Registration registration(const RegisterTable& body, const http::Caller& caller, const RegistryHooks& hooks) {
  Registration row;
  row.name = named(body.name);
  row.id = id_for(row.name);
  body.apply(row, nullptr);
  row.folder = body.folder.optional();
  row.registered_by = caller.email;
  row.registered_at = now();
  refuse_incoherent(row);
  settle(row, hooks, true);
  return row;
}

// The contract tells of tables whose source could keep them how they become queryable; those that stay there are so at
// once (200).
http::Response registered(const Registration& row, const RegistryHooks& hooks) {
  contract::Registered out{row.id, row.name, contract::Registered::Status::registered, {}, {}};
  int status = 201;
  if (const auto* kind = source_kind(row); kind != nullptr && kind->remote_tables) {
    out.view_name = row.id;
    if (is_materialized(row)) {
      out.message = "its query runs at the next sync; agnes admin sync starts one now";
    } else {
      out.status = contract::Registered::Status::ok;
      status = 200;
    }
  }
  if (row.source_type == kFilesType) {
    const auto facts = hooks.describe(row);
    if (const auto* note = facts.if_contains("note")) out.message = std::string(note->as_string());
  }
  return http::Response::json(json::to_json(out), status);
}

// A contract::PrecheckedTable.
boost::json::object prechecked(const Registration& row, const RegistryHooks& hooks) {
  boost::json::object out{{"name", row.name},
                          {"source_type", json::to_json(row.source_type)},
                          {"bucket", json::to_json(row.bucket)},
                          {"source_table", json::to_json(row.source_table)},
                          {"query_mode", row.query_mode},
                          {"rows", nullptr},
                          {"size_bytes", nullptr},
                          {"columns", boost::json::array{}}};
  if (row.source_query) out["source_query"] = *row.source_query;
  const auto facts = row.source_query ? boost::json::object{} : hooks.describe(row);
  for (const auto& fact : facts) out[fact.key()] = fact.value();
  if (facts.empty()) out["note"] = "The name is free; rows and columns are known after the first sync.";
  return out;
}

// Whether the data of a table that was copied from a service would stay where nobody looks for it any more,
// under another name or beside the source that has it now. Files name their tables themselves.
bool leaves_its_place(const Registration& before, const Registration& after) {
  const bool copied = !is_remote(before) && before.source_type && *before.source_type != kFilesType;
  return copied && (before.name != after.name || before.source_type != after.source_type || is_remote(after));
}

bool is_brought_anew(const Registration& before, const Registration& after) {
  const auto place = [](const Registration& row) {
    return std::tie(row.source_query, row.bucket, row.source_table, row.where_filters, row.query_mode);
  };
  return place(before) != place(after);
}

}  // namespace

void add_registry_routes(http::Routes& routes, identity::Directory& directory, RegistryHooks hooks) {
  using http::Auth;
  state::Store& store = directory.store();
  const auto changes = std::make_shared<LastChanges>(store.file().parent_path() / "registry_changes.json");

  routes.get("/api/admin/registry",
             {.auth = Auth::admin,
              .tag = "registry",
              .summary = "All registered tables",
              .answer = http::schema_of<contract::RegistryList>},
             [&store] { return store.read([](state::Tx& tx) { return list(tx); }); });

  routes.get("/api/admin/registry/{table_id:path}",
             {.auth = Auth::admin,
              .tag = "registry",
              .summary = "One registered table; its ETag is for If-Match",
              .answer = http::schema_of<contract::RegisteredTable>},
             [&store](const http::Param<"table_id">& id) {
               return store.read([&](state::Tx& tx) { return one(tx, *id); });
             });

  routes.post("/api/admin/register-table",
              {.auth = Auth::admin,
               .status = 201,
               .tag = "registry",
               .summary = "Register a table",
               .executor = http::Executor::tasks,  // asks the table's source
               .answer = http::schema_of<contract::Registered>},
              [&store, hooks, changes](const http::Request& request, const http::Caller& caller,
                                       const RegisterTable& body) {
                const Registration row = registration(body, caller, hooks);
                store.write([&](state::Tx& tx) {
                  insert(tx, row);
                  state::record(tx, state::Actor::of(caller, request.client_address()), "register_table",
                                row.id, json::to_json(body).as_object());
                });
                changes->note(row.id, {caller.email, now(), version_of(row)});
                hooks.changed();
                return registered(row, hooks);
              });

  routes.post("/api/admin/register-table/precheck",
              {.auth = Auth::admin,
               .tag = "registry",
               .summary = "Whether a registration would be taken, without making it",
               .executor = http::Executor::tasks,
               .answer = http::schema_of<contract::Prechecked>},
              [&store, hooks](const http::Caller& caller, const RegisterTable& body) {
                const Registration row = registration(body, caller, hooks);
                store.read([&](state::Tx& tx) { refuse_taken(tx, row); });
                return boost::json::object{{"ok", true}, {"table", prechecked(row, hooks)}};
              });

  routes.put(
      "/api/admin/registry/{table_id:path}",
      {.auth = Auth::admin,
       .tag = "registry",
       .summary = "Change a registration: what is left out stays, null clears",
       .description = "With If-Match, nothing is changed when somebody else changed it meanwhile (412).",
       .executor = http::Executor::tasks,
       .answer = http::schema_of<contract::RegistryUpdated>,
       .header_names = {"If-Match"}},
      [&store, hooks, changes](const http::Request& request, const http::Caller& caller,
                               const http::Param<"table_id">& id, const UpdateTable& body) {
        const auto done = store.write([&](state::Tx& tx) {
          Change change{.before = find_or_throw(tx, *id), .after = {}, .fields = {}};
          auto row = change.before;
          refuse_if_changed(*changes, request, row);
          if (body.name.has_value()) {
            change.fields.emplace_back("name");
            row.name = named(*body.name);
          }
          body.apply(row, &change.fields);
          if (body.profile_after_sync.has_value()) {
            change.fields.emplace_back("profile_after_sync");
            row.profile_after_sync = *body.profile_after_sync;
          }
          if (!is_materialized(row) && body.source_query.omitted()) row.source_query.reset();
          refuse_incoherent(row);
          if (body.moves() || body.name.has_value()) settle(row, hooks, !body.source_type.omitted());
          refuse_held(tx, change.before, row, hooks);
          update(tx, row);
          state::record(tx, state::Actor::of(caller, request.client_address()), "update_table", *id,
                        json::to_json(body).as_object());
          change.after = std::move(row);
          return change;
        });
        const auto& [before, after, fields] = done;
        const contract::RegistryUpdated out{*id, fields, version_of(after)};
        changes->note(*id, {caller.email, now(), out.version});
        if (leaves_its_place(before, after))
          hooks.removed(before);
        else if (is_brought_anew(before, after))
          hooks.redefined(after);
        hooks.changed();
        auto answer = http::Response::json(json::to_json(out));
        answer.header("ETag", '"' + out.version + '"');
        return answer;
      });

  routes.del("/api/admin/registry/{table_id:path}",
             {.auth = Auth::admin,
              .tag = "registry",
              .summary = "Unregister a table and remove its data",
              .header_names = {"If-Match"}},
             [&directory, hooks, changes](const http::Request& request, const http::Caller& caller,
                                          const http::Param<"table_id">& id) {
               const auto gone = directory.change([&](identity::Change& change) {
                 auto row = find_or_throw(change.tx(), *id);
                 refuse_if_changed(*changes, request, row);
                 remove(change, *id);
                 change.record(state::Actor::of(caller, request.client_address()), "unregister_table", *id);
                 return row;
               });
               changes->forget(*id);
               hooks.removed(gone);
               hooks.changed();
             });
}

}  // namespace agnes::catalog
