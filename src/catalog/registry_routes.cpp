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
  if (text.empty()) return "";  // refused as a whole, see named()
  if (text.size() > 128) return "a name has 128 characters at most";
  const auto good = [](char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_'; };
  for (char c : text)
    if (!good(c) && c != ' ' && c != '.' && c != '-')
      return "a name is made of letters, digits, '_', '.', '-' and spaces";
  if (!good(text.front())) return "a name starts with a letter, a digit or '_'";
  return "";
}
std::string check_schedule(std::string_view text) {
  return text.empty() || jobs::Schedule::parse(text)
             ? ""
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
std::string check_source(std::string_view t) {
  return one_of(t, {"local", "keboola", "bigquery", "jira"});
}
std::string check_mode(std::string_view t) {
  return t.empty() ? "must not be empty" : one_of(t, {"local", "remote", "materialized"});
}
std::string check_strategy(std::string_view t) {
  return one_of(t, {"full_refresh", "incremental", "partitioned"});
}
std::string check_granularity(std::string_view t) {
  return one_of(t, {"day", "month", "year"});
}

// Descriptions that come through a shell's quoting have its escapes: Don\\'t, \\n.
std::string without_shell_escapes(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    constexpr std::string_view kEscapes = "nrt'\"\\", kMeant = "\n\r\t'\"\\";
    const auto which =
        text[i] == '\\' && i + 1 < text.size() ? kEscapes.find(text[i + 1]) : std::string_view::npos;
    if (which != std::string_view::npos) ++i;
    out += which == std::string_view::npos ? text[i] : kMeant[which];
  }
  return out;
}

constexpr std::string_view kOperators[] = {"eq", "ne", "gt", "ge", "lt", "le"};

// A table's key: a list of column names, or one name as a plain text.
struct KeyColumns {
  std::vector<std::string> names;
};

// Row filters in their stored form: {column, operator, values}, values as texts.
struct Filters {
  boost::json::array list;
};

// Fills `out`; says what is wrong otherwise.
std::string read_filters(const value& given, boost::json::array& out) {
  if (!given.is_array()) return "must be a list of {column, operator, values}";
  for (const auto& item : given.as_array()) {
    const auto* object = item.if_object();
    const auto* column = object != nullptr ? object->if_contains("column") : nullptr;
    const auto* values = object != nullptr ? object->if_contains("values") : nullptr;
    if (column == nullptr || !column->is_string() || column->as_string().empty() || values == nullptr ||
        !values->is_array() || values->as_array().empty())
      return "each filter needs a column and a list of values";
    std::string op = "eq";
    if (const auto* named = object->if_contains("operator"); named != nullptr && named->is_string())
      op = std::string(named->as_string());
    if (std::find(std::begin(kOperators), std::end(kOperators), op) == std::end(kOperators))
      return "a filter's operator is one of eq, ne, gt, ge, lt, le";
    boost::json::array texts;
    for (const auto& v : values->as_array())
      texts.emplace_back(v.is_string() ? std::string(v.as_string()) : boost::json::serialize(v));
    out.push_back({{"column", *column}, {"operator", op}, {"values", texts}});
  }
  return "";
}

}  // namespace
}  // namespace agnes::catalog

template <>
struct agnes::json::Codec<agnes::catalog::KeyColumns> {
  static bool read(Reader& reader, const boost::json::value& value, catalog::KeyColumns& out) {
    if (value.is_string()) {
      out.names.emplace_back(value.as_string());
      return true;
    }
    return json::read(reader, value, out.names);
  }
  static boost::json::value write(const catalog::KeyColumns& key) { return to_json(key.names); }
  static boost::json::object schema(Components& components) {
    return json::schema<std::vector<std::string>>(components);
  }
};

template <>
struct agnes::json::Codec<agnes::catalog::Filters> {
  static bool read(Reader& reader, const boost::json::value& value, catalog::Filters& out) {
    const auto problem = catalog::read_filters(value, out.list);
    if (!problem.empty()) reader.fail("value_error", problem, value);
    return problem.empty();
  }
  static boost::json::value write(const catalog::Filters& filters) { return filters.list; }
  static boost::json::object schema(Components&) {
    return {{"type", "array"}, {"items", {{"type", "object"}, {"additionalProperties", true}}}};
  }
};

namespace agnes::catalog {
namespace {

// What a registration may say beside its name; all of it may be left out.
struct TableBody {
  TextField folder, sync_strategy;
  json::Field<KeyColumns> primary_key;
  TextField description, source_type, bucket, source_table, source_query, query_mode, sync_schedule;
  json::Field<bool> profile_after_sync;
  NumberField incremental_window_days, max_history_days;
  TextField incremental_column;
  json::Field<Filters> where_filters;
  TextField partition_by, partition_granularity;
  NumberField initial_load_chunk_days;

  // What holds for the whole table, given or already stored.
  static std::string problem_of(const Registration& row) {
    const std::string source = row.source_type.value_or("");
    const bool query = row.source_query.has_value() && !trim(*row.source_query).empty();
    const bool filters = row.where_filters.has_value();
    if (query && row.query_mode != "materialized") return "source_query needs query_mode materialized";
    if (row.query_mode == "materialized" && !query && source != "bigquery" && source != "keboola")
      return "query_mode materialized needs a source_query";
    if (row.sync_strategy == "partitioned") {
      if (!row.partition_by || row.partition_by->empty())
        return "sync_strategy partitioned needs partition_by";
      if (row.query_mode == "remote") return "a remote table is not extracted, so it cannot be partitioned";
      if (filters) return "sync_strategy partitioned and where_filters exclude each other";
    }
    if (row.sync_strategy == "incremental" && filters)
      return "sync_strategy incremental and where_filters exclude each other";
    if (row.sync_strategy == "incremental" && !row.incremental_window_days && !row.primary_key &&
        !row.incremental_column)
      return "sync_strategy incremental needs a primary_key, an incremental_column or "
             "incremental_window_days";
    if (row.query_mode == "remote" && filters)
      return "a remote table is not extracted, so where_filters mean nothing";
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
    take_or(row.sync_strategy, sync_strategy, "sync_strategy", std::string("full_refresh"));
    if (row.sync_strategy.empty()) row.sync_strategy = "full_refresh";
    if (!primary_key.omitted()) {
      note("primary_key");
      row.primary_key.reset();
      if (primary_key.has_value()) row.primary_key = state::json_text(json::to_json(*primary_key));
    }
    take(row.description, description, "description");
    if (row.description && !description.omitted()) row.description = without_shell_escapes(*row.description);
    take(row.source_type, source_type, "source_type");
    take(row.bucket, bucket, "bucket");
    take(row.source_table, source_table, "source_table");
    if (!source_query.omitted()) {
      note("source_query");
      row.source_query.reset();
      if (source_query.has_value() && !trim(*source_query).empty())
        row.source_query = std::string(trim(*source_query));
    }
    take_or(row.query_mode, query_mode, "query_mode", std::string("local"));
    take(row.sync_schedule, sync_schedule, "sync_schedule");
    take(row.incremental_window_days, incremental_window_days, "incremental_window_days");
    take(row.max_history_days, max_history_days, "max_history_days");
    take(row.incremental_column, incremental_column, "incremental_column");
    if (!where_filters.omitted()) {
      note("where_filters");
      row.where_filters.reset();
      if (where_filters.has_value() && !where_filters->list.empty())
        row.where_filters = state::json_text(where_filters->list);
    }
    take(row.partition_by, partition_by, "partition_by");
    take(row.partition_granularity, partition_granularity, "partition_granularity");
    if (row.sync_strategy == "partitioned" && !row.partition_granularity) row.partition_granularity = "month";
    take(row.initial_load_chunk_days, initial_load_chunk_days, "initial_load_chunk_days");
  }
};

#define AGNES_TABLE_RULES                                                                               \
  {.field = "sync_strategy", .check = check_strategy}, {.field = "source_type", .check = check_source}, \
      {.field = "sync_schedule", .check = check_schedule},                                              \
      {.field = "query_mode", .not_null = true, .check = check_mode},                                   \
      {.field = "partition_granularity", .check = check_granularity},                                   \
      {.field = "incremental_window_days", .ge = 1, .le = 100'000},                                     \
      {.field = "max_history_days", .ge = 1, .le = 100'000}, {                                          \
    .field = "initial_load_chunk_days", .ge = 1, .le = 100'000                                          \
  }

struct RegisterTable : TableBody {
  std::string name;
  static constexpr json::Rule rules[] = {{.field = "name", .check = check_name}, AGNES_TABLE_RULES};
};
struct UpdateTable : TableBody {
  TextField name;
  static constexpr json::Rule rules[] = {{.field = "name", .not_null = true, .check = check_name},
                                         AGNES_TABLE_RULES};
  void check(json::Check& check) const {
    if (source_query.has_value() && !trim(*source_query).empty() &&
        !(query_mode.has_value() && *query_mode == "materialized"))
      check.whole("source_query needs query_mode materialized beside it");
  }
};
#undef AGNES_TABLE_RULES
BOOST_DESCRIBE_STRUCT(TableBody, (),
                      (folder, sync_strategy, primary_key, description, source_type, bucket, source_table,
                       source_query, query_mode, sync_schedule, profile_after_sync, incremental_window_days,
                       max_history_days, incremental_column, where_filters, partition_by,
                       partition_granularity, initial_load_chunk_days))
BOOST_DESCRIBE_STRUCT(RegisterTable, (TableBody), (name))
BOOST_DESCRIBE_STRUCT(UpdateTable, (TableBody), (name))

std::string named(const std::string& name) {
  std::string text(trim(name));
  if (text.empty()) throw Error(ErrorKind::invalid, "a table needs a name");
  return text;
}

struct Prechecked {
  bool ok = true;
  boost::json::object table;
};
BOOST_DESCRIBE_STRUCT(Prechecked, (), (ok, table))

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
                boost::json::array{
                    value{{"type", "value_error"}, {"loc", {"body"}}, {"msg", problem}, {"input", nullptr}}});
}

Registration registration(const RegisterTable& body, const http::Caller& caller) {
  Registration row;
  row.name = named(body.name);
  row.id = id_for(row.name);
  body.apply(row, nullptr);
  row.folder = body.folder.optional();
  row.registered_by = caller.email;
  row.registered_at = now();
  refuse_incoherent(row);
  return row;
}

}  // namespace

void add_registry_routes(http::Routes& routes, access::Directory& directory, std::function<void()> changed,
                         std::function<void(const std::string&)> removed) {
  using http::Auth;
  state::Store& store = directory.store();

  routes.get("/api/admin/registry",
             {.auth = Auth::admin, .tag = "registry", .summary = "All registered tables"},
             [&store] { return store.read([](duck::Connection& c) { return list(c); }); });

  routes.post("/api/admin/register-table",
              {.auth = Auth::admin, .status = 201, .tag = "registry", .summary = "Register a table"},
              [&store, changed](const http::Caller& caller, const RegisterTable& body) {
                const Registration row = registration(body, caller);
                store.write([&](duck::Connection& c) {
                  insert(c, row);
                  state::audit(c, {.user_id = caller.user_id,
                                   .action = "register_table",
                                   .resource = row.id,
                                   .params = json::to_json(body).as_object()});
                });
                changed();
                return Registered{row.id, row.name, "registered"};
              });

  routes.post("/api/admin/register-table/precheck",
              {.auth = Auth::admin,
               .tag = "registry",
               .summary = "Whether a registration would be taken, without making it"},
              [&store](const http::Caller& caller, const RegisterTable& body) {
                const Registration row = registration(body, caller);
                store.read([&](duck::Connection& c) { refuse_taken(c, row); });
                return Prechecked{
                    true,
                    {{"name", row.name},
                     {"source_type", json::to_json(row.source_type)},
                     {"bucket", json::to_json(row.bucket)},
                     {"source_table", json::to_json(row.source_table)},
                     {"rows", nullptr},
                     {"size_bytes", nullptr},
                     {"columns", boost::json::array{}},
                     {"note", "The name is free; rows and columns are known after the first sync."}}};
              });

  routes.put("/api/admin/registry/{table_id}",
             {.auth = Auth::admin,
              .tag = "registry",
              .summary = "Change a registration: what is left out stays, null clears"},
             [&store, changed](const http::Caller& caller, const http::Param<"table_id">& id,
                               const UpdateTable& body) {
               const auto names = store.write([&](duck::Connection& c) {
                 auto row = find(c, *id);
                 if (!row) throw Error(ErrorKind::not_found, "there is no registered table " + *id);
                 std::vector<std::string> names;
                 if (body.name.has_value()) {
                   names.emplace_back("name");
                   row->name = named(*body.name);
                 }
                 body.apply(*row, &names);
                 if (body.profile_after_sync.has_value()) {
                   names.emplace_back("profile_after_sync");
                   row->profile_after_sync = *body.profile_after_sync;
                 }
                 if (row->query_mode != "materialized" && body.source_query.omitted())
                   row->source_query.reset();
                 refuse_incoherent(*row);
                 update(c, *row);
                 state::audit(c, {.user_id = caller.user_id,
                                  .action = "update_table",
                                  .resource = *id,
                                  .params = json::to_json(body).as_object()});
                 return names;
               });
               changed();
               return Updated{*id, names};
             });

  routes.del(
      "/api/admin/registry/{table_id:path}",
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
