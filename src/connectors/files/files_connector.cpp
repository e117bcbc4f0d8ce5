#include "connectors/files/files_connector.h"

#include <set>

#include "app/config/lost_folder.h"
#include "connectors/files/table_spec.h"
#include "connectors/source_error.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/workers/task.h"

namespace agnes::connectors::files {

namespace {

using boost::json::object;
using boost::json::value;

// Names of tables that a sync has seen before. One that is here and not registered was unregistered by
// somebody, and stays so until it is registered again.
constexpr const char* kKnownFile = ".agnes-known.json";

std::set<std::string> read_known(const fs::path& file) {
  std::set<std::string> out;
  const auto text = read_file(file);
  if (!text) return out;
  boost::system::error_code error;
  const auto parsed = boost::json::parse(*text, error);
  if (!error && parsed.is_array())
    for (const auto& item : parsed.as_array())
      if (item.is_string()) out.emplace(item.as_string());
  return out;
}

constexpr const char* kNoPath = "data_source.files.path is not set: the folder, or glob, of the files";

// Whether other programs have left extracts for us.
bool has_other_extracts(const fs::path& extracts) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(extracts, error)) {
    const std::string name = entry.path().filename();
    if (name != "files" && !name.starts_with('.') && entry.is_directory(error)) return true;
  }
  return false;
}

// Why a table failed, with what to do.
std::string told(const TableResult& table) {
  std::string out = table.error;
  if (table.error_kind == "malformed")
    out += table.line ? "; correct that line" : "; correct or replace the file";
  if (table.kept) out += "; its last good version stays";
  return out;
}

}  // namespace

fs::path root_of(const std::string& path) {
  const auto wild = path.find_first_of("*?[");
  if (wild == std::string::npos) return path;
  const auto slash = path.rfind('/', wild);
  return slash == std::string::npos ? fs::path(".") : fs::path(path.substr(0, slash + 1));
}

FilesConnector::FilesConnector(const config::Config& config)
    : places_(config.places()),
      settings_(config.get<FilesSettings>()),
      limits_(config.get<extracts::ExtractSettings>()),
      lost_folder_(config::lost_folder(places_)) {}

Job FilesConnector::job(const fs::path& spill) const {
  Job job;
  job.path = settings_.path;
  job.extract_dir = places_.extracts() / "files";
  job.temp_dir = spill;
  job.memory_bytes = limits_.duckdb_memory_bytes();
  job.exclude = settings_.exclude;
  job.tables = read_specs(settings_.tables, job.wrong);
  return job;
}

Discovery FilesConnector::preview() const {
  const Job job = this->job({});
  workers::Confinement confinement;
  confinement.readable = {root_of(settings_.path)};
  confinement.memory_bytes = 2 * (limits_.memory_mb << 20);
  const auto ends = std::chrono::steady_clock::now() + sync::kSourceTimeout;
  try {
    const workers::TaskContext context{[](const value&) {}, StopToken().until(ends)};
    return json::from_json<Discovery>(workers::run_task("files.discover", confinement,
                                                        {{"job", json::to_json(job)}, {"rows", 0}}, context));
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::timeout)
      throw source_error(
          ErrorKind::gateway_timeout, "timeout",
          fmt::format("the folder {} was not read in {} s", settings_.path, sync::kSourceTimeout.count()),
          "A network share that hangs, for one");
    throw source_error(ErrorKind::bad_gateway, "unreachable", error.what(), "");
  }
}

boost::json::object FilesConnector::test() {
  if (settings_.path.empty()) throw source_error(ErrorKind::bad_request, "not_configured", kNoPath);
  const auto found = preview();
  return {{"folder", settings_.path},
          {"tables", found.tables.size()},
          {"problems", json::to_json(found.problems)}};
}

// A table may be registered before its file comes: what is missing is told, not refused.
object FilesConnector::look_up(const catalog::Registration& row) {
  if (settings_.path.empty()) return {};
  Discovery found;
  try {
    found = preview();
  } catch (const Error& error) {
    return {{"note", error.what()}};
  }
  Nearest nearest(row.name, 4);
  for (const auto& preview : found.tables) {
    if (iequals(preview.table, row.name)) return {{"size_bytes", preview.size_bytes}};
    nearest.offer(preview.table);
  }
  return {{"note",
           fmt::format(
               "no file or sub-folder of {} makes the table {} yet{}; bring it there, or correct the name",
               settings_.path, row.name,
               nearest.best().empty() ? "" : fmt::format(" (is {} meant?)", nearest.best()))}};
}

sync::Discovery FilesConnector::discover(const std::optional<std::string>& /*part*/) {
  sync::Discovery out;
  if (settings_.path.empty()) {
    out.problem = kNoPath;
    return out;
  }
  const auto found = preview();
  const Job job = this->job({});
  for (const auto& preview : found.tables) {
    auto& offer = out.offers.emplace_back();
    offer.shown = {{"id", catalog::id_for(preview.table)},
                   {"name", preview.table},
                   {"files", json::to_json(preview.files)},
                   {"format", preview.format},
                   {"size_bytes", preview.size_bytes}};
    offer.row.id = catalog::id_for(preview.table);
    offer.row.name = preview.table;
    offer.row.source_type = source_type();
    for (const auto& spec : job.tables)
      if (spec.name == preview.table) offer.row.description = spec.description;
  }
  out.more["problems"] = json::to_json(found.problems);
  return out;
}

sync::Extraction FilesConnector::extract(const std::vector<catalog::Registration>& registered,
                                         const sync::TableSelection& selection,
                                         const jobs::Context& context) {
  if (settings_.path.empty()) {
    // A server may live by other sources and by what other programs leave.
    const bool is_meant = registered.empty()
                              ? !has_other_extracts(places_.extracts())
                              : std::any_of(registered.begin(), registered.end(), [&](const auto& row) {
                                  return row.source_type == source_type() && is_local(row);
                                });
    if (is_meant)
      throw Error(ErrorKind::invalid, lost_folder_.empty() ? fmt::format("{}; set it, and restart", kNoPath)
                                                           : fmt::format("{}; {}", kNoPath, lost_folder_));
    return {};
  }
  const fs::path spill_root = places_.data / "tmp";
  fs::create_directories(spill_root);
  TemporaryFolder spill(spill_root);
  Job job = this->job(spill.path());
  fs::create_directories(job.extract_dir);

  workers::Confinement confinement;
  confinement.readable = {root_of(settings_.path)};
  confinement.writable = {job.extract_dir, job.temp_dir};
  confinement.memory_bytes = 2 * (limits_.memory_mb << 20);
  const auto ends = std::chrono::steady_clock::now() + std::chrono::seconds(limits_.timeout_seconds);
  const auto late = [&] { return std::chrono::steady_clock::now() > ends; };
  const workers::TaskContext relay{[&](const value& said) { context.progress(said); },
                                   context.stop().until(ends)};
  const auto run_task = [&](const std::string& task, const value& input) {
    try {
      return workers::run_task(task, confinement, input, relay);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::timeout || context.cancelled() || !late()) throw;
      throw Error(ErrorKind::timeout,
                  fmt::format("the sync of files was ended at its limit of {} s (extract.timeout_seconds); "
                              "what was finished is kept",
                              limits_.timeout_seconds));
    }
  };

  std::set<std::string> registered_names;
  for (const auto& row : registered) registered_names.insert(to_lower(row.name));
  const fs::path known_file = fs::path(job.extract_dir) / kKnownFile;
  auto known = read_known(known_file);
  const auto found =
      json::from_json<Discovery>(run_task("files.discover", {{"job", json::to_json(job)}, {"rows", 0}}));
  std::set<std::string> new_tables;
  std::vector<std::string> wanted;
  for (const auto& preview : found.tables) {
    const bool is_registered = registered_names.contains(to_lower(preview.table));
    if (!is_registered && (!settings_.auto_register || known.contains(preview.table))) continue;
    if (!is_registered) new_tables.insert(preview.table);
    wanted.push_back(preview.table);
  }
  // A registered table whose file is gone is asked for too: it then leaves the extract.
  for (const auto& row : registered)
    if (row.source_type.value_or("") == source_type() && is_local(row) &&
        std::find_if(wanted.begin(), wanted.end(),
                     [&](const auto& name) { return iequals(name, row.name); }) == wanted.end())
      wanted.push_back(row.name);
  std::erase_if(wanted, [&](const std::string& name) {
    return !selection.includes(name) && !(selection.includes_new() && new_tables.contains(name));
  });
  job.only = wanted;

  const auto outcome = json::from_json<Outcome>(run_task("files.extract", json::to_json(job)));
  std::vector<sync::TableOutcome> out;
  for (const auto& table : outcome.tables) {
    if (table.status == "removed") continue;  // as what never was there
    sync::TableOutcome item;
    item.name = table.name;
    item.failed = table.status == "failed";
    item.error = told(table);
    item.kind = table.error_kind;
    item.duration_ms = table.duration_ms;
    item.is_new = new_tables.contains(table.name) && (table.status == "ok" || table.status == "unchanged");
    for (const auto& spec : job.tables)
      if (iequals(spec.name, table.name)) item.description = spec.description;
    if (item.is_new) known.insert(table.name);
    out.push_back(std::move(item));
  }
  std::vector<Problem> problems;
  for (const auto& problem : outcome.problems) {
    const bool is_registered = registered_names.contains(to_lower(problem.table));
    // What nobody asked to be a table may lie there as it likes.
    const bool is_wanted = is_registered || new_tables.contains(problem.table) ||
                           (settings_.auto_register && !known.contains(problem.table));
    if (!is_wanted && problem.kind != "empty") continue;
    const bool is_reported = std::any_of(out.begin(), out.end(),
                                         [&](const auto& item) { return iequals(item.name, problem.table); });
    if (!is_registered || is_reported || problem.is_note()) {
      problems.push_back(problem);
      continue;
    }
    // A table of which nothing could be made: two files of one name, a refused link.
    sync::TableOutcome item;
    item.name = problem.table;
    item.failed = true;
    item.error = problem.message;
    item.kind = problem.kind;
    out.push_back(std::move(item));
  }
  boost::json::array list;
  for (const auto& name : known) list.emplace_back(name);
  const auto text = boost::json::serialize(list);
  if (read_file(known_file) != text) replace_file(known_file, text);
  return {std::move(out), std::move(problems)};
}

void FilesConnector::remove(const std::string& name, const jobs::Context& context) {
  Job job;
  job.path = settings_.path;
  job.extract_dir = places_.extracts() / "files";
  if (!fs::exists(job.extract_dir)) return;
  workers::Confinement confinement;
  confinement.writable = {job.extract_dir};
  workers::run_task("files.remove", confinement, {{"job", json::to_json(job)}, {"table", name}},
                    {[](const value&) {}, context.stop()});
}

}  // namespace agnes::connectors::files
