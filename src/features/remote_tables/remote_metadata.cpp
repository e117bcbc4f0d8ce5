#include "features/remote_tables/remote_metadata.h"

#include "core/catalog/source_kind.h"
#include "core/state/audit.h"
#include "lib/base/error.h"

namespace agnes::remote_tables {

namespace {

constexpr std::size_t kMaxReason = 512;  // bytes of error_msg

void save(state::Store& store, const std::string& table_id, const RemoteFacts& facts) {
  boost::json::array names;
  for (const auto& column : facts.columns) names.emplace_back(column.name);
  store.write([&](state::Tx& tx) {
    tx.execute(
        "INSERT INTO bq_metadata_cache (table_id, rows, size_bytes, partition_by, clustered_by, entity_type, "
        "known_columns, refreshed_at, error_at, error_msg) VALUES (?, ?, ?, ?, ?, ?, ?, ?, NULL, NULL) "
        "ON CONFLICT (table_id) DO UPDATE SET rows = excluded.rows, size_bytes = excluded.size_bytes, "
        "partition_by = excluded.partition_by, clustered_by = excluded.clustered_by, "
        "entity_type = excluded.entity_type, known_columns = excluded.known_columns, "
        "refreshed_at = excluded.refreshed_at, error_at = NULL, error_msg = NULL",
        table_id, facts.rows, facts.size_bytes, facts.partition_by,
        state::json_text(json::to_json(facts.clustered_by)), facts.entity_type, state::json_text(names),
        now());
  });
}

void save_failure(state::Store& store, const std::string& table_id, std::string reason) {
  if (reason.size() > kMaxReason) {
    std::size_t end = kMaxReason;
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0) == 0x80) --end;
    reason.resize(end);
  }
  store.write([&](state::Tx& tx) {
    tx.execute(
        "INSERT INTO bq_metadata_cache (table_id, error_at, error_msg) VALUES (?, ?, ?) "
        "ON CONFLICT (table_id) DO UPDATE SET error_at = excluded.error_at, error_msg = excluded.error_msg",
        table_id, now(), reason);
  });
}

}  // namespace

std::vector<RemoteMetadata> RemoteMetadataCache::all() const {
  return store_.read([](state::Tx& tx) {
    return tx.rows<RemoteMetadata>(fmt::format("SELECT {} FROM bq_metadata_cache ORDER BY table_id",
                                               state::column_list<RemoteMetadata>()));
  });
}

std::string RemoteMetadataCache::freshness(const RemoteMetadata& row, Timestamp at) const {
  if (!row.refreshed_at) return row.error_at ? "error" : "never_fetched";
  return plus_seconds(*row.refreshed_at, fresh_seconds()) >= at ? "fresh" : "stale";
}

std::uint64_t RemoteMetadataCache::version() const {
  const auto minute = static_cast<std::uint64_t>(now().micros / 60'000'000);
  return minute << 32 | (writes_ & 0xffffffff);
}

RefreshedTable RemoteMetadataCache::refresh(const Registration& row) {
  RefreshedTable out{
      .table_id = row.id, .status = "error", .error = {}, .entity_type = {}, .rows = {}, .size_bytes = {}};
  try {
    if (!fetch_)
      throw Error(ErrorKind::unavailable,
                  "this server does not ask engines for what is known of their tables");
    const auto facts = fetch_(row);
    if (!facts) {
      save_failure(store_, row.id, "the engine knows nothing of this table");
      ++writes_;
      out.status = "no_data";
      return out;
    }
    save(store_, row.id, *facts);
    ++writes_;
    out.status = "ok";
    out.rows = facts->rows;
    out.size_bytes = facts->size_bytes;
    out.entity_type = facts->entity_type;
  } catch (const Error& error) {
    save_failure(store_, row.id, error.what());
    ++writes_;
    out.error = error.what();
  }
  return out;
}

jobs::Done RemoteMetadataCache::refresh_all(const jobs::Context& context) {
  auto rows = store_.read([](state::Tx& tx) { return catalog::all(tx); });
  std::erase_if(rows, [](const Registration& row) { return !catalog::is_at_engine(row); });
  std::int64_t succeeded = 0, no_data = 0, failed = 0;
  const auto counts = [&] {
    return boost::json::object{
        {"total", rows.size()}, {"succeeded", succeeded}, {"no_data", no_data}, {"failed", failed}};
  };
  std::vector<std::string> failures;
  for (const auto& row : rows) {
    context.throw_if_cancelled("the refresh was cancelled; what was asked for so far is kept");
    const auto done = refresh(row);
    if (done.error) failures.push_back(fmt::format("{}: {}", row.id, *done.error));
    ++(done.status == "ok" ? succeeded : done.status == "no_data" ? no_data : failed);
    context.progress(counts());
  }
  return {counts(), std::move(failures)};
}

catalog::Warmer RemoteMetadataCache::warmer() {
  return {.takes = [](const Registration& row, const catalog::Table*) { return catalog::is_at_engine(row); },
          .warm = [this](const Registration& row, const catalog::Table*,
                         const StopToken&) { return refresh(row).error; }};
}

}  // namespace agnes::remote_tables
