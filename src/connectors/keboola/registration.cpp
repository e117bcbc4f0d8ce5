#include "connectors/keboola/registration.h"

#include "app/config/address.h"
#include "core/catalog/registry_rules.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/http_client/client.h"

namespace agnes::connectors::keboola {

namespace {

[[noreturn]] void missing(const std::string& problem) {
  throw Error(ErrorKind::invalid, problem);
}
[[noreturn]] void impossible(const std::string& problem) {
  throw Error(ErrorKind::bad_request, problem);
}

}  // namespace

void place(catalog::Registration& row, const config::Config& /*settings*/) {
  if (catalog::given(row.source_query)) return;
  if (!catalog::given(row.source_table)) missing("source_table is missing: the table in the Keboola bucket");
  if (!is_table_id(*row.source_table))
    impossible(fmt::format("source_table: {} is not a Keboola table", escape_control(*row.source_table)));
  // "in.c-main.orders" names its bucket itself.
  const bool whole_id = std::count(row.source_table->begin(), row.source_table->end(), '.') >= 2;
  if (!catalog::given(row.bucket) && !whole_id)
    missing("bucket is missing: the Keboola bucket with its stage, in.c-main for one");
  if (catalog::given(row.bucket) && !is_table_id(*row.bucket))
    impossible(fmt::format("bucket: {} is not a Keboola bucket", escape_control(*row.bucket)));
}

void verify(const boost::json::object& settings) {
  const std::string address(settings.at("stack_url").as_string()),
      token(settings.at("storage_token").as_string());
  const auto addresses = config::public_addresses_of(address, "keboola_url");
  try {
    http_client::Client client({.server = address,
                                .token = {},
                                .user_agent = "agnes-server/" AGNES_VERSION,
                                .addresses = addresses});
    http_client::Request request;
    request.path = "/v2/storage/tokens/verify";
    request.headers = {{"X-StorageApi-Token", token}};
    const auto answer = client.send(request);
    if (answer.ok()) return;
    throw Error(
        ErrorKind::bad_request,
        fmt::format("Keboola does not take the token (HTTP {}); nothing was changed: check keboola_token",
                    answer.status));
  } catch (const http_client::TransportError& error) {
    throw Error(ErrorKind::bad_request,
                fmt::format("Keboola cannot be reached, so nothing was changed: {}", error.what()));
  }
}

}  // namespace agnes::connectors::keboola
