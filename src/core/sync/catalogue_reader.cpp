#include "core/sync/catalogue_reader.h"

#include "core/catalog/registry.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/workers/task.h"

namespace agnes::sync {

namespace {

constexpr const char* kPinFolder = ".agnes-pins";
constexpr const char* kCacheFile = ".agnes-cache.json";
constexpr const char* kKeptFile = "catalogue.json";  // in the state folder
constexpr std::uint64_t kReaderMemory = 2ull << 30;

// Whether what an extract holds can have ended its reader so.
bool is_fault_of_extract(const Error& error) {
  return error.kind() == ErrorKind::internal || error.kind() == ErrorKind::timeout;
}

}  // namespace

CatalogueReader::CatalogueReader(const config::Places& places, std::chrono::seconds limit,
                                 std::function<extracts::RemoteRules()> remote)
    : places_(places), limit_(limit), remote_(std::move(remote)) {
  fs::create_directories(places_.extracts() / kPinFolder);
  fs::create_directories(places_.analytics().parent_path());
}

extracts::Catalogue CatalogueReader::read(Known known, const jobs::Context& context) {
  extracts::ReadOptions options;
  options.extracts_dir = places_.extracts();
  options.cache_file = places_.extracts() / kCacheFile;
  options.pin_folder = places_.extracts() / kPinFolder;
  options.keep_pins = std::move(known.keep_pins);
  options.analytics_file = places_.analytics();
  options.owners = std::move(known.owners);
  options.registered = std::move(known.registered);
  options.files = catalog::kFilesFolder;
  options.materialized = std::move(known.materialized);
  options.remote = remote_();
  std::erase_if(excluded_, [&](const auto& entry) {
    return entry.second.stamp !=
           extracts::stamp_of(places_.extracts() / entry.first / extracts::kExtractFile);
  });
  for (const auto& [name, why] : excluded_) options.skip.emplace(name, why.reason);
  try {
    return run(options, context, limit_);
  } catch (const Error& error) {
    if (!is_fault_of_extract(error) || context.cancelled()) throw;
    log::warn("reading the extracts failed ({}); each is read by itself to find the faulty one",
              error.what());
  }
  find_faulty(options, context);
  // What each may take alone, all may take together.
  const auto sources = std::distance(fs::directory_iterator(places_.extracts()), {});
  try {
    return run(options, context, limit_ * (sources + 1));
  } catch (const Error& error) {
    if (!is_fault_of_extract(error) || context.cancelled()) throw;
    log::warn("the extracts can be read one by one, but not together ({}); each is added to those before it",
              error.what());
  }
  add_one_by_one(options, context);
  return run(options, context, limit_ * (sources + 1));
}

std::optional<extracts::Catalogue> CatalogueReader::kept() const {
  const auto pins = places_.extracts() / kPinFolder;
  const auto is_pin = [&](const fs::path& file) {
    std::error_code error;
    return file.parent_path() == pins && fs::is_regular_file(file, error);
  };
  try {
    const auto text = read_file(places_.state / kKeptFile);
    if (!text) return std::nullopt;
    auto catalogue = json::from_json<extracts::Catalogue>(boost::json::parse(*text));
    const auto rules = remote_();
    for (const auto& attach : catalogue.remote_attaches)
      if (extracts::refusal(attach, rules)) return std::nullopt;
    for (const auto& table : catalogue.tables) {
      if (!table.attach_file.empty() && !is_pin(table.attach_file)) return std::nullopt;
      for (const auto& file : table.files)
        if (!is_pin(file.path)) return std::nullopt;
    }
    // What was taken away or replaced while no server ran must not be seen again.
    std::erase_if(catalogue.tables, [&](const auto& table) {
      const auto database = places_.extracts() / table.source / extracts::kExtractFile;
      if (!extracts::stamp_of(database)) return true;
      if (!table.attach_file.empty() && extracts::stamp_of(table.attach_file) != extracts::stamp_of(database))
        return true;
      return std::any_of(table.files.begin(), table.files.end(),
                         [](const auto& file) { return extracts::stamp_of(file.origin) != file.stamp; });
    });
    return catalogue;
  } catch (const std::exception& error) {
    log::debug("no catalogue of an earlier run is used: {}", error.what());
    return std::nullopt;
  }
}

void CatalogueReader::keep(const extracts::Catalogue& catalogue) const {
  try {
    replace_file(places_.state / kKeptFile, json::to_text(catalogue), 0600);
  } catch (const std::exception& error) {
    log::warn("what the extracts hold is not kept for the next start: {}", error.what());
  }
}

std::vector<std::string> CatalogueReader::sources_to_read(const extracts::ReadOptions& options) const {
  std::vector<std::pair<std::uint64_t, std::string>> found;
  for (const auto& entry : fs::directory_iterator(places_.extracts())) {
    const std::string name = entry.path().filename();
    if (name.starts_with('.') || !entry.is_directory() || options.skip.contains(name)) continue;
    const auto stamp = extracts::stamp_of(entry.path() / extracts::kExtractFile);
    found.emplace_back(stamp ? stamp->size : 0, name);
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> out;
  for (auto& [size, name] : found) out.push_back(std::move(name));
  return out;
}

// The smallest first, so that the one which takes everything meets those that it would take it from.
void CatalogueReader::add_one_by_one(extracts::ReadOptions& options, const jobs::Context& context) {
  std::vector<std::string> good;
  for (const auto& name : sources_to_read(options)) {
    const auto stamp = extracts::stamp_of(places_.extracts() / name / extracts::kExtractFile);
    good.push_back(name);
    try {
      read_some(options, good, context);
    } catch (const Error& error) {
      if (!is_fault_of_extract(error) || context.cancelled()) throw;
      good.pop_back();
      log::error("the extract {} is excluded: {}", name, error.what());
      excluded_[name] = {
          stamp,
          "reading it together with the others ended the process that did; make it smaller, or "
          "start the job rebuild to have it tried again"};
      options.skip[name] = excluded_[name].reason;
    }
  }
}

void CatalogueReader::read_some(const extracts::ReadOptions& options, std::vector<std::string> names,
                                const jobs::Context& context) {
  extracts::ReadOptions some;
  some.extracts_dir = options.extracts_dir;
  some.cache_file = options.cache_file;  // as quick as in the run that failed
  some.only = std::move(names);
  const auto limit = limit_ * static_cast<std::int64_t>(some.only.size());
  run(some, context, limit);
}

extracts::Catalogue CatalogueReader::run(const extracts::ReadOptions& options, const jobs::Context& context,
                                         std::chrono::seconds limit) {
  workers::Confinement confinement;
  confinement.writable = {places_.extracts(), places_.analytics().parent_path()};
  confinement.memory_bytes = kReaderMemory;
  const auto ends = std::chrono::steady_clock::now() + limit;
  const workers::TaskContext relay{[&](const boost::json::value& said) { context.progress(said); },
                                   context.stop().until(ends)};
  try {
    return json::from_json<extracts::Catalogue>(
        workers::run_task("extracts.read", confinement, json::to_json(options), relay));
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::timeout || context.cancelled()) throw;
    throw Error(
        ErrorKind::timeout,
        fmt::format("reading it takes longer than {} s (extract.read_timeout_seconds)", limit.count()));
  }
}

// Those that fail by themselves are excluded when others do not: what fails with all of them is the machine's state.
void CatalogueReader::find_faulty(extracts::ReadOptions& options, const jobs::Context& context) {
  std::map<std::string, ExcludedExtract> faulty;
  bool any_good = false;
  for (const auto& name : sources_to_read(options)) {
    const auto stamp = extracts::stamp_of(places_.extracts() / name / extracts::kExtractFile);
    try {
      read_some(options, {name}, context);
      any_good = true;
    } catch (const Error& error) {
      if (!is_fault_of_extract(error) || context.cancelled()) throw;
      log::error("the extract {} is excluded: {}", name, error.what());
      const std::string reason =
          error.kind() == ErrorKind::timeout ? error.what() : "reading it ended the process that did";
      faulty[name] = {stamp, reason + "; make it anew, or start the job rebuild to have it tried again"};
      options.skip[name] = faulty[name].reason;
    }
  }
  if (any_good) excluded_.merge(faulty);
}

}  // namespace agnes::sync
