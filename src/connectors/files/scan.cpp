#include "connectors/files/scan.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <unistd.h>

#include "connectors/files/table_spec.h"
#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

constexpr int kMaxDepth = 16;
constexpr std::string_view kWildcards = "*?[";

bool has_wildcards(std::string_view text) {
  return text.find_first_of(kWildcards) != std::string_view::npos;
}

bool match_parts(const std::vector<std::string>& pattern, std::size_t p, const std::vector<std::string>& path,
                 std::size_t i) {
  for (; p < pattern.size(); ++p, ++i) {
    if (pattern[p] == "**") {
      for (std::size_t skip = i; skip <= path.size(); ++skip)
        if (match_parts(pattern, p + 1, path, skip)) return true;
      return false;
    }
    if (i == path.size() || ::fnmatch(pattern[p].c_str(), path[i].c_str(), 0) != 0) return false;
  }
  return i == path.size();
}

// The format by the name's endings; nothing for a file that is not a table.
std::optional<Format> format_of(const std::string& name) {
  std::string lower = to_lower(name);
  const bool packed = lower.ends_with(".gz") || lower.ends_with(".zst");
  if (packed) lower.resize(lower.rfind('.'));
  if (lower.ends_with(".csv")) return Format::csv;
  if (lower.ends_with(".tsv")) return Format::tsv;
  if (lower.ends_with(".json")) return Format::json;
  if (lower.ends_with(".jsonl") || lower.ends_with(".ndjson")) return Format::json_lines;
  if (lower.ends_with(".parquet") && !packed) return Format::parquet;
  return std::nullopt;
}

std::string without_endings(const std::string& name) {
  std::string out = name;
  const std::string lower = to_lower(name);
  if (lower.ends_with(".gz") || lower.ends_with(".zst")) out.resize(out.rfind('.'));
  if (format_of(out)) out.resize(out.rfind('.'));
  return out;
}

// Bytes that are no UTF-8 as \xNN: what is told, and goes from process to process, is text.
std::string as_text(std::string_view name) {
  std::string out;
  while (!name.empty()) {
    const auto [c, size] = first_character(name);
    if (size == 0)
      out += fmt::format("\\x{:02X}", static_cast<unsigned char>(name.front()));
    else
      out += name.substr(0, size);
    name.remove_prefix(std::max<std::size_t>(size, 1));
  }
  return out;
}

bool inside(const std::string& path, const std::string& folder) {
  return folder == "/" || path.starts_with(folder + "/");
}

std::int64_t ctime_of(const struct stat& found) {
  return std::int64_t{found.st_ctim.tv_sec} * 1'000'000'000 + found.st_ctim.tv_nsec;
}

class Scanner {
 public:
  explicit Scanner(const Job& job) : job_(job) {
    std::string base = job.path;
    while (base.size() > 1 && base.ends_with('/')) base.pop_back();
    for (const auto& part : split(base, '/'))
      if (part == "..")
        throw Error(ErrorKind::invalid,
                    fmt::format("the folder of files '{}' has '..' in it: name it by its own path", base));
    if (base.empty())
      throw Error(ErrorKind::invalid, "no folder of files is set: set data_source.files.path");
    // A folder whose own name has wildcards is taken as what it is.
    std::error_code error;
    if (has_wildcards(base) && !fs::exists(base, error)) {
      const auto cut = base.rfind('/', base.find_first_of(kWildcards));
      pattern_ = cut == std::string::npos ? base : base.substr(cut + 1);
      base = cut == std::string::npos ? "." : cut == 0 ? "/" : base.substr(0, cut);
    }
    const fs::path canonical = fs::canonical(base, error);
    if (error)
      throw Error(ErrorKind::not_found,
                  fmt::format("the folder of files '{}' cannot be read: {}; mount its disk, or correct "
                              "data_source.files.path",
                              base, error.message()));
    if (!is_utf8(canonical.string()))
      throw Error(ErrorKind::invalid,
                  fmt::format("the folder of files '{}' leads to '{}', whose name is not UTF-8: rename it",
                              base, escape_control(as_text(canonical.string()))));
    // A single file stands for a pattern of its own name.
    if (fs::is_regular_file(canonical)) {
      pattern_ = canonical.filename();
      for (const char c : kWildcards)
        for (auto at = pattern_.find(c); at != std::string::npos; at = pattern_.find(c, at + 3))
          pattern_.replace(at, 1, std::string("[") + c + "]");
      root_ = canonical.parent_path();
    } else {
      root_ = canonical;
    }
  }

  Scan run() {
    walk(root_, "", 0);
    group();
    settle();
    look_at_specs();
    return std::move(out_);
  }

 private:
  struct Found {
    SourceFile file;
    std::string top;  // the sub-folder of the root; empty for a file in the root
  };

  void problem(std::string kind, std::string table, std::vector<std::string> files, std::string message) {
    out_.problems.push_back(
        {std::move(kind), "", std::move(table), std::move(files), std::nullopt, std::move(message)});
  }

  // What lies there cannot be used: the table that it would be keeps its last good version.
  void unusable(std::string kind, const std::string& relative, std::string message) {
    const std::string table = table_at(relative);
    if (!table.empty()) out_.disputed.insert(to_lower(table));
    problem(std::move(kind), table, {relative}, std::move(message));
  }

  bool excluded(const std::string& relative) const {
    const std::string name = fs::path(relative).filename();
    return std::any_of(job_.exclude.begin(), job_.exclude.end(), [&](const std::string& pattern) {
      return matches(pattern, relative) || (pattern.find('/') == std::string::npos && matches(pattern, name));
    });
  }

  void walk(const fs::path& folder, const std::string& prefix, int depth) {
    std::error_code error;
    fs::directory_iterator entries(folder, error);
    // Who may read a folder's names may not always open its files.
    if (!error && ::faccessat(AT_FDCWD, folder.c_str(), X_OK, AT_EACCESS) != 0)
      error.assign(errno, std::generic_category());
    if (error) {
      if (depth == 0)
        throw Error(
            ErrorKind::internal,
            fmt::format(
                "the folder of files '{}' cannot be read: {}; let the server's account read and enter it",
                folder.string(), error.message()));
      unusable("unreadable", prefix,
               fmt::format("folder '{}' cannot be read: {}; let the server's account read and enter it",
                           escape_control(prefix), error.message()));
      return;
    }
    for (const auto& entry : entries) {
      const std::string name = entry.path().filename();
      const std::string relative = prefix.empty() ? name : prefix + "/" + name;
      if (name.starts_with('.') || name.starts_with('_') || excluded(relative)) continue;
      if (is_utf8(name))
        visit(entry, name, relative, depth);
      else
        refuse_bytes(entry, name, relative, depth);
    }
  }

  // A name that is no text: neither SQL nor JSON could hold it.
  void refuse_bytes(const fs::directory_entry& entry, const std::string& name, const std::string& relative,
                    int depth) {
    std::error_code error;
    const bool could_be = entry.is_directory(error)
                              ? may_match_below(depth + 1)
                              : format_of(name) && (pattern_.empty() || matches(pattern_, relative));
    if (!could_be) return;
    out_.empty = false;
    unusable(
        "refused", as_text(relative),
        fmt::format("'{}' is refused: its name is not UTF-8; rename it", escape_control(as_text(relative))));
  }

  // Whether a file that many folders down could match the glob.
  bool may_match_below(int depth) const {
    if (pattern_.empty() || pattern_.find("**") != std::string::npos) return true;
    return std::count(pattern_.begin(), pattern_.end(), '/') >= depth;
  }

  void visit(const fs::directory_entry& entry, const std::string& name, const std::string& relative,
             int depth) {
    const auto format = format_of(name);
    std::error_code error;
    const bool wanted = pattern_.empty() || matches(pattern_, relative);
    fs::path real = entry.path();
    if (entry.is_symlink(error)) {
      real = fs::canonical(entry.path(), error);
      if (error || (real != root_ && !inside(real.string(), root_.string()))) {
        // A link to anywhere that is not a table by its name is nobody's business.
        const bool could_be =
            (format && wanted) || (!error && fs::is_directory(real, error) && pattern_.empty());
        if (!could_be) return;
        out_.empty = false;
        unusable(
            "refused", relative,
            fmt::format("'{}' is refused: it is a link that leads {}; put the file itself into the folder",
                        escape_control(relative), error ? "nowhere" : "out of the folder"));
        return;
      }
    }
    if (!is_utf8(real.string())) {
      unusable("refused", relative,
               fmt::format("'{}' is refused: it is a link to a name that is not UTF-8; rename that one",
                           escape_control(relative)));
      return;
    }
    const auto type = fs::status(real, error).type();
    if (type == fs::file_type::directory) {
      if (entry.is_symlink(error)) {
        // Followed, a link to a folder above would never end.
        unusable("refused", relative,
                 fmt::format("'{}' is refused: it is a link to a folder; put the folder itself there",
                             escape_control(relative)));
      } else if (!may_match_below(depth + 1)) {
        return;
      } else if (depth < kMaxDepth) {
        walk(real, relative, depth + 1);
      } else {
        unusable("refused", relative,
                 fmt::format("'{}' is refused: more than {} folders deep; move its files up",
                             escape_control(relative), kMaxDepth));
      }
      return;
    }
    if (!format) {
      ++out_.ignored;
      return;
    }
    if (!wanted) return;
    if (type != fs::file_type::regular) {
      unusable("refused", relative,
               fmt::format("'{}' is refused: it is not a regular file; put a file there, or exclude it "
                           "(data_source.files.exclude)",
                           escape_control(relative)));
      return;
    }
    out_.empty = false;
    struct stat found {};
    if (::stat(real.c_str(), &found) != 0 || ::access(real.c_str(), R_OK) != 0) {
      unusable(
          "unreadable", relative,
          fmt::format("'{}' cannot be read: let the server's account read it", escape_control(relative)));
      return;
    }
    const auto slash = relative.find('/');
    found_.push_back({{relative, real.string(), extracts::stamp_of(found), ctime_of(found), *format},
                      slash == std::string::npos ? std::string() : relative.substr(0, slash)});
  }

  // The table that a file is, or belongs to, by its place; empty for one without a name.
  std::string table_at(const std::string& relative) const {
    const std::string top = relative.substr(0, relative.find('/'));
    const auto* spec = spec_for(top);
    return spec != nullptr ? spec->name : table_name(top).name;
  }

  const TableSpec* spec_for(const std::string& source) const {
    for (const auto& spec : job_.tables)
      if (spec.source == source) return &spec;
    return nullptr;
  }

  void group() {
    std::sort(found_.begin(), found_.end(),
              [](const auto& a, const auto& b) { return a.file.relative < b.file.relative; });
    std::map<std::string, Candidate> folders;
    for (auto& found : found_) {
      if (found.top.empty()) {
        Candidate candidate;
        const std::string source = found.file.relative;
        candidate.files.push_back(std::move(found.file));
        name(std::move(candidate), source);
      } else {
        auto& candidate = folders[found.top];
        candidate.folder = true;
        candidate.files.push_back(std::move(found.file));
      }
    }
    for (auto& [folder, candidate] : folders) {
      const auto& first = candidate.files.front();
      const auto other = std::find_if(candidate.files.begin(), candidate.files.end(),
                                      [&](const auto& file) { return file.format != first.format; });
      if (other != candidate.files.end()) {
        unusable(
            "mixed", other->relative,
            fmt::format("folder '{}' is not a table: '{}' and '{}' are of different formats; move the one "
                        "that is not the table's out of it",
                        escape_control(folder), escape_control(first.relative),
                        escape_control(other->relative)));
        continue;
      }
      // A folder that is unreadable in part would be a table in part.
      const auto table = table_at(folder);
      if (!table.empty() && out_.disputed.contains(to_lower(table))) continue;
      name(std::move(candidate), folder);
    }
  }

  void name(Candidate candidate, const std::string& source) {
    candidate.spec = spec_for(source);
    auto naming = candidate.spec != nullptr ? Naming{candidate.spec->name, ""} : table_name(source);
    if (candidate.spec != nullptr && !is_identifier(naming.name))
      naming = {"", fmt::format("the configured name '{}' is not letters, digits and '_', 64 at most",
                                escape_control(candidate.spec->name))};
    if (!naming.reason.empty()) {
      problem("refused", "", {source},
              fmt::format("'{}' is refused: {}; rename it", escape_control(source), naming.reason));
      return;
    }
    candidate.table = naming.name;
    if (candidate.spec == nullptr)
      for (const auto& spec : job_.tables)
        if (spec.source.empty() && iequals(spec.name, candidate.table)) candidate.spec = &spec;
    if (candidate.spec != nullptr)
      if (const auto fault = job_.wrong.find(candidate.spec->name); fault != job_.wrong.end()) return;
    candidates_.push_back(std::move(candidate));
  }

  void settle() {
    std::map<std::string, std::vector<Candidate*>> by_name;
    for (auto& candidate : candidates_) by_name[to_lower(candidate.table)].push_back(&candidate);
    for (auto& [name, claims] : by_name) {
      if (claims.size() == 1) {
        out_.tables.push_back(std::move(*claims.front()));
        continue;
      }
      std::vector<std::string> sources;
      for (const auto* claim : claims) {
        const auto& first = claim->files.front().relative;
        sources.push_back(claim->folder ? first.substr(0, first.find('/')) : first);
      }
      std::string list;
      for (const auto& source : sources) list += (list.empty() ? "'" : ", '") + escape_control(source) + "'";
      problem("collision", claims.front()->table, sources,
              fmt::format("{} would all be the table '{}', so none of them is: rename all but one", list,
                          claims.front()->table));
      out_.disputed.insert(name);
    }
    std::sort(out_.tables.begin(), out_.tables.end(),
              [](const auto& a, const auto& b) { return a.table < b.table; });
  }

  std::string fault_of_source(const TableSpec& spec) const {
    const std::string source = escape_control(spec.source);
    if (const auto* other = spec_for(spec.source); other != &spec)
      return fmt::format("'{}' is the table {} already: take one of the two out, and restart", source,
                         escape_control(other->name));
    return fmt::format("there is no file or sub-folder '{}': correct the name, or bring the file", source);
  }

  // A table whose settings are wrong is not read by others: its rows might not be the ones that are meant.
  void look_at_specs() {
    std::vector<std::string> names;
    for (const auto& table : out_.tables) names.push_back(table.table);
    for (const auto& spec : job_.tables) {
      const auto fault = job_.wrong.find(spec.name);
      if (fault != job_.wrong.end()) {
        out_.disputed.insert(to_lower(spec.name));
        problem("setting", spec.name, {}, fault->second);
        continue;
      }
      const bool used = out_.empty || out_.disputed.contains(to_lower(spec.name)) ||
                        std::any_of(out_.tables.begin(), out_.tables.end(),
                                    [&](const Candidate& table) { return table.spec == &spec; });
      if (!used && is_identifier(spec.name))
        problem(
            "setting", spec.name, {},
            spec.source.empty()
                ? fmt::format("{}: there is no file or sub-folder for the table {}{}: correct the name, or "
                              "bring the file",
                              spec_path(spec.name), spec.name, nearest_name(spec.name, names))
                : fmt::format("{}.source: {}", spec_path(spec.name), fault_of_source(spec)));
    }
  }

  const Job& job_;
  fs::path root_;
  std::string pattern_;
  std::vector<Found> found_;
  std::vector<Candidate> candidates_;
  Scan out_;
};

}  // namespace

std::string_view to_text(Format format) {
  switch (format) {
    case Format::csv:
      return "CSV";
    case Format::tsv:
      return "TSV";
    case Format::json:
      return "JSON";
    case Format::json_lines:
      return "JSON lines";
    case Format::parquet:
      return "Parquet";
  }
  return "";
}

Scan scan(const Job& job) {
  return Scanner(job).run();
}

bool is_as_scanned(const SourceFile& file) {
  struct stat now {};
  return ::stat(file.path.c_str(), &now) == 0 && extracts::stamp_of(now) == file.stamp &&
         ctime_of(now) == file.ctime_ns;
}

bool matches(std::string_view pattern, std::string_view path) {
  return match_parts(split(pattern, '/'), 0, split(path, '/'), 0);
}

Naming table_name(const std::string& file_name) {
  Naming out;
  for (const char c : without_endings(file_name)) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (plain) {
      out.name += c;
    } else if (std::string_view(" -.+,&()[]@#~=").find(c) != std::string_view::npos) {
      if (!out.name.empty() && out.name.back() != '_') out.name += '_';
    } else {
      const auto byte = static_cast<unsigned char>(c);
      return {"", byte < 0x20 || byte >= 0x7f ? "a table's name is of letters a-z, digits and '_'"
                                              : fmt::format("its name has the character {}", c)};
    }
  }
  while (out.name.ends_with('_')) out.name.pop_back();
  if (out.name.empty()) return {"", "its name has no letter or digit"};
  if (out.name.front() >= '0' && out.name.front() <= '9') out.name.insert(0, "_");
  if (out.name.size() > 64) return {"", "its name is longer than 64 characters"};
  const std::string lower = to_lower(out.name);
  for (const std::string_view prefix : {"duckdb_", "sqlite_", "pg_", "pragma_"})
    if (lower.starts_with(prefix))
      return {"", fmt::format("names that start with {} are DuckDB's own", prefix)};
  if (lower == "information_schema" || lower == "_meta" || lower == "_remote_attach")
    return {"", "its name stands for something else in every extract"};
  return out;
}

}  // namespace agnes::connectors::files
