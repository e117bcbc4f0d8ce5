#include "sync/manifest.h"

#include <boost/json/serialize.hpp>

#include "base/hash.h"

namespace agnes::sync {

namespace {

using boost::json::object;
using boost::json::value;

// Of all manifests held at once, as text.
constexpr std::size_t kMaxBytes = 16u << 20;

object tables_of(const catalog::VisibleSet& set) {
  object out;
  for (const auto* table : set.tables) {
    if (!table->updated) continue;  // never synced: nothing to fetch
    out[table->name] = {
        {"hash", table->hash}, {"updated", format_iso(*table->updated)}, {"size_bytes", table->size_bytes},
        {"rows", table->rows}, {"query_mode", table->query_mode},        {"source_type", table->source_type}};
  }
  return out;
}

// Documents have a hash of their newest change, profiles one of their content.
object assets_of(const fs::path& data) {
  object out;
  std::error_code error;
  const fs::path docs = data / "docs";
  if (fs::is_directory(docs, error)) {
    std::int64_t newest = 0;
    for (const auto& entry : fs::recursive_directory_iterator(docs, error))
      if (entry.is_regular_file(error)) {
        const auto time = fs::last_write_time(entry.path(), error).time_since_epoch();
        const auto system = std::chrono::file_clock::to_sys(fs::file_time_type(time));
        newest = std::max<std::int64_t>(
            newest, std::chrono::duration_cast<std::chrono::seconds>(system.time_since_epoch()).count());
      }
    out["docs"] = {{"hash", std::to_string(newest)}};
  }
  const fs::path profiles = data / "src_data" / "metadata" / "profiles.json";
  if (fs::is_regular_file(profiles, error)) out["profiles"] = {{"hash", md5_file(profiles)}};
  return out;
}

}  // namespace

http::Response Manifests::of(const catalog::VisibleSet& set) {
  const Timestamp moment = now();
  std::lock_guard lock(mutex_);
  if (bytes_ > kMaxBytes && !entries_.contains(set.key)) {
    entries_.clear();
    bytes_ = 0;
  }
  auto& entry = entries_[set.key];
  if (entry.second != seconds(moment)) {
    entry.second = seconds(moment);
    if (entry.tables.empty()) {
      entry.tables = boost::json::serialize(tables_of(set));
      bytes_ += entry.tables.size();
    }
    const auto assets = boost::json::serialize(assets_of(data_));
    entry.etag = '"' + md5_hex(entry.tables + assets) + '"';
    entry.body = http::SharedBody(fmt::format(R"({{"tables":{},"assets":{},"server_time":"{}"}})",
                                              entry.tables, assets, format_iso_utc(moment)));
  }
  return http::Response::shared_json(entry.body, entry.etag);
}

void Manifests::forget() {
  std::lock_guard lock(mutex_);
  entries_.clear();
  bytes_ = 0;
}

}  // namespace agnes::sync
