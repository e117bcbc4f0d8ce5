#include "features/prompts/prompts.h"

#include <algorithm>

#include "lib/base/error.h"
#include "lib/base/log.h"

namespace agnes::prompts {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

constexpr const char* key_of(Kind kind) {
  return kind == Kind::setup ? "welcome" : "claude_md";
}
constexpr const char* name_of(Kind kind) {
  return kind == Kind::setup ? "setup_prompt" : "workspace_prompt";
}

Override read_row(state::Tx& tx, Kind kind) {
  return tx
      .row<Override>("SELECT content, updated_at, updated_by FROM instance_templates WHERE key = ?",
                     key_of(kind))
      .value_or(Override{});
}

object instant(Timestamp moment) {
  const std::string text = format_sql(moment);
  return {{"now", text + "+00:00"}, {"today", text.substr(0, 10)}};
}

// "https://agnes.example.com:8443/x" -> "agnes.example.com"; what a caller sends may be anything.
std::string host_of(std::string_view address) {
  const auto scheme = address.find("://");
  if (scheme == std::string_view::npos) return "";
  address.remove_prefix(scheme + 3);
  address = address.substr(0, address.find_first_of("/?#"));
  if (address.starts_with('[')) return std::string(address.substr(0, address.find(']') + 1));
  return std::string(address.substr(0, address.find(':')));
}

object user_value(std::string_view id, std::string_view email, std::string_view name, bool admin,
                  array groups) {
  return {{"id", id}, {"email", email}, {"name", name}, {"is_admin", admin}, {"groups", std::move(groups)}};
}

// Somebody who is not there, to try a template with: each kind of value once.
object example(Kind kind, value user) {
  object out = instant({1'767'225'600'000'000});
  out["instance"] = object{{"name", "Example"}, {"subtitle", "Example Ltd"}};
  out["server"] = object{{"url", "https://agnes.example.com"}, {"hostname", "agnes.example.com"}};
  out["user"] = std::move(user);
  if (kind == Kind::setup) return out;
  out["sync_interval"] = "hour";
  out["data_source"] = object{{"type", "local"}};
  out["tables"] =
      array{object{{"name", "orders"}, {"description", "One row an order"}, {"query_mode", "local"}}};
  out["metrics"] = object{{"count", 1}, {"categories", array{"sales"}}};
  out["marketplaces"] = array{
      object{{"slug", "example"}, {"name", "Example"}, {"plugins", array{object{{"name", "reports"}}}}}};
  return out;
}

void try_out(Kind kind, const std::string& content) {
  const auto parsed = templates::Template::parse(content);
  parsed.render(example(kind, user_value("1", "ana@example.com", "Ana", false, array{"Everyone"})));
  const value other =
      kind == Kind::setup ? value(nullptr) : user_value("2", "bob@example.com", "", true, array{});
  try {
    parsed.render(example(kind, other));
  } catch (const Error& error) {
    const char* who = kind == Kind::setup ? "visitors who have not signed in: put what is about them inside "
                                            "{% if user %}...{% endif %}"
                                          : "somebody without a name and groups";
    throw Error(error.kind(), fmt::format("{}; so it is for {}", error.what(), who));
  }
}

}  // namespace

Override Prompts::stored(Kind kind) const {
  return store_.read([&](state::Tx& tx) { return read_row(tx, kind); });
}

void Prompts::save(Kind kind, const std::string& content, const state::Actor& actor) {
  try_out(kind, content);
  store_.write([&](state::Tx& tx) {
    const auto before = read_row(tx, kind);
    tx.execute(
        "INSERT INTO instance_templates (key, content, previous_content, updated_at, updated_by) "
        "VALUES (?, ?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET content = excluded.content, "
        "previous_content = excluded.previous_content, updated_at = excluded.updated_at, "
        "updated_by = excluded.updated_by",
        key_of(kind), content, before.content, now(), actor.email);
    state::record(tx, actor, fmt::format("save_{}", name_of(kind)), "", {{"bytes", content.size()}});
  });
}

void Prompts::reset(Kind kind, const state::Actor& actor) {
  store_.write([&](state::Tx& tx) {
    tx.execute(
        "UPDATE instance_templates SET previous_content = content, content = NULL, updated_at = ?, "
        "updated_by = ? WHERE key = ?",
        now(), actor.email, key_of(kind));
    state::record(tx, actor, fmt::format("reset_{}", name_of(kind)), "");
  });
}

object Prompts::values(Kind kind, const http::Caller& caller, const std::string& address) const {
  object out = instant(now());
  out["instance"] = object{{"name", about_.name}, {"subtitle", about_.subtitle}};
  out["server"] = object{{"url", address}, {"hostname", host_of(address)}};
  array groups = directory_.read([&](const identity::Tables& tables) {
    array names;
    for (const auto& id : tables.group_ids_of(caller.user_id))
      if (const auto* group = tables.group(id)) names.emplace_back(group->name);
    return names;
  });
  std::sort(groups.begin(), groups.end(),
            [](const value& a, const value& b) { return a.get_string() < b.get_string(); });
  out["user"] =
      user_value(caller.user_id, caller.email, caller.name.value_or(""), caller.is_admin, std::move(groups));
  if (kind == Kind::setup) return out;

  out["sync_interval"] = about_.sync_interval;
  out["data_source"] = object{{"type", about_.source_type}};
  const auto set = visible_.of(caller);
  std::vector<const catalog::Table*> tables;
  for (const auto* table : set->tables)
    if (table->registered) tables.push_back(table);
  std::sort(tables.begin(), tables.end(), [](const auto* a, const auto* b) { return a->name < b->name; });
  array listed;
  for (const auto* table : tables)
    listed.push_back(object{
        {"name", table->name}, {"description", table->description}, {"query_mode", table->query_mode}});
  out["tables"] = std::move(listed);
  // Until their features are there.
  out["metrics"] = object{{"count", 0}, {"categories", array{}}};
  out["marketplaces"] = array{};
  store_.read([&](state::Tx& tx) {
    for (const auto& fact : facts_) out[fact.name] = fact.value(tx, caller);
  });
  return out;
}

std::string Prompts::render(Kind kind, std::string_view source, const http::Caller& caller,
                            const std::string& address) const {
  return templates::Template::parse(source).render(values(kind, caller, address));
}

std::string Prompts::text(Kind kind, const http::Caller& caller, const std::string& address) const {
  if (const auto content = stored(kind).content) try {
      return render(kind, *content, caller, address);
    } catch (const Error& error) {
      log::warn("the {} that an administrator saved cannot be filled in, and the default is used: {}",
                name_of(kind), error.what());
    }
  return render(kind, default_template(kind), caller, address);
}

}  // namespace agnes::prompts
