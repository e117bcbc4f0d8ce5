#include "cli/api.h"
#include "cli/commands/catalog_metrics.h"
#include "cli/commands/commands.h"
#include "cli/facts.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/catalogue.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
// `rows` and `size_bytes` are what its engine says of a table that stays there.
struct CatalogEntry : contract::CatalogueTable {
  std::optional<std::int64_t> row_count, bytes;
  std::optional<Timestamp> updated;
  static constexpr json::Rule rules[] = {
      {.field = "row_count", .description = "Of the data that agnes pull fetches, as are bytes and updated"}};
};
BOOST_DESCRIBE_STRUCT(CatalogEntry, (contract::CatalogueTable), (row_count, bytes, updated))
struct Catalog {
  std::vector<CatalogEntry> tables;
  std::string server_time;
};
BOOST_DESCRIBE_STRUCT(Catalog, (), (tables, server_time))

// What a pull would fetch. The workspace knows it when nothing changed since the last one.
Manifest manifest_of(Api& api) {
  const auto root = find_workspace();
  PullState state = root ? load_pull_state({*root}) : PullState{};
  const bool known = state.server == api.server() && !state.manifest_etag.empty();
  http_client::Request request{.method = "GET", .path = "/api/sync/manifest", .headers = {}, .body = {}};
  if (known) request.headers.emplace_back("If-None-Match", state.manifest_etag);
  const Response response = api.send(request);
  if (response.status == 304) return std::move(state.manifest);
  try {
    return response.ok() ? parse_manifest(response.json()) : Manifest{};
  } catch (const Error&) {
    return {};  // there is less to show then
  }
}

Catalog joined(contract::Catalogue catalogue, const Manifest& manifest) {
  Catalog out{.tables = {}, .server_time = std::move(catalogue.server_time)};
  for (auto& table : catalogue.tables) {
    CatalogEntry entry;
    static_cast<contract::CatalogueTable&>(entry) = std::move(table);
    if (const auto found = manifest.find(entry.name); found != manifest.end() && found->second.has_file()) {
      entry.row_count = found->second.rows;
      entry.bytes = static_cast<std::int64_t>(found->second.size);
      entry.updated = found->second.updated;
    }
    out.tables.push_back(std::move(entry));
  }
  return out;
}

Catalog fetch_catalog(bool refresh) {
  Api api;
  try {
    const Manifest manifest = manifest_of(api);
    return joined(fetch<contract::Catalogue>(api, "/api/v2/catalog", "list the tables",
                                             refresh ? Params{{"refresh", "1"}} : Params{}),
                  manifest);
  } catch (const http_client::TransportError& error) {
    auto facts = recall(error);
    return joined(std::move(facts.catalogue), load_pull_state({workspace_folder()}).manifest);
  }
}

// Whether each of the words stands in what names or describes the table.
bool is_wanted(const CatalogEntry& table, const std::vector<std::string>& words) {
  const std::string text = to_lower(join({table.id, table.name, table.description, table.source_type}, "\n"));
  return std::all_of(words.begin(), words.end(),
                     [&](const std::string& word) { return text.find(word) != text.npos; });
}

std::vector<std::string> fields_of(const std::string& given) {
  const auto known = json::to_json(CatalogEntry{});
  std::vector<std::string> fields;
  for (const auto& part : split(given, ',')) {
    const std::string field(trim(part));
    if (field.empty()) continue;
    if (known.as_object().contains(field)) {
      fields.push_back(field);
      continue;
    }
    Nearest nearest(field, 4);
    std::vector<std::string> all;
    for (const auto& item : known.as_object()) {
      nearest.offer(item.key());
      all.emplace_back(item.key());
    }
    throw Failure(Cause::usage, fmt::format("a table has no field '{}'", escape_control(field)),
                  meant(nearest, join(all, ", ")));
  }
  return fields;
}

void print_fields(const Catalog& catalog, const std::vector<std::string>& fields, bool as_json) {
  std::vector<std::string> tables;
  std::vector<std::vector<std::string>> rows;
  for (const auto& table : catalog.tables) {
    const auto all = json::to_json(table);
    boost::json::object item;
    auto& row = rows.emplace_back();
    for (const auto& field : fields) {
      item[field] = all.at(field);
      row.push_back(plain(all.at(field)));
    }
    tables.push_back(boost::json::serialize(item));
  }
  // A line a table: short, and for eyes, too.
  if (as_json)
    return print("{{\n  \"tables\": [\n    {}\n  ],\n  \"server_time\": {}\n}}", join(tables, ",\n    "),
                 json_string(catalog.server_time));
  std::vector<std::string> headings;
  for (const auto& field : fields)
    std::transform(field.begin(), field.end(), std::back_inserter(headings.emplace_back()),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  out(columns_text(headings, rows));
}

// A column that says the same of every table says nothing.
template <class Get>
bool differs(const std::vector<CatalogEntry>& tables, Get get) {
  return std::any_of(tables.begin(), tables.end(),
                     [&](const auto& table) { return get(table) != get(tables.front()); });
}

void show(const Catalog& catalog) {
  const auto& tables = catalog.tables;
  const bool source = differs(tables, [](const auto& table) { return table.source_type; });
  const bool mode = std::any_of(tables.begin(), tables.end(),
                                [](const auto& table) { return table.query_mode != "local"; });
  const bool name =
      std::any_of(tables.begin(), tables.end(), [](const auto& table) { return table.name != table.id; });
  const auto choose = [&](std::vector<std::pair<bool, std::string>> cells) {
    std::vector<std::string> row;
    for (auto& [wanted, text] : cells)
      if (wanted) row.push_back(std::move(text));
    return row;
  };
  std::vector<std::vector<std::string>> rows;
  for (const auto& table : tables) {
    const auto count = table.row_count ? table.row_count : table.rows;
    const auto size = table.bytes ? table.bytes : table.size_bytes;
    rows.push_back(choose({{true, table.id},
                           {name, table.name},
                           {true, count ? with_thousands(*count) : "-"},
                           {true, size ? human_bytes(static_cast<std::uint64_t>(*size)) : "-"},
                           {true, table.updated ? age_text(*table.updated) : "-"},
                           {source, table.source_type},
                           {mode, table.query_mode},
                           {true, table.description}}));
  }
  out(columns_text(choose({{true, "ID"},
                           {name, "NAME"},
                           {true, "ROWS"},
                           {true, "SIZE"},
                           {true, "AGE"},
                           {source, "SOURCE"},
                           {mode, "MODE"},
                           {true, "DESCRIPTION"}}),
                   rows));
}

void list_tables(const Args& args) {
  const auto fields = fields_of(args.text("fields"));
  auto words = split(to_lower(args.text("WORDS")), ' ');
  std::erase(words, "");
  Catalog catalog = fetch_catalog(args.flag("refresh"));
  const bool any = !catalog.tables.empty();
  std::erase_if(catalog.tables, [&](const CatalogEntry& table) { return !is_wanted(table, words); });
  if (!fields.empty()) return print_fields(catalog, fields, args.json());
  if (args.json()) return print_json(json::to_json(catalog));
  if (!any) return print("No tables yet: ask an administrator of {} to grant you some.", server_url());
  if (catalog.tables.empty()) return print("No table has that in its name or description: agnes catalog");
  show(catalog);
}

void run(const Args& args) {
  const auto metric = args.find("show");
  if (!args.flag("metrics") && !metric) return list_tables(args);
  if (args.find("WORDS") || args.find("fields"))
    throw Failure(Cause::usage, "words and --fields choose tables, not metrics", "leave them out");
  if (metric) {
    const auto found = metric_of(list_metrics(), *metric);
    return args.json() ? print_json(json::to_json(found)) : show_metric(found);
  }
  const auto metrics = list_metrics();
  args.json() ? print_json(json::to_json(metrics)) : show_metrics(metrics);
}
}  // namespace

Command catalog_command() {
  return {.name = "catalog",
          .help = "List the tables that you may see, or the metrics",
          .arguments = {{.name = "WORDS",
                         .help = "Only tables with all of them in their name or description",
                         .required = false,
                         .many = true}},
          .options = {{.names = "--fields",
                       .value = "NAMES",
                       .help = "Only these fields of the JSON form, with commas between them"},
                      {.names = "--refresh",
                       .value = "",
                       .help = "Have the server ask the engines instead of its cache"},
                      {.names = "--metrics", .value = "", .help = "List the metrics instead of the tables"},
                      {.names = "--show", .value = "ID", .help = "All about one metric"}},
          .run = {run,
                  {{"", &json::schema<Catalog>},
                   {"--metrics", &json::schema<std::vector<contract::Metric>>},
                   {"--show", &json::schema<contract::Metric>}}},
          .example =
              "  agnes catalog crm orders\n"
              "  agnes catalog --json --fields id,row_count,bytes,description\n"};
}

}  // namespace agnes::cli
