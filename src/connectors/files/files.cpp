#include "connectors/files/files.h"

#include "connectors/files/compression.h"
#include "connectors/files/ledger.h"
#include "connectors/files/read.h"
#include "connectors/files/scan.h"
#include "connectors/files/value_functions.h"
#include "core/extracts/extract_writer.h"
#include "core/extracts/table_read.h"
#include "lib/base/files.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

using Clock = std::chrono::steady_clock;

// How long finished tables wait for others before readers see them.
constexpr auto kCommitEvery = std::chrono::seconds(10);
// Columns that a note names.
constexpr std::size_t kMostNames = 5;

duck::Connection connect(duck::Database& engine) {
  auto connection = engine.connect();
  // Times without a zone mean the same wherever the server stands.
  connection.execute("SET TimeZone = 'UTC'");
  register_value_functions(connection);
  return connection;
}

// DuckDB knows .gz and .zst in small letters alone: where they are not, it gets a link that is called so.
Candidate with_plain_endings(Candidate candidate, const fs::path& links) {
  for (auto& file : candidate.files) {
    const auto ending = file.relative.rfind('.');
    const std::string lower = to_lower(file.relative.substr(ending));
    if ((lower != ".gz" && lower != ".zst") || file.path.ends_with(lower)) continue;
    // In the same folders: year=2024 is a column.
    const fs::path link = links / (file.relative.substr(0, ending) + lower);
    fs::create_directories(link.parent_path());
    fs::create_symlink(file.path, link);
    file.path = link;
  }
  return candidate;
}

// In a folder, a file of text without a byte is one without rows: its columns are those of the others.
Candidate without_empty(Candidate candidate) {
  auto kept = candidate.files;
  std::erase_if(kept, [](const SourceFile& file) { return file.stamp.size == 0; });
  if (!kept.empty() && kept.front().format != Format::parquet) candidate.files = std::move(kept);
  return candidate;
}

class Extraction {
 public:
  Extraction(const Job& job, const workers::TaskContext& context,
             const std::function<void(std::string_view)>& after_step)
      : job_(job), context_(context), scan_(scan(job)), writer_(job.extract_dir), ledger_(job.extract_dir) {
    writer_.after_step = after_step;
    last_commit_ = Clock::now();
  }

  Outcome run() {
    out_.problems = scan_.problems;
    out_.ignored = scan_.ignored;
    std::vector<const Candidate*> chosen;
    for (const auto& candidate : scan_.tables)
      if (wanted(candidate.table)) chosen.push_back(&candidate);
    std::size_t done = 0;
    for (const auto* candidate : chosen) {
      if (context_.stop.stop_requested())
        throw Error(ErrorKind::timeout, "the sync of files was cancelled; what was finished is kept");
      bring_up_to_date(*candidate);
      ++done;
      if (context_.progress && out_.tables.back().status != "unchanged")
        context_.progress({{"table", candidate->table}, {"done", done}, {"total", chosen.size()}});
    }
    take_away();
    commit();
    std::sort(out_.tables.begin(), out_.tables.end(),
              [](const auto& a, const auto& b) { return a.name < b.name; });
    return std::move(out_);
  }

 private:
  bool wanted(const std::string& table) const {
    return !job_.only || std::any_of(job_.only->begin(), job_.only->end(),
                                     [&](const std::string& name) { return iequals(name, table); });
  }

  static std::string description_of(const Candidate& candidate) {
    return candidate.spec != nullptr ? candidate.spec->description : "";
  }

  TableResult& result_for(const Candidate& candidate) {
    auto& result = out_.tables.emplace_back();
    result.name = candidate.table;
    for (const auto& file : candidate.files) result.files.push_back(file.relative);
    return result;
  }

  void bring_up_to_date(const Candidate& candidate) {
    const auto started = Clock::now();
    TableResult& result = result_for(candidate);
    if (!unchanged(candidate, result)) renew(candidate, result);
    result.duration_ms =
        std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started).count();
  }

  bool unchanged(const Candidate& candidate, TableResult& result) {
    if (job_.force) return false;
    const LedgerEntry* known = ledger_.find(candidate.table);
    if (known == nullptr) return false;
    const LedgerEntry now = expected_entry(candidate);
    if (known->settings != now.settings || known->files != now.files) return false;
    if (!known->error.empty()) {
      fail(candidate, result, known->error_kind, known->error, known->error_file, known->error_line);
      return true;
    }
    const auto row = writer_.tables().find(candidate.table);
    if (row == writer_.tables().end() || extracts::stamp_of(writer_.file_of(candidate.table)) != known->made)
      return false;
    writer_.describe(candidate.table, description_of(candidate));
    result.status = "unchanged";
    result.rows = known->rows;
    result.size_bytes = known->made.size;
    result.hash = known->hash;
    result.columns = known->columns;
    return true;
  }

  void renew(const Candidate& candidate, TableResult& result) {
    LedgerEntry entry = expected_entry(candidate);
    try {
      if (!engine_) {
        engine_.emplace(extracts::open_engine({job_.temp_dir, job_.memory_bytes, job_.threads}));
        connection_.emplace(connect(*engine_));
      }
      Candidate checked = candidate;
      for (auto& file : checked.files) check_contents(file);
      fs::create_directories(job_.temp_dir);
      const TemporaryFolder links(job_.temp_dir);
      const auto before = columns_of(candidate.table);
      const extracts::WrittenTable written =
          write(with_plain_endings(without_empty(std::move(checked)), links.path()));
      refuse_changed(candidate);
      result.status = "ok";
      result.rows = entry.rows = written.rows;
      result.size_bytes = written.size_bytes;
      result.hash = entry.hash = written.md5;
      result.columns = entry.columns = written.columns;
      entry.made = written.stamp;
      note_gone(candidate, before, written.columns);
      finished_[candidate.table] = std::move(entry);
      if (Clock::now() - last_commit_ > kCommitEvery) commit();
    } catch (const SourceError& error) {
      drop_engine();
      entry.error = error.what();
      entry.error_kind = error.problem_kind();
      entry.error_file = error.file();
      entry.error_line = error.line();
      fail(candidate, result, entry.error_kind, entry.error, entry.error_file, entry.error_line);
      ledger_.set(candidate.table, std::move(entry));
    } catch (const Error& error) {
      drop_engine();
      // Not the files' fault, or a setting's: the next sync tries again.
      fail(candidate, result, "failed",
           fmt::format("table '{}' was not written: {}", candidate.table, extracts::why_not_written(error)),
           "", {});
    }
  }

  // Half of one version and half of another are no table.
  void refuse_changed(const Candidate& candidate) {
    const auto changed = std::find_if_not(candidate.files.begin(), candidate.files.end(), is_as_scanned);
    if (changed == candidate.files.end()) return;
    writer_.discard(candidate.table);
    throw Error(ErrorKind::conflict, fmt::format("{} changed while it was read; the next sync reads it again",
                                                 shown(changed->relative)));
  }

  // Of the table as readers see it.
  std::vector<extracts::Column> columns_of(const std::string& table) {
    if (!writer_.tables().contains(table)) return {};
    try {
      return extracts::parquet_columns(*connection_, {writer_.file_of(table).string()});
    } catch (const Error&) {
      return {};  // damaged, and about to be replaced
    }
  }

  void note(const Candidate& candidate, const std::string& kind, const std::string& message) {
    out_.problems.push_back(
        {kind, "", candidate.table, {candidate.files.front().relative}, std::nullopt, message});
  }

  // Whoever asks for a column by its name learns here why it is gone.
  void note_gone(const Candidate& candidate, const std::vector<extracts::Column>& before,
                 const std::vector<extracts::Column>& now) {
    const auto missing = [](const auto& from, const auto& in) {
      std::vector<std::string> out;
      for (const auto& column : from)
        if (std::none_of(in.begin(), in.end(),
                         [&](const auto& each) { return iequals(each.name, column.name); }))
          out.push_back("'" + escape_control(column.name) + "'");
      if (out.size() > kMostNames) {
        const auto more = out.size() - kMostNames;
        out.resize(kMostNames);
        out.push_back(fmt::format("and {} more", more));
      }
      return join(out, ", ");
    };
    const std::string gone = missing(before, now), added = missing(now, before);
    if (gone.empty()) return;
    note(candidate, "columns",
         fmt::format("table '{}' has lost the columns {}{}: correct {} if they are meant to be there",
                     candidate.table, gone, added.empty() ? "" : ", and got " + added,
                     shown(candidate.files.front().relative)));
  }

  // An engine that has met an internal error answers nothing any more: whoever comes next gets another one.
  void drop_engine() {
    connection_.reset();
    engine_.reset();
  }

  extracts::WrittenTable write(const Candidate& candidate) {
    const auto try_it = [&](TableReader& reader) {
      return writer_.write(*connection_, candidate.table, reader.select(), description_of(candidate));
    };
    try {
      auto reader = open_table(*connection_, candidate);
      for (;;) {
        try {
          auto written = try_it(*reader);
          if (const auto said = reader->note(); !said.empty()) note(candidate, "header", said);
          return written;
        } catch (const duck::QueryError& error) {
          if (is_engine_failure(error) || !reader->reconsider(error)) throw;
        }
      }
    } catch (const duck::QueryError& error) {
      // The engine was new, or has read only what is sound: these files broke it.
      if (is_engine_failure(error)) throw broke_engine(candidate, error);
      throw;
    }
  }

  void fail(const Candidate& candidate, TableResult& result, const std::string& kind,
            const std::string& message, const std::string& file, std::optional<std::int64_t> line) {
    const bool had = writer_.tables().contains(candidate.table);
    result.status = kind == "not_a_table" && !had ? "skipped" : "failed";
    result.error = message;
    result.error_kind = kind;
    result.line = line;
    result.kept = had;
    if (had) {
      const auto& row = writer_.tables().at(candidate.table);
      result.rows = row.rows;
      result.size_bytes = row.size_bytes;
    }
    if (result.status == "skipped")
      out_.problems.push_back({kind, "", candidate.table, {file}, line, result.error});
  }

  // Tables whose source is gone. One look at an empty folder is no reason to take everything away: more often
  // than not its disk is not mounted.
  void take_away() {
    if (scan_.empty) {
      if (!writer_.tables().empty())
        out_.problems.push_back(
            {"empty",
             "",
             "",
             {},
             {},
             fmt::format(
                 "the folder of files '{}' is empty, so its {} tables are kept as they were: mount its disk, "
                 "or correct data_source.files.path",
                 job_.path, writer_.tables().size())});
      return;
    }
    std::set<std::string> present;
    for (const auto& candidate : scan_.tables) present.insert(to_lower(candidate.table));
    std::vector<std::string> gone;
    for (const auto& [table, row] : writer_.tables())
      if (wanted(table) && !present.contains(to_lower(table)) && !scan_.disputed.contains(to_lower(table)))
        gone.push_back(table);
    for (const auto& table : gone) {
      // The same name in another case is the same table to every reader: the new one is there already.
      writer_.remove(table);
      ledger_.erase(table);
      auto& result = out_.tables.emplace_back();
      result.name = table;
      result.status = "removed";
      out_.problems.push_back({"removed",
                               "",
                               table,
                               {},
                               {},
                               fmt::format("table '{}' was taken away: its source is gone", table)});
    }
  }

  void commit() {
    writer_.commit();
    for (auto& [table, entry] : finished_) ledger_.set(table, std::move(entry));
    finished_.clear();
    ledger_.save();
    if (writer_.after_step) writer_.after_step("ledger saved");
    last_commit_ = Clock::now();
  }

  const Job& job_;
  const workers::TaskContext& context_;
  Scan scan_;
  extracts::ExtractWriter writer_;
  Ledger ledger_;
  std::optional<duck::Database> engine_;
  std::optional<duck::Connection> connection_;
  std::map<std::string, LedgerEntry> finished_;  // written, not yet visible
  Clock::time_point last_commit_;
  Outcome out_;
};

}  // namespace

Outcome extract(const Job& job, const workers::TaskContext& context,
                const std::function<void(std::string_view)>& after_step) {
  return Extraction(job, context, after_step).run();
}

Discovery discover(const Job& job, std::int64_t rows) {
  Scan found = scan(job);
  Discovery out;
  out.problems = std::move(found.problems);
  std::optional<duck::Database> engine;
  std::optional<duck::Connection> connection;
  for (const auto& candidate : found.tables) {
    auto& preview = out.tables.emplace_back();
    preview.table = candidate.table;
    preview.format = to_text(candidate.files.front().format);
    for (const auto& file : candidate.files) {
      preview.files.push_back(file.relative);
      preview.size_bytes += file.stamp.size;
    }
    if (rows <= 0) continue;
    try {
      if (!engine) {
        engine.emplace(extracts::open_engine({job.temp_dir, job.memory_bytes, job.threads}));
        connection.emplace(connect(*engine));
      }
      if (!job.temp_dir.empty()) fs::create_directories(job.temp_dir);
      const TemporaryFolder scratch(job.temp_dir.empty() ? fs::temp_directory_path()
                                                         : fs::path(job.temp_dir));
      const Candidate here = with_plain_endings(without_empty(candidate), scratch.path());
      auto reader = open_table(*connection, here, true);
      const std::string select = reader->select();
      for (const auto& row : connection->execute("DESCRIBE " + select).rows())
        preview.columns.push_back({std::get<std::string>(row.at(0)), std::get<std::string>(row.at(1))});
      preview.rows = extracts::json_rows(*connection, fmt::format("{} LIMIT {}", select, rows));
    } catch (const std::exception& error) {
      preview.error = extracts::short_message(error.what());
      connection.reset();
      engine.reset();
    }
  }
  return out;
}

void remove(const Job& job, const std::string& table) {
  if (!fs::exists(fs::path(job.extract_dir) / extracts::kExtractFile)) return;
  extracts::ExtractWriter writer(job.extract_dir);
  Ledger ledger(job.extract_dir);
  for (const auto& [name, row] : std::map(writer.tables())) {
    if (!iequals(name, table)) continue;
    writer.remove(name);
    ledger.erase(name);
  }
  writer.commit();
  ledger.save();
}

}  // namespace agnes::connectors::files
