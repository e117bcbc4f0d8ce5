#include "cli/workspace.h"

#include <cerrno>
#include <charconv>

#include <boost/json.hpp>
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/outcome.h"
#include "contract/manifest.h"
#include "contract/read.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/base/time.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
std::optional<json::object> read_object(const fs::path& file) {
  const auto text = read_file(file);
  if (!text) return std::nullopt;
  boost::system::error_code error;
  json::value value = json::parse(*text, error);
  if (error || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}
}  // namespace

Manifest parse_manifest(const json::value& answer) {
  const auto* tables = answer.is_object() ? answer.get_object().if_contains("tables") : nullptr;
  if (tables == nullptr || !tables->is_object())
    throw Error(ErrorKind::bad_gateway,
                "the answer is not a manifest: is the address really an Agnes server's?");
  Manifest manifest;
  for (const auto& [name, table] : contract::read<contract::Manifest>(answer).tables)
    manifest[name] = {.hash = table.hash,
                      .size = static_cast<std::uint64_t>(std::max<std::int64_t>(0, table.size_bytes)),
                      .rows = table.rows,
                      .query_mode = table.query_mode,
                      .updated = table.updated.micros == 0 ? std::nullopt : std::optional(table.updated)};
  return manifest;
}

namespace {
KnownFile known_file(const struct stat& info) {
  KnownFile known;
  known.size = static_cast<std::uint64_t>(info.st_size);
  known.modified_ns = info.st_mtim.tv_sec * std::int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
  known.inode = info.st_ino;
  return known;
}
}  // namespace

std::optional<KnownFile> stat_file(const fs::path& file) {
  struct stat info {};
  if (::lstat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  return known_file(info);
}
bool looks_same(const KnownFile& a, const KnownFile& b) {
  return a.size == b.size && a.modified_ns == b.modified_ns && a.inode == b.inode;
}

ParquetFolder::ParquetFolder(const Workspace& workspace)
    : path_(workspace.parquet()), fd_(::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {}

std::optional<KnownFile> ParquetFolder::stat_file(const std::string& table) const {
  struct stat info {};
  const std::string name = table + ".parquet";
  if (!fd_ || ::fstatat(fd_.get(), name.c_str(), &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(info.st_mode))
    return std::nullopt;
  return known_file(info);
}

namespace {
void list_parquet(int parent, const char* name, const std::string& prefix, std::vector<std::string>& out) {
  const int fd = ::openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
  DIR* folder = fd < 0 ? nullptr : ::fdopendir(fd);
  if (folder == nullptr) return;
  while (const dirent* entry = ::readdir(folder)) {
    const std::string_view entry_name = entry->d_name;
    if (entry_name.starts_with('.')) continue;
    if (entry_name.ends_with(".parquet"))
      out.push_back(prefix + entry->d_name);
    else if (entry->d_type == DT_DIR)
      list_parquet(fd, entry->d_name, prefix + entry->d_name + "/", out);
  }
  ::closedir(folder);
}
}  // namespace

std::vector<std::string> ParquetFolder::names() const {
  std::vector<std::string> out;
  if (fd_) list_parquet(fd_.get(), ".", "", out);
  std::sort(out.begin(), out.end());
  return out;
}

namespace {
constexpr std::string_view kFormat = "agnes-pull 1";

// The fields of a line, one after the other.
class Fields {
 public:
  explicit Fields(std::string_view line) : rest_(line) {}
  std::string_view next() {
    const auto end = std::min(rest_.find('\t'), rest_.size());
    const std::string_view field = rest_.substr(0, end);
    rest_.remove_prefix(std::min(end + 1, rest_.size()));
    return field;
  }
  template <class T>
  T number() {
    const std::string_view field = next();
    T out{};
    std::from_chars(field.data(), field.data() + field.size(), out);
    return out;
  }

 private:
  std::string_view rest_;
};

// Only what can stand in a field: an ETag with a tab in it, say, is forgotten.
std::string_view field(std::string_view text) {
  return text.find_first_of("\t\r\n") == text.npos ? text : std::string_view{};
}
}  // namespace

PullState load_pull_state(const Workspace& workspace) {
  PullState state;
  const auto text = read_file(workspace.state());
  if (!text || !text->starts_with(kFormat)) return state;
  std::string_view rest = *text;
  bool complete = false;
  while (!rest.empty()) {
    const auto end = std::min(rest.find('\n'), rest.size());
    Fields line(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::string_view kind = line.next();
    if (kind == "table") {
      const std::string_view name = line.next();
      ManifestTable table;
      table.hash = line.next();
      table.size = line.number<std::uint64_t>();
      table.rows = line.number<std::int64_t>();
      table.query_mode = line.next();
      if (const auto updated = line.number<std::int64_t>(); updated != 0) table.updated = Timestamp{updated};
      state.manifest.emplace_hint(state.manifest.end(), name, std::move(table));
    } else if (kind == "file") {
      const std::string_view name = line.next();
      KnownFile file;
      file.hash = line.next();
      file.size = line.number<std::uint64_t>();
      file.modified_ns = line.number<std::int64_t>();
      file.inode = line.number<std::uint64_t>();
      file.server = line.next();
      if (file.server == "-") file.server = state.server;
      state.files.emplace_hint(state.files.end(), name, std::move(file));
    } else if (kind == "server") {
      state.server = line.next();
    } else if (kind == "manifest") {
      state.manifest_etag = line.next();
    } else if (kind == "views") {
      state.views = line.next();
    } else if (kind == "rules") {
      state.rules_etag = line.next();
      state.rules = line.number<std::int64_t>();
    } else if (kind == "end") {
      complete = true;
    }
  }
  return complete ? state : PullState{};
}

void save_pull_state(const Workspace& workspace, const PullState& state) {
  std::string text(kFormat);
  const auto add = [&text](auto&& format, const auto&... fields) {
    text += '\n';
    fmt::format_to(std::back_inserter(text), fmt::runtime(format), fields...);
  };
  add("server\t{}", field(state.server));
  add("manifest\t{}", field(state.manifest_etag));
  add("views\t{}", state.views);
  add("rules\t{}\t{}", field(state.rules_etag), state.rules);
  // Names that are not table ids are never fetched, and a manifest with one is not kept as complete.
  for (const auto& [name, table] : state.manifest)
    if (is_table_id(name))
      add("table\t{}\t{}\t{}\t{}\t{}\t{}", name, field(table.hash), table.size, table.rows,
          field(table.query_mode), table.updated ? table.updated->micros : 0);
  for (const auto& [name, file] : state.files)
    add("file\t{}\t{}\t{}\t{}\t{}\t{}", name, field(file.hash), file.size, file.modified_ns, file.inode,
        file.server == state.server ? "-" : field(file.server));
  text += "\nend\n";
  replace_quickly(workspace.state(), text, 0644);
}

void update_sync_state(const std::map<std::string, SyncedTable>& present,
                       const std::vector<std::string>& gone) {
  const fs::path file = config_folder() / "sync_state.json";
  json::object state = read_object(file).value_or(json::object{});
  if (!state["tables"].is_object()) state["tables"] = json::object{};
  auto& tables = state["tables"].get_object();
  for (const auto& [name, table] : present)
    tables[name] = json::object{{"hash", table.hash}, {"rows", table.rows}, {"size_bytes", table.size}};
  for (const auto& name : gone) tables.erase(name);
  state.erase("last_sync");  // so that it comes last, where touch_sync_state looks for it
  state["last_sync"] = format_iso_utc(now());
  replace_quickly(file, pretty(state) + "\n", 0600);
}

bool touch_sync_state() {
  // The file may be large, and only the time in its last line but one changes: it is overwritten in its
  // place.
  constexpr std::string_view kKey = "\n  \"last_sync\": \"", kEnd = "\"\n}\n";
  const std::string time = format_iso_utc(now());
  const std::size_t length = kKey.size() + time.size() + kEnd.size();
  const UniqueFd fd(::open((config_folder() / "sync_state.json").c_str(), O_RDWR | O_CLOEXEC));
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || info.st_size < static_cast<off_t>(length)) return false;
  std::string tail(length, '\0');
  const off_t at = info.st_size - static_cast<off_t>(length);
  if (::pread(fd.get(), tail.data(), length, at) != static_cast<ssize_t>(length)) return false;
  if (!tail.starts_with(kKey) || !tail.ends_with(kEnd)) return false;
  return ::pwrite(fd.get(), time.data(), time.size(), at + static_cast<off_t>(kKey.size())) ==
         static_cast<ssize_t>(time.size());
}

void replace_quickly(const fs::path& file, std::string_view content, unsigned mode) {
  const fs::path beside = temporary_name(file);
  try {
    UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) throw system_error("cannot write " + file.string(), errno);
    write_or_throw(fd.get(), content, file);
    if (::rename(beside.c_str(), file.c_str()) != 0)
      throw system_error("cannot replace " + file.string(), errno);
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
}

void refuse_links(const fs::path& root) {
  for (const char* way : {".claude", ".claude/rules", ".claude/commands", "server", "server/parquet", "user",
                          "user/sessions", "user/duckdb", "user/snapshots"}) {
    const auto folder = root / way;
    if (struct stat seen{}; ::lstat(folder.c_str(), &seen) == 0 && S_ISLNK(seen.st_mode))
      throw Failure(Cause::failed,
                    fmt::format("{} is a link, and agnes writes there", escape_control(folder.string())),
                    "put a folder in its place");
  }
}

void append_line(const fs::path& file, const std::string& line) {
  const UniqueFd fd(
      ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
  if (!fd) throw system_error("cannot write " + file.string(), errno);
  write_or_throw(fd.get(), line + "\n", file);
}

}  // namespace agnes::cli
