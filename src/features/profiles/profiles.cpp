#include "features/profiles/profiles.h"

#include "core/catalog/registry.h"
#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"

namespace agnes::profiles {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// What a stored profile is of; not shown.
constexpr const char* kStampKey = "agnes_stamp";
// Another number makes every stored profile one to renew.
constexpr int kForm = 1;
constexpr std::chrono::minutes kTimeLimit{10};
constexpr std::chrono::seconds kWaitLimit{5};

struct StoredProfile {
  std::string profile;
  std::optional<Timestamp> profiled_at;
};
BOOST_DESCRIBE_STRUCT(StoredProfile, (), (profile, profiled_at))
// Input of the job.
struct RenewProfiles {
  bool retry_failed = true;  // also of data that no profile could be made of before
  static constexpr json::Rule rules[] = {{.field = "retry_failed", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(RenewProfiles, (), (retry_failed))

struct StoredStamp {
  std::string table_id;
  std::optional<std::string> stamp;
};
BOOST_DESCRIBE_STRUCT(StoredStamp, (), (table_id, stamp))

bool has_profile(const Table& table) {
  return table.has_data() && !catalog::is_remote(table);
}

std::vector<std::string> key_columns(const std::optional<catalog::Registration>& row) {
  std::vector<std::string> out;
  if (!row || !row->primary_key) return out;
  boost::json::error_code error;
  const auto parsed = boost::json::parse(*row->primary_key, error);
  if (error || !parsed.is_array()) return out;
  for (const auto& name : parsed.as_array())
    if (name.is_string()) out.emplace_back(name.as_string());
  return out;
}

// The same as long as the table's data and what its profile depends on are.
std::string stamp_of(const Table& table, const std::vector<std::string>& primary_key) {
  std::string of = fmt::format("{}\n{}\n{}\n{}", kForm, table.id, table.hash, table.rows);
  if (table.hash.empty() && table.updated) of += "\n" + format_iso(*table.updated);
  for (const auto& name : primary_key) of += "\n" + name;
  return md5_hex(of);
}

std::optional<StoredProfile> stored(state::Tx& tx, const std::string& table_id) {
  return tx.row<StoredProfile>(
      "SELECT CAST(profile AS VARCHAR) AS profile, profiled_at FROM table_profiles WHERE table_id = ?",
      table_id);
}
std::optional<object> parsed(const std::string& text) {
  boost::json::error_code error;
  auto out = boost::json::parse(text, error);
  if (error || !out.is_object()) return std::nullopt;
  return std::move(out.as_object());
}

// What older deployments left; not worth an error.
std::optional<object> from_file(const fs::path& file, const Table& table) {
  const auto text = read_file(file);
  if (!text) return std::nullopt;
  const auto all = parsed(*text);
  if (!all) return std::nullopt;
  const auto* inner = all->if_contains("tables");
  const object& tables = inner != nullptr && inner->is_object() ? inner->as_object() : *all;
  for (const auto& name : {table.id, table.name})
    if (const auto* found = tables.if_contains(name); found != nullptr && found->is_object())
      return found->as_object();
  return std::nullopt;
}

}  // namespace

Profiles::Profiles(state::Store& store, Generations& generations, jobs::Service& jobs, fs::path data,
                   ComputeProfile compute, const std::vector<catalog::TableUses>& uses)
    : store_(store),
      generations_(generations),
      jobs_(jobs),
      data_(std::move(data)),
      compute_(std::move(compute)),
      uses_(uses) {
  generations.on_publish([this](const Generation& generation) { changed(generation); });
}

std::optional<object> Profiles::find(const Table& table) {
  auto [found, row, uses] = store_.read([&](state::Tx& tx) {
    auto profile = stored(tx, table.id);
    array named;
    for (const auto& uses : uses_)
      for (auto& item : uses(tx, table)) named.push_back(std::move(item));
    return std::tuple(std::move(profile), catalog::find(tx, table.id), std::move(named));
  });
  auto data =
      found ? parsed(found->profile) : from_file(data_ / "src_data" / "metadata" / "profiles.json", table);
  if (!data) return std::nullopt;
  if (!data->contains(kStampKey)) {
    if (found && found->profiled_at) (*data)["profiled_at"] = format_iso(*found->profiled_at);
    return data;
  }
  data->erase(kStampKey);
  object out = {{"table_id", table.id},
                {"description", table.description},
                {"primary_key", fmt::format("{}", fmt::join(key_columns(row), ","))},
                {"sync_strategy", table.sync_strategy.empty() ? "none" : table.sync_strategy}};
  for (auto& [key, said] : *data) {
    if (key == "columns") {
      out["last_sync"] = table.updated ? value(format_iso(*table.updated)) : value(nullptr);
      out["related_tables"] = array();
      out["used_by_metrics"] = uses;
    }
    out[key] = std::move(said);
  }
  if (found->profiled_at) out["profiled_at"] = format_iso(*found->profiled_at);
  return out;
}

std::optional<std::int64_t> Profiles::columns_of(const std::string& table_id, const std::string& stamp) {
  const auto found = store_.read([&](state::Tx& tx) { return stored(tx, table_id); });
  const auto data = found ? parsed(found->profile) : std::nullopt;
  if (!data) return std::nullopt;
  const auto* of = data->if_contains(kStampKey);
  if (of == nullptr || *of != value(stamp)) return std::nullopt;
  return data->at("column_count").to_number<std::int64_t>();
}

std::int64_t Profiles::refresh(const Table& table, const std::string& caller, const StopToken& stop) {
  if (!has_profile(table))
    throw Error(ErrorKind::not_found,
                fmt::format("the table {} has no data here to make a profile of", table.id));
  const auto primary_key =
      key_columns(store_.read([&](state::Tx& tx) { return catalog::find(tx, table.id); }));
  const std::string stamp = stamp_of(table, primary_key);
  if (const auto columns = columns_of(table.id, stamp)) return *columns;
  struct Turn {
    Profiles& of;
    const std::string& caller;
    Turn(Profiles& profiles, const std::string& id) : of(profiles), caller(id) {
      const std::lock_guard lock(of.mutex_);
      if (!caller.empty() && !of.callers_.insert(caller).second)
        throw Error(ErrorKind::too_many,
                    "a profile is being made for you already; try again when it is there");
    }
    ~Turn() {
      const std::lock_guard lock(of.mutex_);
      of.callers_.erase(caller);
    }
  } turn(*this, caller);
  if (!asked_for_.try_acquire_for(kWaitLimit))
    throw Error(ErrorKind::unavailable, "other profiles are being made; try again in a minute");
  struct Release {
    std::counting_semaphore<kAtOnce>& held;
    ~Release() { held.release(); }
  } release{asked_for_};
  const auto end = std::chrono::steady_clock::now() + kTimeLimit;
  return make(table, primary_key, stamp, stop.until(end));
}

std::int64_t Profiles::make(const Table& table, const std::vector<std::string>& primary_key,
                            const std::string& stamp, const StopToken& stop) {
  struct Claim {
    Profiles& of;
    const std::string& id;
    Claim(Profiles& profiles, const std::string& table_id) : of(profiles), id(table_id) {
      std::unique_lock lock(of.mutex_);
      of.made_.wait(lock, [&] { return of.making_.insert(id).second; });
    }
    ~Claim() {
      std::lock_guard lock(of.mutex_);
      of.making_.erase(id);
      of.made_.notify_all();
    }
  } claim(*this, table.id);
  // Somebody else may just have made it.
  if (const auto columns = columns_of(table.id, stamp)) return *columns;
  object data = compute_(table, primary_key, stop);
  data[kStampKey] = stamp;
  const std::int64_t columns = data.at("column_count").to_number<std::int64_t>();
  const std::string text = boost::json::serialize(data);
  store_.write([&](state::Tx& tx) {
    tx.execute(
        "INSERT INTO table_profiles (table_id, profile, profiled_at) VALUES (?, ?, ?) ON CONFLICT (table_id) "
        "DO UPDATE SET profile = excluded.profile, profiled_at = excluded.profiled_at",
        table.id, text, now());
  });
  return columns;
}

catalog::Warmer Profiles::warmer() {
  return {.takes =
              [](const catalog::Registration& row, const Table* table) {
                return table != nullptr && table->has_data() && row.profile_after_sync;
              },
          .warm = [this](const catalog::Registration&, const Table* table,
                         const StopToken& stop) -> std::optional<std::string> {
            refresh(*table, "", stop);
            return std::nullopt;
          }};
}

void Profiles::changed(const Generation& generation) {
  std::unordered_set<std::string> stamps;
  for (const auto& table : generation.tables())
    if (has_profile(table)) stamps.insert(stamp_of(table, {}));
  {
    std::lock_guard lock(mutex_);
    const bool first = !known_;
    const bool same = !first && std::all_of(stamps.begin(), stamps.end(),
                                            [&](const auto& stamp) { return known_->contains(stamp); });
    known_ = std::move(stamps);
    if (first || same) return;
  }
  jobs_.enqueue_typed(kProfilesJob, RenewProfiles{.retry_failed = false});
}

jobs::Kind Profiles::kind() {
  return {.name = kProfilesJob,
          .description = "Makes the profiles of registered tables that are missing or of older data",
          .follow_up = true,
          .work = jobs::work<RenewProfiles>([this](const jobs::Context& context, const RenewProfiles& input) {
            return renew(context, input.retry_failed);
          })};
}

jobs::Done Profiles::renew(const jobs::Context& context, bool retry_failed) {
  const auto generation = generations_.current();
  const auto [registered, stamps] = store_.read([](state::Tx& tx) {
    return std::pair(catalog::all(tx),
                     tx.rows<StoredStamp>(fmt::format("SELECT table_id, profile->>'{}' AS stamp "
                                                      "FROM table_profiles",
                                                      kStampKey)));
  });
  std::unordered_map<std::string, std::string> stamp_by_id;
  for (const auto& row : stamps) stamp_by_id.emplace(row.table_id, row.stamp.value_or(""));
  struct Item {
    const Table* table;
    std::vector<std::string> primary_key;
    std::string stamp;
  };
  std::vector<Item> stale;
  for (const auto& row : registered) {
    const Table* table = generation->find(row.id);
    if (!row.profile_after_sync || table == nullptr || !has_profile(*table)) continue;
    auto primary_key = key_columns(row);
    std::string stamp = stamp_of(*table, primary_key);
    const auto found = stamp_by_id.find(row.id);
    std::lock_guard lock(mutex_);
    if ((found == stamp_by_id.end() || found->second != stamp) && (retry_failed || !failed_.contains(stamp)))
      stale.push_back({table, std::move(primary_key), std::move(stamp)});
  }
  constexpr const char* kCancelled = "the profiles were cancelled; those that were made are kept";
  std::size_t done = 0;
  std::vector<std::string> failures;
  for (const auto& item : stale) {
    context.throw_if_cancelled(kCancelled);
    context.progress({{"table", item.table->id}, {"done", done++}, {"of", stale.size()}});
    const auto end = std::chrono::steady_clock::now() + kTimeLimit;
    try {
      make(*item.table, item.primary_key, item.stamp, context.stop().until(end));
    } catch (const std::exception& error) {
      context.throw_if_cancelled(kCancelled);
      log::warn("no profile of {}: {}", item.table->id, error.what());
      failures.push_back(fmt::format("{}: {}", item.table->id, error.what()));
      std::lock_guard lock(mutex_);
      failed_.insert(item.stamp);
    }
  }
  return {boost::json::object{{"made", stale.size() - failures.size()}, {"failed", failures.size()}},
          std::move(failures)};
}

}  // namespace agnes::profiles
