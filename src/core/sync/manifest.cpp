#include "core/sync/manifest.h"

#include "contract/manifest.h"
#include "lib/base/hash.h"

namespace agnes::sync {

namespace {

// The members of a contract::Manifest one by one: it may have thousands of tables.
std::string tables_of(const catalog::VisibleSet& set) {
  std::string out;
  for (const auto* table : set.tables) {
    if (!table->updated) continue;  // never synced: nothing to fetch
    out += out.empty() ? '{' : ',';
    json::append_text(out, table->name);
    out += ':';
    json::append(out, contract::ManifestTable{table->hash, *table->updated, table->size_bytes, table->rows,
                                              table->query_mode, table->source_type});
  }
  return out.empty() ? "{}" : out + '}';
}

// Documents have a hash of their newest change, profiles one of their content.
std::map<std::string, contract::Asset> assets_of(const fs::path& data) {
  std::map<std::string, contract::Asset> out;
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
    out["docs"] = {std::to_string(newest)};
  }
  const fs::path profiles = data / "src_data" / "metadata" / "profiles.json";
  if (fs::is_regular_file(profiles, error)) out["profiles"] = {md5_file(profiles)};
  return out;
}

}  // namespace

std::string Manifests::assets(Timestamp moment) {
  std::lock_guard lock(mutex_);
  if (assets_second_ != seconds(moment)) {
    assets_ = json::to_text(assets_of(data_));
    assets_second_ = seconds(moment);
  }
  return assets_;
}

http::Response Manifests::of(const catalog::VisibleSet& set) {
  const Timestamp moment = now();
  const auto assets = this->assets(moment);
  auto text = texts_.of(set, assets, [&] {
    return fmt::format(R"({{"tables":{},"assets":{},"server_time":")", tables_of(set), assets);
  });
  const auto etag = text->etag();
  return http::Response::shared_json({std::move(text), format_iso_utc(moment) + "\"}"}, etag);
}

}  // namespace agnes::sync
