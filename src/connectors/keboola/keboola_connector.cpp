#include "connectors/keboola/keboola_connector.h"

#include "connectors/answer.h"
#include "connectors/keboola/export.h"
#include "connectors/keboola/storage.h"
#include "connectors/source_error.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::connectors::keboola {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// As it is there; null when it is not.
value at(const object& from, std::string_view key) {
  const auto* found = from.if_contains(key);
  return found == nullptr ? value(nullptr) : *found;
}
value number_at(const object& from, std::string_view key) {
  const auto found = at(from, key);
  return found.is_number() ? found : value(nullptr);
}
array copy_of_list(const object& from, std::string_view key) {
  const auto* found = list_at(from, key);
  return found == nullptr ? array{} : *found;
}

// "in.c-main" and "orders" of "in.c-main.orders".
std::pair<std::string, std::string> parts_of(const std::string& id) {
  const auto dot = id.rfind('.');
  return dot == std::string::npos ? std::pair(std::string(), id)
                                  : std::pair(id.substr(0, dot), id.substr(dot + 1));
}

std::string slug(std::string_view id) {
  std::string out = to_lower(trim(id));
  for (char& c : out)
    if (c == '.' || c == ' ') c = '_';
  return out;
}

sync::Offer offer_of(const object& table) {
  const std::string id = text_at(table, "id");
  object bucket;
  if (const auto* found = table.if_contains("bucket"); found != nullptr && found->is_object())
    bucket = found->get_object();
  sync::Offer out;
  const std::string bucket_id = text_at(bucket, "id"), bucket_name = text_at(bucket, "name");
  out.shown = {{"id", id},
               {"name", text_at(table, "name")},
               {"bucket_id", bucket_id},
               {"bucket_name", bucket_name.empty() ? bucket_id : bucket_name},
               {"columns", copy_of_list(table, "columns")},
               {"row_count", number_at(table, "rowsCount")},
               {"size_bytes", number_at(table, "dataSizeBytes")},
               {"primary_key", copy_of_list(table, "primaryKey")},
               {"last_change", at(table, "lastChangeDate")},
               {"last_import", at(table, "lastImportDate")}};
  auto& row = out.row;
  row.id = slug(id);
  if (row.id.empty()) out.unfit = "Keboola gives it no id";
  row.name = text_at(table, "name");
  row.source_type = "keboola";
  const auto [of_id, in_id] = parts_of(id);
  row.bucket = bucket_id.empty() ? of_id : bucket_id;
  row.source_table = row.name.empty() ? in_id : row.name;
  if (row.name.empty()) row.name = row.id;
  // Without a query: the whole table.
  row.query_mode = name_of(catalog::QueryMode::materialized);
  row.description = "Keboola table " + id;
  return out;
}

}  // namespace

object KeboolaConnector::test() {
  const Storage storage(config_);
  const auto answer = storage.get("/v2/storage/tokens/verify");
  const object* token = answer.if_object();
  const object* owner =
      token == nullptr || !token->contains("owner") ? nullptr : token->at("owner").if_object();
  if (owner == nullptr)
    throw source_error(ErrorKind::bad_gateway, "upstream_error",
                       storage.address() + " does not say whose the token is",
                       "Check that data_source.keboola.stack_url is a Keboola stack");
  // Never all of it: the answer holds the token.
  return {{"project", at(*owner, "name")},
          {"project_id", at(*owner, "id")},
          {"token_description", at(*token, "description")},
          {"token_expires", at(*token, "expires")}};
}

sync::Discovery KeboolaConnector::discover(const std::optional<std::string>& part) {
  const Storage storage(config_);
  const http_client::Params include{{"include", "columns,buckets"}};
  const auto answer =
      part ? storage.find("/v2/storage/buckets/" + http_client::percent_encode(*part) + "/tables", include)
           : storage.get("/v2/storage/tables", include);
  if (!answer)
    throw Error(ErrorKind::not_found, fmt::format("Keboola has no bucket {}", escape_control(*part)));
  if (!answer->is_array())
    throw source_error(ErrorKind::bad_gateway, "upstream_error",
                       storage.address() + " answers with no list of tables",
                       "Check that data_source.keboola.stack_url is a Keboola stack");
  sync::Discovery out;
  for (const auto& table : answer->get_array())
    if (table.is_object()) out.offers.push_back(offer_of(table.get_object()));
  return out;
}

object KeboolaConnector::look_up(const catalog::Registration& row) {
  const std::string id = table_id_of(row);
  const Storage storage(config_);
  const auto answer = storage.find("/v2/storage/tables/" + http_client::percent_encode(id));
  if (!answer || !answer->is_object())
    throw Error(ErrorKind::not_found,
                fmt::format("Keboola has no table {} that the token may read", escape_control(id)));
  const auto offer = offer_of(answer->get_object());
  array columns;
  for (const auto& name : offer.shown.at("columns").as_array()) columns.push_back(object{{"name", name}});
  return {{"rows", offer.shown.at("row_count")},
          {"size_bytes", offer.shown.at("size_bytes")},
          {"primary_key_at_source", offer.shown.at("primary_key")},
          {"column_count", columns.size()},
          {"columns", std::move(columns)}};
}

sync::Extraction KeboolaConnector::extract(const std::vector<catalog::Registration>& registered,
                                           const sync::TableSelection& selection,
                                           const jobs::Context& context) {
  const auto tables = chosen(registered, source_type(),
                             {catalog::QueryMode::materialized, catalog::QueryMode::local}, selection);
  if (tables.empty()) return {};
  const std::size_t at_once = config_.get<KeboolaSettings>().parallelism;
  const auto fetch = [&](const catalog::Registration& row, const Fetching& fetching) {
    if (is_local(row) && row.sync_strategy != "full_refresh")
      throw Error(
          ErrorKind::invalid,
          fmt::format("sync_strategy {} is not run for Keboola's tables by this version: set full_refresh",
                      row.sync_strategy));
    Storage::CallLimits limits;
    limits.cancelled = fetching.cancelled;
    return fetch_table(Storage(config_, limits), export_of(row, now()), fetching);
  };
  return bring(tables, source_type(), config_, at_once, context, fetch);
}

void KeboolaConnector::remove(const std::string& name, const jobs::Context& context) {
  take_out(name, source_type(), config_, context);
}

}  // namespace agnes::connectors::keboola
