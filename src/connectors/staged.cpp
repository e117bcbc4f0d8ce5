#include "connectors/staged.h"

#include <atomic>
#include <mutex>
#include <thread>

#include "core/extracts/settings.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/workers/task.h"

namespace agnes::connectors {

namespace {

using boost::json::value;
using Clock = std::chrono::steady_clock;

// How soon a cancelled wait returns.
constexpr auto kPollInterval = std::chrono::milliseconds(100);

fs::path folder_of(std::string_view source, const config::Config& config) {
  return config.places().extracts() / source;
}

// What of an error is told of the table that it kept from being brought, without the scratch folder's path.
std::string user_message(const Error& error, const fs::path& scratch) {
  std::string text = replaced(extracts::why_not_written(error), scratch.string() + "/", "");
  const auto* detail = error.detail().if_object();
  const auto* hint = detail == nullptr ? nullptr : detail->if_contains("hint");
  if (hint != nullptr && hint->is_string()) text += ". " + std::string(hint->get_string());
  return text;
}

class Bringing {
 public:
  Bringing(std::string_view source, const config::Config& config, const jobs::Context& context,
           const Fetch& fetch)
      : source_(source),
        config_(config),
        context_(context),
        fetch_(fetch),
        settings_(config.get<extracts::ExtractSettings>()),
        ends_(Clock::now() + std::chrono::seconds(settings_.timeout_seconds)) {}

  std::vector<sync::TableOutcome> run(const std::vector<catalog::Registration>& tables, std::size_t at_once) {
    std::vector<sync::TableOutcome> out(tables.size());  // by place, each one thread's
    std::atomic<std::size_t> next{0}, done{0};
    const auto work = [&] {
      for (std::size_t i = next++; i < tables.size(); i = next++) {
        if (context_.cancelled()) return;
        out[i] = bring(tables[i], [&](std::string_view state) {
          context_.progress(
              {{"table", tables[i].name}, {"done", done.load()}, {"total", tables.size()}, {"state", state}});
        });
        ++done;
      }
    };
    {
      std::vector<std::jthread> others;
      try {
        for (std::size_t i = 1; i < std::min(at_once, tables.size()); ++i) others.emplace_back(work);
      } catch (const std::system_error&) {
        // Fewer side by side.
      }
      work();
    }
    if (context_.cancelled())
      std::erase_if(out, [](const sync::TableOutcome& table) { return table.name.empty() || table.failed; });
    return out;
  }

 private:
  sync::TableOutcome bring(const catalog::Registration& row,
                           const std::function<void(std::string_view)>& report) {
    const auto started = Clock::now();
    sync::TableOutcome out;
    out.name = row.name;
    fs::path folder;
    try {
      if (!is_identifier(row.name))
        throw Error(
            ErrorKind::invalid,
            "its name cannot be a table's in SQL: register it under letters, digits and '_', 64 at most");
      const fs::path parent =
          settings_.temp_dir.empty() ? config_.places().data / "tmp" : fs::path(settings_.temp_dir);
      fs::create_directories(parent);
      const TemporaryFolder scratch(parent);
      folder = scratch.path();
      const Fetching fetching{scratch.path(),
                              folder_of(source_, config_) / extracts::kDataFolder / (row.name + ".parquet"),
                              ends_, context_.stop().until(ends_), report};
      if (late()) throw Error(ErrorKind::timeout, "its turn did not come");
      report("fetching");
      const auto select = fetch_(row, fetching);
      report("writing");
      store_in_worker(row, scratch.path(), select);
    } catch (const Error& error) {
      out.failed = true;
      out.error = user_message(error, folder);
      if (late())
        out.error = fmt::format("the sync of {} was ended at its limit of {} s (extract.timeout_seconds)",
                                source_, settings_.timeout_seconds);
    } catch (const std::exception& error) {
      log::error("sync of {}: {}", row.name, error.what());
      out.failed = true;
      out.error = "a fault of the server; its log says which";
    }
    out.duration_ms = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started).count();
    return out;
  }

  bool late() const { return Clock::now() > ends_; }

  void store_in_worker(const catalog::Registration& row, const fs::path& scratch, const std::string& select) {
    StagedTable staged{.extract_dir = folder_of(source_, config_),
                       .scratch = scratch,
                       .table = row.name,
                       .description = row.description.value_or(""),
                       .query_mode = row.query_mode,
                       .select = select,
                       .memory_bytes = settings_.duckdb_memory_bytes()};
    fs::create_directories(staged.extract_dir);
    workers::Confinement confinement;
    confinement.writable = {staged.extract_dir, staged.scratch};
    confinement.memory_bytes = 2 * (settings_.memory_mb << 20);
    const workers::TaskContext relay{[](const value&) {}, context_.stop().until(ends_)};
    const std::lock_guard one(storing_);  // an extract has one writer at a time
    workers::run_task("extract.store", confinement, json::to_json(staged), relay);
  }

  const std::string source_;
  const config::Config& config_;
  const jobs::Context& context_;
  const Fetch& fetch_;
  const extracts::ExtractSettings settings_;
  const Clock::time_point ends_;
  std::mutex storing_;
};

}  // namespace

void Fetching::wait(std::chrono::milliseconds time) const {
  const auto until = Clock::now() + time;
  while (true) {
    if (cancelled()) throw Error(ErrorKind::timeout, "the sync was cancelled");
    const auto now = Clock::now();
    if (now >= until) return;
    std::this_thread::sleep_for(std::min<Clock::duration>(kPollInterval, until - now));
  }
}

namespace {
// An extract has one writer at a time: a sync, or the removal of a table.
void with_writer(const std::string& folder, const std::function<void(extracts::ExtractWriter&)>& work) {
  constexpr auto kWaitLimit = std::chrono::seconds(30);
  const auto give_up = Clock::now() + kWaitLimit;
  std::optional<extracts::ExtractWriter> writer;
  while (!writer) {
    try {
      writer.emplace(folder);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::conflict || Clock::now() > give_up) throw;
      std::this_thread::sleep_for(kPollInterval);
    }
  }
  work(*writer);
}
}  // namespace

std::int64_t store(const StagedTable& table) {
  auto engine = extracts::open_engine({table.scratch, table.memory_bytes, 2});
  auto connection = engine.connect();
  std::int64_t rows = 0;
  with_writer(table.extract_dir, [&](extracts::ExtractWriter& writer) {
    rows = writer.write(connection, table.table, table.select, table.description, table.query_mode).rows;
    writer.commit();
  });
  return rows;
}

void take_out(const std::string& extract_dir, const std::string& table) {
  with_writer(extract_dir, [&](extracts::ExtractWriter& writer) {
    writer.remove(table);
    writer.commit();
  });
}

std::vector<catalog::Registration> chosen(const std::vector<catalog::Registration>& registered,
                                          std::string_view source,
                                          const std::vector<catalog::QueryMode>& query_modes,
                                          const sync::TableSelection& selection) {
  std::vector<catalog::Registration> out;
  for (const auto& row : registered) {
    if (row.source_type == source &&
        std::any_of(query_modes.begin(), query_modes.end(),
                    [&](catalog::QueryMode mode) { return row.query_mode == name_of(mode); }) &&
        selection.includes(row.name))
      out.push_back(row);
  }
  return out;
}

std::vector<sync::TableOutcome> bring(const std::vector<catalog::Registration>& tables,
                                      std::string_view source, const config::Config& config,
                                      std::size_t at_once, const jobs::Context& context, const Fetch& fetch) {
  if (tables.empty()) return {};
  return Bringing(source, config, context, fetch).run(tables, at_once);
}

void take_out(const std::string& table, std::string_view source, const config::Config& config,
              const jobs::Context& context) {
  const auto folder = folder_of(source, config);
  if (!fs::exists(folder / extracts::kExtractFile)) return;
  workers::Confinement confinement;
  confinement.writable = {folder};
  workers::run_task("extract.take_out", confinement, {{"extract_dir", folder.string()}, {"table", table}},
                    {[](const value&) {}, context.stop()});
}

}  // namespace agnes::connectors
