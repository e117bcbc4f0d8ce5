#include "cli/api.h"
#include "cli/commands/catalog_metrics.h"
#include "cli/commands/commands.h"
#include "cli/commands/metrics_yaml.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/metrics.h"
#include "contract/registry.h"
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

std::vector<contract::Metric> all_metrics(Api& api) {
  return fetch<contract::MetricList>(api, "/api/metrics", "list the metrics").metrics;
}

std::string counted(std::size_t metrics) {
  return fmt::format("{} metric{}", metrics, metrics == 1 ? "" : "s");
}

contract::MetricsImported run_import(const Args& args) {
  const auto metrics = read_metrics(args.text("PATH"));
  Api api;
  const Response response = api.send(upload("/api/admin/metrics/import", "metrics.yml", pretty(metrics)));
  expect(response, {200}, "import the metrics");
  auto done = contract::read<contract::MetricsImported>(response.json());
  done.count = static_cast<std::int64_t>(metrics.size());
  return done;
}
void show_imported(const contract::MetricsImported& done, const Args& args) {
  for (const auto& warning : done.warnings) note("Note: {}", escape_control(warning));
  print("Imported {} from {}.", counted(static_cast<std::size_t>(done.count)),
        escape_control(args.text("PATH")));
}

// Names come from a server: none of them may lead out of the folder.
bool is_file_name(const std::string& name) {
  return !name.empty() && name.front() != '.' && name.find('/') == name.npos && escape_control(name) == name;
}

struct LeftOut {
  std::string id, why;
};
BOOST_DESCRIBE_STRUCT(LeftOut, (), (id, why))
struct Exported {
  std::vector<std::string> files;
  std::vector<LeftOut> left_out;
};
BOOST_DESCRIBE_STRUCT(Exported, (), (files, left_out))

Exported run_export(const Args& args) {
  const fs::path folder = args.text("dir");
  Api api;
  const auto metrics = all_metrics(api);
  std::set<fs::path> written;
  Exported done;
  for (const auto& metric : metrics) {
    const fs::path file = folder / metric.category / (metric.name + ".yml");
    const bool taken = written.contains(file);
    if (!is_file_name(metric.category) || !is_file_name(metric.name) || taken) {
      done.left_out.push_back({metric.id, taken ? "its category and name are those of another one"
                                                : "its category and name make no file's name"});
      continue;
    }
    std::error_code error;
    fs::create_directories(file.parent_path(), error);
    if (error)
      throw Failure(Cause::failed, fmt::format("cannot make the folder {}: {}", file.parent_path().string(),
                                               error.message()));
    replace_file(file, metric_yaml(metric));
    written.insert(file);
    done.files.push_back(file.string());
  }
  return done;
}
void show_exported(const Exported& done, const Args& args) {
  print("Exported {} to {}.", counted(done.files.size()), escape_control(args.text("dir")));
}
void tell_left_out(const Exported& done) {
  for (const auto& [id, why] : done.left_out)
    say_error(Cause::partly_failed, fmt::format("left out {}: {}", escape_control(id), why));
  if (!done.left_out.empty()) throw Exit{Cause::partly_failed};
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
std::vector<std::string> problems_of(Api& api, const contract::Metric& metric,
                                     const std::set<std::string>& tables) {
  std::vector<std::string> problems;
  std::set<std::string> missing;
  auto needed = metric.tables.value_or(std::vector<std::string>{});
  needed.push_back(metric.table_name.value_or(""));
  for (const auto& table : needed)
    if (!table.empty() && !tables.contains(to_lower(table))) missing.insert(table);
  for (const auto& name : missing) problems.push_back(fmt::format("the table {} is not registered", name));

  std::vector<std::pair<std::string, std::string>> statements{{"sql", metric.sql}};
  for (const auto& [key, sql] : variants_of(metric)) statements.emplace_back("sql_" + key, sql);
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
  return problems;
}

Done run_delete(const Args& args) {
  Api api;
  std::string id = args.text("METRIC");
  const auto send = [&] { return api.del("/api/admin/metrics/" + http_client::percent_encode(id)); };
  Response response = send();
  if (response.status == 404) {
    id = metric_of(all_metrics(api), id).id;
    response = send();
  }
  expect(response, {200, 204}, "delete the metric " + escape_control(id));
  return {"deleted", "metric", id, {}};
}

struct CheckedMetric {
  std::string id;
  std::vector<std::string> problems;
};
BOOST_DESCRIBE_STRUCT(CheckedMetric, (), (id, problems))

std::vector<CheckedMetric> run_validate(const Args&) {
  Api api;
  std::set<std::string> tables;
  for (const auto& table :
       fetch<contract::RegistryList>(api, "/api/admin/registry", "list the registered tables").tables)
    for (const auto& name : {table.id, table.name}) tables.insert(to_lower(name));
  std::vector<CheckedMetric> out;
  for (const auto& metric : all_metrics(api)) out.push_back({metric.id, problems_of(api, metric, tables)});
  return out;
}
std::size_t bad_of(const std::vector<CheckedMetric>& metrics) {
  return static_cast<std::size_t>(std::count_if(
      metrics.begin(), metrics.end(), [](const CheckedMetric& metric) { return !metric.problems.empty(); }));
}
void show_checked(const std::vector<CheckedMetric>& metrics) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& metric : metrics)
    rows.push_back({metric.problems.empty() ? "ok" : "PROBLEM", metric.id, join(metric.problems, "; ")});
  if (!rows.empty()) out(columns_text({"", "METRIC", "WHY"}, rows));
  print("{}, {} with a problem.", counted(metrics.size()), bad_of(metrics));
}
void tell_bad(const std::vector<CheckedMetric>& metrics) {
  if (bad_of(metrics) > 0) throw Exit{Cause::partly_failed};
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
             .run = answers(run_import, show_imported)},
            {.name = "export",
             .help = "Write every metric to <category>/<name>.yml",
             .options = {{.names = "--dir", .value = "FOLDER", .help = "Where to", .fallback = "./export/"}},
             .run = answers(run_export, show_exported, tell_left_out)},
            {.name = "validate",
             .help = "Check that every metric's tables are there and its SQL can be run",
             .run = answers(run_validate, show_checked, tell_bad)},
            {.name = "delete",
             .help = "Delete a metric",
             .arguments = {{.name = "METRIC",
                            .help = "The metric's id, as agnes catalog --metrics lists it"}},
             .run = answers(run_delete, show_done),
             .question = "Delete the metric {METRIC}?"}},
       .example = "  agnes admin metrics import docs/metrics\n"}};
}

}  // namespace agnes::cli
