#include "cli/workspace.h"

#include <cerrno>

#include <boost/json.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/time.h"
#include "cli/config.h"
#include "cli/json_text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
template <class T>
T number(const json::object& object, std::string_view key) {
  const auto* value = object.if_contains(key);
  if (value == nullptr || !value->is_number()) return T{};
  boost::system::error_code error;
  const T out = value->to_number<T>(error);
  return error ? T{} : out;
}
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
    throw Error(ErrorKind::bad_gateway, "the answer is no manifest: is the address really an Agnes server's?");
  Manifest manifest;
  for (const auto& item : tables->get_object()) {
    if (!item.value().is_object()) continue;
    const auto& table = item.value().get_object();
    manifest[std::string(item.key())] = {plain(table, "hash"), number<std::uint64_t>(table, "size_bytes"),
                                         number<std::int64_t>(table, "rows"), plain(table, "query_mode")};
  }
  return manifest;
}

std::optional<KnownFile> look_at(const fs::path& file) {
  struct stat info {};
  if (::lstat(file.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return std::nullopt;
  KnownFile known;
  known.size = static_cast<std::uint64_t>(info.st_size);
  known.modified_ns = info.st_mtim.tv_sec * std::int64_t{1'000'000'000} + info.st_mtim.tv_nsec;
  known.inode = info.st_ino;
  return known;
}
bool looks_same(const KnownFile& a, const KnownFile& b) {
  return a.size == b.size && a.modified_ns == b.modified_ns && a.inode == b.inode;
}

PullState load_pull_state(const Workspace& workspace) {
  PullState state;
  const auto object = read_object(workspace.state());
  if (!object) return state;
  state.server = plain(*object, "server");
  state.manifest_etag = plain(*object, "manifest_etag");
  state.views = plain(*object, "views");
  state.rules_etag = plain(*object, "rules_etag");
  state.rules = number<std::int64_t>(*object, "rules");
  if (const auto* manifest = object->if_contains("manifest"); manifest != nullptr && manifest->is_object())
    state.manifest = parse_manifest(json::object{{"tables", *manifest}});
  if (const auto* files = object->if_contains("files"); files != nullptr && files->is_object())
    for (const auto& item : files->get_object()) {
      if (!item.value().is_object()) continue;
      const auto& file = item.value().get_object();
      state.files[std::string(item.key())] = {plain(file, "hash"), number<std::uint64_t>(file, "size"),
                                              number<std::int64_t>(file, "modified_ns"),
                                              number<std::uint64_t>(file, "inode"), plain(file, "server")};
    }
  return state;
}

void save_pull_state(const Workspace& workspace, const PullState& state) {
  json::object manifest, files;
  for (const auto& [name, table] : state.manifest)
    manifest[name] = json::object{{"hash", table.hash}, {"size_bytes", table.size}, {"rows", table.rows},
                                  {"query_mode", table.query_mode}};
  for (const auto& [name, file] : state.files)
    files[name] = json::object{{"hash", file.hash}, {"size", file.size}, {"modified_ns", file.modified_ns},
                               {"inode", file.inode}, {"server", file.server}};
  const json::object object{{"server", state.server},     {"manifest_etag", state.manifest_etag},
                            {"manifest", std::move(manifest)}, {"files", std::move(files)},
                            {"views", state.views},       {"rules_etag", state.rules_etag},
                            {"rules", state.rules}};
  replace_quickly(workspace.state(), compact(object) + "\n", 0644);
}

void update_sync_state(const std::map<std::string, SyncedTable>& present, const std::vector<std::string>& gone) {
  const fs::path file = config_folder() / "sync_state.json";
  json::object state = read_object(file).value_or(json::object{});
  if (!state["tables"].is_object()) state["tables"] = json::object{};
  auto& tables = state["tables"].get_object();
  for (const auto& [name, table] : present)
    tables[name] = json::object{{"hash", table.hash}, {"rows", table.rows}, {"size_bytes", table.size}};
  for (const auto& name : gone) tables.erase(name);
  state["last_sync"] = format_iso_utc(now());
  replace_quickly(file, pretty(state) + "\n", 0600);
}

void replace_quickly(const fs::path& file, std::string_view content, unsigned mode) {
  const fs::path beside = temporary_name(file);
  try {
    UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
    if (!fd) throw system_error("cannot write " + file.string(), errno);
    write_or_throw(fd.get(), content, file);
    if (::rename(beside.c_str(), file.c_str()) != 0) throw system_error("cannot replace " + file.string(), errno);
  } catch (...) {
    ::unlink(beside.c_str());
    throw;
  }
}

}  // namespace agnes::cli
