#include "core/sync/data_routes.h"

#include <sys/stat.h>

#include "contract/manifest.h"
#include "core/extracts/pins.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::sync {

namespace {

// Ids outside this form cannot be a table's, and are not business of the file system.
void refuse_odd_id(const std::string& id) {
  if (!is_table_id(id)) throw Error(ErrorKind::not_found, "there is no such table");
}

struct Setting {
  std::string user_id, dataset;
  bool enabled = false;
  std::string table_mode = "all";
  boost::json::value tables;
  std::optional<Timestamp> updated_at;
  static constexpr json::Rule rules[] = {
      {.field = "tables", .description = "A list of names where table_mode is explicit; otherwise null"}};
};
BOOST_DESCRIBE_STRUCT(Setting, (), (user_id, dataset, enabled, table_mode, tables, updated_at))

struct SyncSettings {
  std::string user_id;
  std::vector<Setting> settings;
  std::vector<std::string> enabled_datasets;
};
BOOST_DESCRIBE_STRUCT(SyncSettings, (), (user_id, settings, enabled_datasets))
struct Subscriptions {
  std::string user_id;
  std::vector<Setting> subscriptions;
};
BOOST_DESCRIBE_STRUCT(Subscriptions, (), (user_id, subscriptions))
struct UserSettings {
  std::string user_id;
  std::vector<Setting> sync_settings;
};
BOOST_DESCRIBE_STRUCT(UserSettings, (), (user_id, sync_settings))

struct DatasetsBody {
  std::map<std::string, bool> datasets;
};
BOOST_DESCRIBE_STRUCT(DatasetsBody, (), (datasets))
struct SubscriptionsBody {
  std::string table_mode = "all";
  std::map<std::string, bool> tables;
  static constexpr json::Rule rules[] = {
      {.field = "table_mode", .has_default = true, .one_of = {"all", "explicit"}},
      {.field = "tables", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(SubscriptionsBody, (), (table_mode, tables))
struct DatasetBody {
  std::string dataset;
  bool enabled = false;
};
BOOST_DESCRIBE_STRUCT(DatasetBody, (), (dataset, enabled))
struct UpdatedDataset {
  std::optional<bool> enabled;
  std::optional<std::string> error;
  static constexpr json::Rule rules[] = {{.field = "*", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(UpdatedDataset, (), (enabled, error))
struct UpdatedDatasets {
  std::map<std::string, UpdatedDataset> updated;
};
BOOST_DESCRIBE_STRUCT(UpdatedDatasets, (), (updated))
struct UpdatedSubscriptions {
  std::string table_mode;
  std::int64_t updated;
};
BOOST_DESCRIBE_STRUCT(UpdatedSubscriptions, (), (table_mode, updated))

std::vector<Setting> settings_of(state::Store& store, const std::string& user_id) {
  return store.read([&](state::Tx& tx) {
    return tx.rows<Setting>("SELECT * FROM user_sync_settings WHERE user_id = ? ORDER BY dataset", user_id);
  });
}

// The answer names each of them, too.
void refuse_many(const std::map<std::string, bool>& wishes) {
  constexpr std::size_t kMost = 10'000;
  if (wishes.size() > kMost)
    throw Error(ErrorKind::too_large, fmt::format("name {} data sets at most in one request", kMost));
}

void enable(state::Store& store, const std::string& user_id, const std::map<std::string, bool>& wishes) {
  store.write([&](state::Tx& tx) {
    for (const auto& [dataset, enabled] : wishes)
      tx.execute(
          "INSERT INTO user_sync_settings (user_id, dataset, enabled, updated_at) VALUES (?, ?, ?, ?) "
          "ON CONFLICT (user_id, dataset) DO UPDATE SET enabled = excluded.enabled, updated_at = "
          "excluded.updated_at",
          user_id, dataset, enabled, now());
  });
}

// The hash that the manifest has, so that If-Match settles whether a client gets what it was promised. A file that was
// written to since it was read has its time instead, as with the Python implementation.
std::string etag_of(const catalog::Table& table, const struct stat& info) {
  const auto modified = info.st_mtim.tv_sec * 1'000'000'000LL + info.st_mtim.tv_nsec;
  const extracts::FileStamp stamp = extracts::stamp_of(info);
  if (!table.hash.empty() && extracts::is_intact_pin(table.files[0], stamp))
    return fmt::format("\"{}\"", table.hash);
  return fmt::format("\"{}\"", modified);
}

// An admin may wish for what is not there yet.
bool may_wish(const catalog::VisibleSet& set, const http::Caller& caller, const std::string& dataset) {
  return caller.is_admin || set.find(dataset) != nullptr;
}

}  // namespace

void add_data_routes(http::Routes& routes, const catalog::Visible& visible, Manifests& manifests) {
  routes.get(
      "/api/sync/manifest",
      {.tag = "sync",
       .summary = "Hashes of the tables that you may read",
       .answer = http::schema_of<contract::Manifest>},
      [&visible, &manifests](const http::Caller& caller) { return manifests.of(*visible.of(caller)); });

  routes.get(
      "/api/data/{table_id}/check-access",
      {.status = 204, .tag = "data", .summary = "204 when you may read the table, for reverse proxies"},
      [&visible](const http::Caller& caller, const http::Param<"table_id">& id) {
        refuse_odd_id(*id);
        visible.table(*visible.of(caller), caller, *id);
      });

  routes.get("/api/data/{table_id}/download",
             {.tag = "data", .summary = "A table's Parquet file", .answer_type = "application/octet-stream"},
             [&visible](const http::Caller& caller, const http::Param<"table_id">& id) {
               refuse_odd_id(*id);
               auto still = visible.still_readable(caller);
               const auto set = visible.of(caller);
               const catalog::Table& table = visible.table(*set, caller, *id);
               if (table.files.size() != 1)
                 throw Error(ErrorKind::not_found,
                             table.files.empty()
                                 ? "the table " + *id + " has no data to download"
                                 : "the table " + *id + " has several files; query it on the server");
               auto body = http::FileBody::open(table.files[0], "application/octet-stream");
               struct stat info {};
               ::fstat(body.fd->get(), &info);
               body.etag = etag_of(table, info);
               body.download_name = *id + ".parquet";
               auto response = http::Response::file(std::move(body));
               response.still_allowed = std::move(still);
               return response;
             });
}

void add_settings_routes(http::Routes& routes, state::Store& store, const catalog::Visible& visible) {
  routes.get("/api/sync/settings", {.tag = "sync", .summary = "Which data sets you wish to sync"},
             [&store](const http::Caller& caller) {
               SyncSettings out{caller.user_id, settings_of(store, caller.user_id), {}};
               for (const auto& setting : out.settings)
                 if (setting.enabled) out.enabled_datasets.push_back(setting.dataset);
               return out;
             });
  routes.post("/api/sync/settings", {.tag = "sync", .summary = "Switch data sets on or off for yourself"},
              [&store, &visible](const http::Caller& caller, const DatasetsBody& body) {
                refuse_many(body.datasets);
                const auto set = visible.of(caller);
                std::map<std::string, bool> granted;
                UpdatedDatasets out;
                for (const auto& [dataset, enabled] : body.datasets) {
                  if (may_wish(*set, caller, dataset)) granted.emplace(dataset, enabled);
                  auto& reported = out.updated[dataset];
                  if (may_wish(*set, caller, dataset))
                    reported.enabled = enabled;
                  else
                    reported.error = "no permission";
                }
                enable(store, caller.user_id, granted);
                return out;
              });
  routes.get("/api/sync/table-subscriptions", {.tag = "sync", .summary = "Which tables you wish to sync"},
             [&store](const http::Caller& caller) {
               return Subscriptions{caller.user_id, settings_of(store, caller.user_id)};
             });
  routes.post("/api/sync/table-subscriptions", {.tag = "sync", .summary = "Subscribe to tables"},
              [&store, &visible](const http::Caller& caller, const SubscriptionsBody& body) {
                refuse_many(body.tables);
                const auto set = visible.of(caller);
                for (const auto& [table, enabled] : body.tables)
                  if (!may_wish(*set, caller, table))
                    throw Error(ErrorKind::forbidden,
                                "you may not read a table " + table + "; nothing was changed");
                enable(store, caller.user_id, body.tables);
                return UpdatedSubscriptions{body.table_mode, static_cast<std::int64_t>(body.tables.size())};
              });
  routes.get("/api/settings", {.tag = "settings", .summary = "Your settings"},
             [&store](const http::Caller& caller) {
               return UserSettings{caller.user_id, settings_of(store, caller.user_id)};
             });
  routes.put("/api/settings/dataset",
             {.tag = "settings", .summary = "Switch one data set on or off for yourself"},
             [&store, &visible](const http::Caller& caller, const DatasetBody& body) {
               if (!may_wish(*visible.of(caller), caller, body.dataset))
                 throw Error(ErrorKind::forbidden, "you may not read a table " + body.dataset);
               enable(store, caller.user_id, {{body.dataset, body.enabled}});
               return body;
             });
}

}  // namespace agnes::sync
