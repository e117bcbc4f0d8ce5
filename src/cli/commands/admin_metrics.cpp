#include <boost/json/parse.hpp>

#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/commands/metrics_yaml.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/metrics.h"
#include "contract/read.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
// A file of a form, as browsers send it. `content` is JSON, which cannot hold the boundary: it begins with a
// line break.
http_client::Request upload(const std::string& path, const std::string& name, const std::string& content) {
  static constexpr std::string_view kBoundary = "agnes-0b7c5f7e4a1d";
  http_client::Request request;
  request.method = "POST";
  request.path = path;
  request.headers = {{"Content-Type", fmt::format("multipart/form-data; boundary={}", kBoundary)}};
  request.body = fmt::format(
      "--{0}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{1}\"\r\nContent-Type: "
      "application/yaml\r\n\r\n"
      "{2}\r\n--{0}--\r\n",
      kBoundary, name, content);
  request.timeout = std::chrono::seconds(300);
  return request;
}

std::vector<json::object> list_of(const json::value& answer, std::string_view key) {
  const auto* list = answer.is_object() ? answer.get_object().if_contains(key) : nullptr;
  std::vector<json::object> out;
  if (list != nullptr && list->is_array())
    for (const auto& item : list->get_array())
      if (item.is_object()) out.push_back(item.get_object());
  return out;
}

std::vector<json::object> all_metrics(Api& api) {
  return list_of(fetch(api, "/api/metrics", "list the metrics"), "metrics");
}

void run_import(const Args& args) {
  const auto metrics = read_metrics(args.text("PATH"));
  Api api;
  const Response response = api.send(upload("/api/admin/metrics/import", "metrics.yml", pretty(metrics)));
  expect(response, {200}, "import the metrics");
  for (const auto& warning : contract::read<contract::MetricsImported>(response.json()).warnings)
    note("Note: {}", escape_control(warning));
  print("Imported {} metric{} from {}.", metrics.size(), metrics.size() == 1 ? "" : "s",
        escape_control(args.text("PATH")));
}

// Names come from a server: none of them may lead out of the folder.
bool is_file_name(const std::string& name) {
  return !name.empty() && name.front() != '.' && name.find('/') == name.npos && escape_control(name) == name;
}

void run_export(const Args& args) {
  const fs::path folder = args.text("dir");
  Api api;
  const auto metrics = all_metrics(api);
  std::set<fs::path> written;
  std::size_t left_out = 0;
  for (const auto& metric : metrics) {
    const std::string category = plain(metric, "category"), name = plain(metric, "name");
    const fs::path file = folder / category / (name + ".yml");
    if (!is_file_name(category) || !is_file_name(name) || written.contains(file)) {
      ++left_out;
      note("Left out {}: its category and name {}", escape_control(plain(metric, "id")),
           written.contains(file) ? "are those of another one" : "make no file's name");
      continue;
    }
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error)
      throw Failure(
          1, fmt::format("cannot make the folder {}: {}", file.parent_path().string(), error.message()));
    replace_file(file, metric_yaml(metric));
    written.insert(file);
  }
  print("Exported {} metric{} to {}.", written.size(), written.size() == 1 ? "" : "s",
        escape_control(folder.string()));
  if (left_out > 0) throw Exit{1};
}

// Has the server read a statement and look its names up, without running it. EXPLAIN does that; what cannot
// be explained (PIVOT, on older servers anything) is asked for no rows.
Response dry_run(Api& api, std::string_view sql) {
  const auto ask = [&](const std::string& statement) {
    return api.post("/api/query", json::object{{"sql", statement}, {"limit", 1}}, std::chrono::seconds(120));
  };
  Response explained = ask(fmt::format("EXPLAIN {}", sql));
  if (explained.status != 400) return explained;
  sql = trim(sql);
  while (sql.ends_with(';')) sql = trim(sql.substr(0, sql.size() - 1));
  Response asked = ask(fmt::format("SELECT * FROM (\n{}\n) AS metric LIMIT 0", sql));
  return asked.status == 400 ? explained : asked;
}

// Why the metric does not answer at the moment; empty when it does.
std::string problem_of(Api& api, const json::object& metric, const std::set<std::string>& tables) {
  std::vector<std::string> problems;
  std::set<std::string> missing;
  const auto check_sql = [&](const json::value& table) {
    if (const std::string name = plain(table); !name.empty() && !tables.contains(to_lower(name)))
      missing.insert(name);
  };
  if (const auto* table = metric.if_contains("table_name")) check_sql(*table);
  if (const auto* list = metric.if_contains("tables"); list != nullptr && list->is_array())
    for (const auto& table : list->get_array()) check_sql(table);
  for (const auto& name : missing) problems.push_back(fmt::format("the table {} is not registered", name));

  std::vector<std::pair<std::string, std::string>> statements{{"sql", plain(metric, "sql")}};
  boost::system::error_code error;
  const auto variants = json::parse(plain(metric, "sql_variants"), error);
  if (!error && variants.is_object())
    for (const auto& [key, sql] : variants.get_object())
      statements.emplace_back("sql_" + std::string(key), plain(sql));
  for (const auto& [key, sql] : statements) {
    if (trim(sql).empty()) {
      problems.push_back("it has no " + key);
      continue;
    }
    const Response response = dry_run(api, sql);
    if (response.status >= 500 || response.status == 401 || response.status == 429)
      expect(response, {200}, "check a metric");
    // A missing table is told once.
    if (response.status != 200 && (missing.empty() || response.status != 403))
      problems.push_back(key + ": " + refusal(response));
  }
  return join(problems, "; ");
}

void run_delete(const Args& args) {
  Api api;
  expect(api.del("/api/admin/metrics/" + http_client::percent_encode(args.text("METRIC"))), {200, 204},
         "delete the metric " + escape_control(args.text("METRIC")));
  print("Deleted the metric {}.", args.text("METRIC"));
}

void run_validate(const Args&) {
  Api api;
  const auto metrics = all_metrics(api);
  std::set<std::string> tables;
  for (const auto& table : list_of(fetch(api, "/api/admin/registry", "list the registered tables"), "tables"))
    for (const auto* key : {"id", "name"}) tables.insert(to_lower(plain(table, key)));
  std::vector<std::vector<std::string>> rows;
  std::size_t bad = 0;
  for (const auto& metric : metrics) {
    const std::string problem = problem_of(api, metric, tables);
    if (!problem.empty()) ++bad;
    rows.push_back({problem.empty() ? "ok" : "PROBLEM", plain(metric, "id"), problem});
  }
  if (!rows.empty()) out(columns_text({"", "METRIC", "WHY"}, rows));
  print("{} metric{}, {} with a problem.", metrics.size(), metrics.size() == 1 ? "" : "s", bad);
  if (bad > 0) throw Exit{1};
}
}  // namespace

std::vector<Command> admin_metrics_commands() {
  return {
      {.name = "metrics",
       .help = "Metric definitions: from files, to files, and whether they answer",
       .commands =
           {{.name = "import",
             .help = "Define metrics by YAML files: all of them or, when one is wrong, none",
             .arguments = {{.name = "PATH", .help = "A file, or a folder of <category>/<name>.yml"}},
             .run = run_import},
            {.name = "export",
             .help = "Write every metric to <category>/<name>.yml",
             .options = {{.names = "--dir", .value = "FOLDER", .help = "Where to", .fallback = "./export/"}},
             .run = run_export},
            {.name = "validate",
             .help = "Check that every metric's tables are there and its SQL can be run",
             .run = run_validate},
            {.name = "delete",
             .help = "Delete a metric",
             .arguments = {{.name = "METRIC",
                            .help = "The metric's id, as agnes catalog --metrics lists it"}},
             .run = run_delete,
             .question = "Delete the metric {METRIC}?"}},
       .example = "  agnes admin metrics import docs/metrics\n"}};
}

}  // namespace agnes::cli
