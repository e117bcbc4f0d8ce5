#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "lib/base/files.h"
#include "lib/base/time.h"

// The folder that an analyst works in, and what the program remembers about it.
namespace agnes::cli {

struct Workspace {
  fs::path root;

  fs::path server() const { return root / "server"; }
  fs::path parquet() const { return root / "server" / "parquet"; }
  fs::path parquet_of(const std::string& table) const { return parquet() / (table + ".parquet"); }
  fs::path snapshots() const { return root / "user" / "snapshots"; }
  fs::path database() const { return root / "user" / "duckdb" / "analytics.duckdb"; }
  fs::path agent_settings() const { return root / ".claude" / "settings.json"; }
  fs::path guide() const { return root / "CLAUDE.md"; }
  fs::path complete_mark() const { return root / ".claude" / "init-complete"; }
  fs::path state() const { return root / "server" / ".agnes-pull"; }
  fs::path facts() const { return root / "server" / ".agnes-catalog"; }
  fs::path lock() const { return root / "server" / ".agnes-pull.lock"; }
};

// Throws Failure when a folder of the program's own in the workspace, or one of its lists, is a link: whoever made the workspace would say
// where the program writes.
void refuse_links(const fs::path& root);
// Adds a line to a file of the program's own, which is no link.
void append_line(const fs::path& file, const std::string& line);

// One table of the server's manifest.
struct ManifestTable {
  std::string hash;  // MD5 of its file; empty: not known
  std::uint64_t size = 0;
  std::int64_t rows = 0;
  std::string query_mode;
  std::optional<Timestamp> updated;
  bool has_file() const { return query_mode != "remote"; }
};
using Manifest = std::map<std::string, ManifestTable>;
// Throws Error (bad_gateway) for what is not a manifest.
Manifest parse_manifest(const boost::json::value& answer);

// How a file looked when it was last known to be right; while it looks the same, its content need not be
// read.
struct KnownFile {
  std::string hash;  // empty: not complete yet
  std::uint64_t size = 0;
  std::int64_t modified_ns = 0;
  std::uint64_t inode = 0;
  std::string server;  // where it came from: only that server's word removes it
  bool operator==(const KnownFile&) const = default;
};
std::optional<KnownFile> stat_file(const fs::path& file);
bool looks_same(const KnownFile& a, const KnownFile& b);

// The folder of tables, held open: a pull looks at each of them every time, so it should cost no more than it
// must.
class ParquetFolder {
 public:
  explicit ParquetFolder(const Workspace& workspace);
  std::optional<KnownFile> stat_file(const std::string& table) const;
  // Every "*.parquet" in it and below, as a path from the folder on, sorted; hidden ones left out.
  std::vector<std::string> names() const;

 private:
  fs::path path_;
  UniqueFd fd_;
};

// What the last pulls left, in <workspace>/server/.agnes-pull: lines of fields with tabs between. A cache:
// without it a pull reads more, and ends in the same state.
struct PullState {
  std::string server;
  std::string manifest_etag;  // of `manifest`, when all of it was fetched
  Manifest manifest;
  std::map<std::string, KnownFile> files;  // by table
  std::string views;                       // fingerprint of what analytics.duckdb was made from
  std::string rules_etag;
  std::int64_t rules = 0;
};
PullState load_pull_state(const Workspace& workspace);  // empty when there is none, or none that can be read
void save_pull_state(const Workspace& workspace, const PullState& state);

// The contract's ~/.config/agnes/sync_state.json, which other clients on this machine read.
struct SyncedTable {
  std::string hash;
  std::int64_t rows = 0;
  std::uint64_t size = 0;
};
// Sets the tables of `present`, drops those of `gone`, and notes the time; what it does not know stays.
void update_sync_state(const std::map<std::string, SyncedTable>& present,
                       const std::vector<std::string>& gone);
// Notes the time only. False when the file has not the usual form; then nothing was done.
bool touch_sync_state();

// Replaces a file that is only a cache: atomic, but not synced to the disk.
void replace_quickly(const fs::path& file, std::string_view content, unsigned mode);

}  // namespace agnes::cli
