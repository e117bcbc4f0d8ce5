#include "server/health_parts.h"

#include <sys/statvfs.h>

#include "base/files.h"
#include "base/text.h"
#include "workers/confine.h"

namespace agnes::server {

namespace {

using boost::json::array;
using boost::json::object;

// A sync writes a table beside the old one, so that much must be free.
constexpr std::uint64_t kLittleSpace = 2ull << 30, kNoSpace = 100ull << 20;

object extracts_part(const catalog::Generation* generation) {
  if (generation == nullptr) return {{"status", "unknown"}, {"detail", "the extracts are being read"}};
  struct Source {
    std::int64_t tables = 0, rows = 0;
    std::optional<Timestamp> newest, oldest;
  };
  std::map<std::string, Source> by_name;
  std::int64_t without_data = 0;
  for (const auto& table : generation->tables()) {
    if (table.source.empty()) {
      if (table.query_mode != "remote") ++without_data;
      continue;
    }
    auto& source = by_name[table.source];
    ++source.tables;
    source.rows += table.rows;
    if (!table.updated) continue;
    source.newest = std::max(source.newest.value_or(*table.updated), *table.updated);
    source.oldest = std::min(source.oldest.value_or(*table.updated), *table.updated);
  }
  array sources;
  std::int64_t stale = 0;
  for (const auto& [name, source] : by_name) {
    object entry{{"name", name}, {"tables", source.tables}, {"rows", source.rows}};
    if (source.newest) {
      const std::int64_t age = std::max<std::int64_t>(0, seconds(now()) - seconds(*source.newest));
      entry["newest"] = format_iso_utc(*source.newest);
      entry["oldest"] = format_iso_utc(*source.oldest);
      entry["age_seconds"] = age;
      if (age > kStaleAfterSeconds) ++stale;
    }
    sources.emplace_back(std::move(entry));
  }
  object part{{"status", stale > 0          ? "warning"
                         : without_data > 0 ? "info"
                                            : "ok"},
              {"generation", generation->number()},
              {"sources", std::move(sources)}};
  if (stale > 0)
    part["detail"] = fmt::format("{} of {} sources brought nothing for a day", stale, by_name.size());
  else if (without_data > 0)
    part["detail"] = fmt::format("{} registered tables have no data yet", without_data);
  return part;
}

object analytics_part(const config::Places& places) {
  std::error_code missing;
  const auto size = fs::file_size(places.analytics(), missing);
  if (missing)
    return {{"status", "info"}, {"detail", "analytics/server.duckdb is not there: the next sync makes it"}};
  return {{"status", "ok"}, {"bytes", size}};
}

object scheduler_part(const jobs::Scheduler& scheduler) {
  array running, failed;
  std::int64_t count = 0;
  for (const auto& job : scheduler.jobs()) {
    ++count;
    if (job.running) running.emplace_back(job.name);
    if (job.outcome == "failed") failed.emplace_back(job.name);
  }
  object part{{"status", failed.empty() ? "ok" : "warning"},
              {"jobs", count},
              {"running", running},
              {"failed", failed}};
  if (!failed.empty()) part["detail"] = "the last run of these jobs failed: GET /api/admin/jobs says why";
  return part;
}

object workers_part(const query::Pool& pool) {
  const auto counts = pool.counts();
  const bool full = counts.busy >= counts.most;
  object part{{"status", full ? "warning" : "ok"},
              {"busy", counts.busy},
              {"idle", counts.idle},
              {"spare", counts.spare},
              {"max", counts.most},
              {"crashed", counts.crashed},
              {"timed_out", counts.timed_out}};
  if (full) part["detail"] = "all query processes are busy: more statements wait";
  return part;
}

object disk_part(const config::Places& places) {
  struct statvfs disk {};
  if (::statvfs(places.data.c_str(), &disk) != 0)
    return {{"status", "unknown"}, {"detail", "the file system does not tell how much is free"}};
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  object part{{"status", free < kNoSpace       ? "error"
                         : free < kLittleSpace ? "warning"
                                               : "ok"},
              {"free_bytes", free},
              {"size_bytes", std::uint64_t{disk.f_blocks} * disk.f_frsize}};
  if (free < kLittleSpace) part["detail"] = fmt::format("{} are free where the data is", human_bytes(free));
  return part;
}

object configuration_part(const config::Places& places) {
  try {
    const auto config = config::Config::read(places);
    if (config.warnings().empty()) return {{"status", "ok"}, {"source", config.source()}};
    return {{"status", "info"}, {"source", config.source()}, {"detail", join(config.warnings(), "; ")}};
  } catch (const Error& error) {
    return {{"status", "warning"}, {"detail", fmt::format("the next start would fail: {}", error.what())}};
  }
}

object mail_part(const access::EmailOutbox& outbox) {
  if (outbox.ready()) return {{"status", "ok"}};
  return {{"status", "info"},
          {"detail", outbox.settings().usable() ? "no links are mailed: SERVER_URL or DOMAIN is not set"
                                                : "no mail is sent: neither a relay nor SendGrid is set"}};
}

object confinement_part() {
  const int landlock = workers::landlock_version();
  if (landlock > 0) return {{"status", "ok"}, {"detail", fmt::format("Landlock version {}", landlock)}};
  return {{"status", "warning"}, {"detail", "this kernel has no Landlock: workers are not confined"}};
}

}  // namespace

object operator_parts(const HealthSources& sources) {
  return {{"extracts", extracts_part(sources.generations.peek().get())},
          {"analytics", analytics_part(sources.places)},
          {"scheduler", scheduler_part(sources.scheduler)},
          {"workers", workers_part(sources.pool)},
          {"disk", disk_part(sources.places)},
          {"configuration", configuration_part(sources.places)},
          {"mail", mail_part(sources.outbox)},
          {"confinement", confinement_part()}};
}

}  // namespace agnes::server
