#include "catalog/registry_routes.h"

#include "base/error.h"
#include "base/text.h"
#include "catalog/registry.h"
#include "duck/rows.h"
#include "jobs/schedule.h"
#include "state/audit.h"

namespace agnes::catalog {

namespace {

using boost::json::value;
using TextField = json::Field<std::string>;
using NumberField = json::Field<int>;

std::string check_name(std::string_view name) {
  const auto text = trim(name);
  if (text.empty()) return "a table needs a name";
  if (text.size() > 128) return "a name has 128 characters at most";
  const auto good = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (char c : text)
    if (!good(c) && c != ' ' && c != '.' && c != '-')
      return "a name is made of letters, digits, '_', '.', '-' and spaces";
  if (!good(text.front())) return "a name starts with a letter, a digit or '_'";
  return "";
}
std::string check_schedule(std::string_view text) {
  return text.empty() || jobs::Schedule::parse(text) ? ""
                                                     : "must be 'every Nm', 'every Nh' or 'daily HH:MM[,HH:MM]'";
}
std::string one_of(std::string_view text, std::initializer_list<std::string_view> allowed) {
  if (text.empty()) return "";
  std::string choices;
  for (const auto word : allowed) {
    if (word == text) return "";
    choices += (choices.empty() ? "" : ", ") + std::string(word);
  }
  return "must be one of " + choices;
}
std::string check_source(std::string_view t) { return one_of(t, {"local", "keboola", "bigquery", "jira"}); }
std::string check_mode(std::string_view t) {
  return t.empty() ? "must not be empty" : one_of(t, {"local", "remote", "materialized"});
}
std::string check_strategy(std::string_view t) { return one_of(t, {"full_refresh", "incremental", "partitioned"}); }
std::string check_granularity(std::string_view t) { return one_of(t, {"day", "month", "year"}); }

constexpr std::string_view kOperators[] = {"eq", "ne", "gt", "ge", "lt", "le"};

// Row filters in their stored form: a list of {column, operator, values}, values as texts. Empty when malformed.
std::optional<value> normal_filters(const value& given, std::string& problem) {
  boost::json::array out;
  if (!given.is_array()) {
    problem = "must be a list of {column, operator, values}";
    return std::nullopt;
  }
  for (const auto& item : given.as_array()) {
    const auto* object = item.if_object();
    const auto* column = object != nullptr ? object->if_contains("column") : nullptr;
    const auto* values = object != nullptr ? object->if_contains("values") : nullptr;
    if (column == nullptr || !column->is_string() || column->as_string().empty() || values == nullptr ||
        !values->is_array() || values->as_array().empty()) {
      problem = "each filter needs a column and a list of values";
      return std::nullopt;
    }
    std::string op = "eq";
    if (const auto* named = object->if_contains("operator"); named != nullptr && named->is_string())
      op = std::string(named->as_string());
    if (std::find(std::begin(kOperators), std::end(kOperators), op) == std::end(kOperators)) {
      problem = "a filter's operator is one of eq, ne, gt, ge, lt, le";
      return std::nullopt;
    }
    boost::json::array texts;
    for (const auto& v : values->as_array())
      texts.emplace_back(v.is_string() ? std::string(v.as_string()) : boost::json::serialize(v));
    out.push_back({{"column", *column}, {"operator", op}, {"values", texts}});
  }
  return value(out);
}

// A registration's body: everything may be left out but, when it is new, the name.
struct TableBody {
  TextField name, folder, sync_strategy;
  json::Field<value> primary_key;
  TextField description, source_type, bucket, source_table, source_query, query_mode, sync_schedule;
  json::Field<bool> profile_after_sync;
  NumberField incremental_window_days, max_history_days;
  TextField incremental_column;
  json::Field<value> where_filters;
  TextField partition_by, partition_granularity;
  NumberField initial_load_chunk_days;

  void check_values(json::Check& check) const {
    const auto hold = [&](const TextField& field, const char* key, std::string (*rule)(std::string_view)) {
      if (!field.has_value()) return;
      if (const auto problem = rule(*field); !problem.empty()) check.field(key, problem);
    };
    hold(name, "name", check_name);
    hold(sync_strategy, "sync_strategy", check_strategy);
    hold(source_type, "source_type", check_source);
    hold(query_mode, "query_mode", check_mode);
    hold(sync_schedule, "sync_schedule", check_schedule);
    hold(partition_granularity, "partition_granularity", check_granularity);
    for (const auto& [field, key] : {std::pair{&incremental_window_days, "incremental_window_days"},
                                     std::pair{&max_history_days, "max_history_days"},
                                     std::pair{&initial_load_chunk_days, "initial_load_chunk_days"}})
      if (field->has_value() && (**field < 1 || **field > 100'000)) check.field(key, "must be from 1 to 100000 days");
    if (where_filters.has_value()) {
      std::string problem;
      if (!normal_filters(*where_filters, problem)) check.field("where_filters", problem);
    }
    if (primary_key.has_value()) {
      const auto* list = primary_key->if_array();
      if (list == nullptr && !primary_key->is_string()) check.field("primary_key", "must be a list of column names");
      if (list != nullptr)
        for (const auto& item : *list)
          if (!item.is_string()) check.field("primary_key", "must be a list of column names");
    }
  }

  // What holds for the whole table, given or already stored.
  static std::string problem_of(const Registration& row) {
    const std::string source = row.source_type.value_or("");
    const bool query = row.source_query.has_value() && !trim(*row.source_query).empty();
    const bool filters = row.where_filters.has_value();
    if (query && row.query_mode != "materialized") return "source_query needs query_mode materialized";
    if (row.query_mode == "materialized" && !query && source != "bigquery" && source != "keboola")
      return "query_mode materialized needs a source_query";
    if (row.sync_strategy == "partitioned") {
      if (!row.partition_by || row.partition_by->empty()) return "sync_strategy partitioned needs partition_by";
      if (row.query_mode == "remote") return "a remote table is not extracted, so it cannot be partitioned";
      if (filters) return "sync_strategy partitioned and where_filters exclude each other";
    }
    if (row.sync_strategy == "incremental" && filters)
      return "sync_strategy incremental and where_filters exclude each other";
    if (row.sync_strategy == "incremental" && !row.incremental_window_days && !row.primary_key && !row.incremental_column)
      return "sync_strategy incremental needs a primary_key, an incremental_column or incremental_window_days";
    if (row.query_mode == "remote" && filters) return "a remote table is not extracted, so where_filters mean nothing";
    return "";
  }

  void apply(Registration& row, std::vector<std::string>* changed) const {
    const auto note = [&](const char* key) {
      if (changed != nullptr) changed->emplace_back(key);
    };
    const auto take = [&](auto& member, const auto& field, const char* key) {
      if (field.omitted()) return;
      note(key);
      member = field.optional();
    };
    const auto take_or = [&](auto& member, const auto& field, const char* key, auto fallback) {
      if (field.omitted()) return;
      note(key);
      member = field.has_value() ? *field : fallback;
    };
    take_or(row.name, name, "name", row.name);
    take_or(row.sync_strategy, sync_strategy, "sync_strategy", std::string("full_refresh"));
    if (row.sync_strategy.empty()) row.sync_strategy = "full_refresh";
    if (!primary_key.omitted()) {
      note("primary_key");
      row.primary_key.reset();
      if (primary_key.has_value() && !primary_key->is_null())
        row.primary_key =
            state::json_text(primary_key->is_array() ? *primary_key : value(boost::json::array{*primary_key}));
    }
    take(row.description, description, "description");
    take(row.source_type, source_type, "source_type");
    take(row.bucket, bucket, "bucket");
    take(row.source_table, source_table, "source_table");
    if (!source_query.omitted()) {
      note("source_query");
      row.source_query.reset();
      if (source_query.has_value() && !trim(*source_query).empty()) row.source_query = std::string(trim(*source_query));
    }
    take_or(row.query_mode, query_mode, "query_mode", std::string("local"));
    take(row.sync_schedule, sync_schedule, "sync_schedule");
    take(row.incremental_window_days, incremental_window_days, "incremental_window_days");
    take(row.max_history_days, max_history_days, "max_history_days");
    take(row.incremental_column, incremental_column, "incremental_column");
    if (!where_filters.omitted()) {
      note("where_filters");
      std::string ignored;
      row.where_filters.reset();
      if (where_filters.has_value() && where_filters->is_array() && !where_filters->as_array().empty())
        row.where_filters = state::json_text(normal_filters(*where_filters, ignored).value());
    }
    take(row.partition_by, partition_by, "partition_by");
    take(row.partition_granularity, partition_granularity, "partition_granularity");
    if (row.sync_strategy == "partitioned" && !row.partition_granularity) row.partition_granularity = "month";
    take(row.initial_load_chunk_days, initial_load_chunk_days, "initial_load_chunk_days");
  }
};

struct RegisterTable : TableBody {
  static constexpr json::Rule rules[] = {{.field = "sync_strategy"}, {.field = "query_mode", .not_null = true}};
  void check(json::Check& check) const {
    if (!name.has_value()) check.field("name", "a table needs a name");
    check_values(check);
  }
};
struct UpdateTable : TableBody {
  static constexpr json::Rule rules[] = {{.field = "name", .not_null = true}};
  void check(json::Check& check) const { check_values(check); }
};
BOOST_DESCRIBE_STRUCT(TableBody, (),
                      (name, folder, sync_strategy, primary_key, description, source_type, bucket, source_table,
                       source_query, query_mode, sync_schedule, profile_after_sync, incremental_window_days,
                       max_history_days, incremental_column, where_filters, partition_by, partition_granularity,
                       initial_load_chunk_days))
BOOST_DESCRIBE_STRUCT(RegisterTable, (TableBody), ())
BOOST_DESCRIBE_STRUCT(UpdateTable, (TableBody), ())

struct Registered {
  std::string id, name, status;
};
BOOST_DESCRIBE_STRUCT(Registered, (), (id, name, status))

struct Updated {
  std::string id;
  std::vector<std::string> updated;
};
BOOST_DESCRIBE_STRUCT(Updated, (), (id, updated))

struct RegistryList {
  boost::json::array tables;
  std::int64_t count;
};
BOOST_DESCRIBE_STRUCT(RegistryList, (), (tables, count))

value parsed(const std::optional<std::string>& text) {
  if (!text) return nullptr;
  boost::system::error_code error;
  auto out = boost::json::parse(*text, error);
  // A key that an older version kept as plain text is a list of one.
  return error ? value(boost::json::array{*text}) : out;
}

struct SyncError {
  std::string table_id, error;
};
BOOST_DESCRIBE_STRUCT(SyncError, (), (table_id, error))

RegistryList list(duck::Connection& connection) {
  std::map<std::string, std::string> errors;
  for (const auto& row : duck::rows<SyncError>(
           connection, "SELECT table_id, error FROM sync_state WHERE status = 'error' AND error <> ''"))
    errors.emplace(row.table_id, row.error);
  RegistryList out{};
  for (const auto& row : all(connection)) {
    auto item = json::to_json(row).as_object();
    item["primary_key"] = parsed(row.primary_key);
    item["where_filters"] = parsed(row.where_filters);
    const auto error = errors.find(row.name);
    item["last_sync_error"] = error == errors.end() ? value(nullptr) : value(error->second);
    out.tables.push_back(std::move(item));
  }
  out.count = static_cast<std::int64_t>(out.tables.size());
  return out;
}

void refuse_incoherent(const Registration& row) {
  if (const auto problem = TableBody::problem_of(row); !problem.empty())
    throw Error(ErrorKind::invalid, problem,
                boost::json::array{value{{"type", "value_error"}, {"loc", {"body"}}, {"msg", problem}, {"input", nullptr}}});
}

}  // namespace

void add_registry_routes(http::Routes& routes, access::Directory& directory, std::function<void()> changed,
                         std::function<void(const std::string&)> removed) {
  using http::Auth;
  state::Store& store = directory.store();

  routes.get("/api/admin/registry", {.auth = Auth::admin, .tag = "registry", .summary = "All registered tables"},
             [&store] { return store.read([](duck::Connection& c) { return list(c); }); });

  routes.post("/api/admin/register-table",
              {.auth = Auth::admin, .status = 201, .tag = "registry", .summary = "Register a table"},
              [&store, changed](const http::Caller& caller, const RegisterTable& body) {
                Registration row;
                body.apply(row, nullptr);
                row.name = std::string(trim(row.name));
                row.id = id_for(row.name);
                row.folder = body.folder.optional();
                row.registered_by = caller.email;
                row.registered_at = now();
                refuse_incoherent(row);
                store.write([&](duck::Connection& c) {
                  insert(c, row);
                  state::audit(c, {.user_id = caller.user_id, .action = "register_table", .resource = row.id,
                                   .params = json::to_json(body).as_object()});
                });
                changed();
                return Registered{row.id, row.name, "registered"};
              });

  routes.put("/api/admin/registry/{table_id}",
             {.auth = Auth::admin, .tag = "registry",
              .summary = "Change a registration: what is left out stays, null clears"},
             [&store, changed](const http::Caller& caller, const http::Param<"table_id">& id, const UpdateTable& body) {
               const auto names = store.write([&](duck::Connection& c) {
                 auto row = find(c, *id);
                 if (!row) throw Error(ErrorKind::not_found, "there is no registered table " + *id);
                 std::vector<std::string> names;
                 body.apply(*row, &names);
                 if (row->query_mode != "materialized" && body.source_query.omitted()) row->source_query.reset();
                 refuse_incoherent(*row);
                 update(c, *row);
                 state::audit(c, {.user_id = caller.user_id, .action = "update_table", .resource = *id,
                                  .params = json::to_json(body).as_object()});
                 return names;
               });
               changed();
               return Updated{*id, names};
             });

  routes.del("/api/admin/registry/{table_id:path}",
             {.auth = Auth::admin, .tag = "registry", .summary = "Unregister a table and remove its data"},
             [&directory, changed, removed](const http::Caller& caller, const http::Param<"table_id">& id) {
               std::string name;
               directory.change([&](const access::Tables& tables, duck::Connection& c) -> access::Directory::Apply {
                 const auto row = find(c, *id);
                 if (!row) throw Error(ErrorKind::not_found, "there is no registered table " + *id);
                 name = row->name;
                 remove(c, *id);
                 state::audit(c, {.user_id = caller.user_id, .action = "unregister_table", .resource = *id});
                 std::vector<std::string> grants;
                 for (const auto* grant : tables.grants())
                   if (grant->resource_type == "table" && grant->resource_id == *id) grants.push_back(grant->id);
                 return [grants](access::Tables& changed_tables) {
                   for (const auto& grant : grants) changed_tables.erase_grant(grant);
                 };
               });
               removed(name);
               changed();
             });
}

}  // namespace agnes::catalog
