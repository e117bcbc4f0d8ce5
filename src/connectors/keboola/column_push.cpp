#include "connectors/keboola/column_push.h"

#include "connectors/keboola/settings.h"
#include "lib/base/error.h"
#include "lib/base/text.h"
#include "lib/http_client/client.h"

namespace agnes::connectors::keboola {

namespace {

using boost::json::array;
using boost::json::value;

constexpr std::size_t kShownOfAnAnswer = 200;

array metadata_of(const catalog::ColumnMetadata& column) {
  array out;
  const auto add = [&](const char* key, const std::optional<std::string>& text) {
    if (text && !text->empty()) out.push_back({{"key", key}, {"value", *text}});
  };
  add("KBC.datatype.basetype", column.basetype);
  add("KBC.description", column.description);
  return out;
}

}  // namespace

catalog::PushedColumns push_columns(const config::Config& config, const catalog::Registration& table,
                                    const std::vector<catalog::ColumnMetadata>& columns) {
  const auto settings = config.get<KeboolaSettings>();
  const auto& stack = settings.push_url;
  const auto& token = settings.push_token;
  if (stack.empty() || token.empty())
    throw Error(ErrorKind::bad_request,
                "Keboola's address and token are not set: set KBC_STACK_URL and KBC_STORAGE_TOKEN, or "
                "data_source.keboola.stack_url and storage_token");
  catalog::PushedColumns out;
  http_client::Client client({.server = stack, .token = {}, .user_agent = "agnes-server/" AGNES_VERSION});
  const std::string of_table = "/v2/storage/tables/" +
                               http_client::percent_encode(table.source_table.value_or(table.id)) +
                               "/columns/";
  for (const auto& column : columns) {
    const array metadata = metadata_of(column);
    if (metadata.empty()) continue;
    const std::string name = escape_control(column.column_name);
    http_client::Request request;
    request.method = "POST";
    request.path = of_table + http_client::percent_encode(column.column_name) + "/metadata";
    request.headers = {{"X-StorageApi-Token", token}, {"Content-Type", "application/json"}};
    request.body =
        boost::json::serialize(value{{"provider", "ai-metadata-enrichment"}, {"metadata", metadata}});
    try {
      const auto response = client.send(request);
      if (response.status == 200 || response.status == 201)
        ++out.pushed;
      else
        out.errors.push_back(fmt::format("{}: HTTP {} {}", name, response.status,
                                         escape_control(response.body.substr(0, kShownOfAnAnswer))));
    } catch (const http_client::TransportError& error) {
      out.errors.push_back(fmt::format("{}: {}; the columns after it were not tried", name, error.what()));
      break;
    }
  }
  return out;
}

}  // namespace agnes::connectors::keboola
