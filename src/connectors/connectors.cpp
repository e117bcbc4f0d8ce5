#include "connectors/connectors.h"

#include "config/check.h"
#include "connectors/bigquery/bigquery_connector.h"
#include "connectors/files/files_connector.h"
#include "connectors/keboola/keboola_connector.h"

namespace agnes::connectors {

namespace {

template <class T>
std::unique_ptr<sync::Connector> made(const config::Config& config) {
  return std::make_unique<T>(config);
}

struct Kind {
  std::string_view source;
  bool always;  // its registered tables are brought whatever the server's own source is
  std::unique_ptr<sync::Connector> (*make)(const config::Config& config);
};
constexpr Kind kKinds[] = {
    {"files", false, made<files::FilesConnector>},
    {"keboola", true, made<keboola::KeboolaConnector>},
    {"bigquery", true, made<bigquery::BigQueryConnector>},
};

}  // namespace

std::vector<std::string_view> sources() {
  std::vector<std::string_view> out;
  for (const auto& kind : kKinds) out.push_back(kind.source);
  return out;
}

std::unique_ptr<sync::Connector> make(std::string_view source, const config::Config& config) {
  for (const auto& kind : kKinds)
    if (kind.source == config::canonical_source(source)) return kind.make(config);
  return nullptr;
}

std::vector<std::unique_ptr<sync::Connector>> for_sync(const config::Config& config) {
  std::vector<std::unique_ptr<sync::Connector>> out;
  const auto own = config::canonical_source(config.source());
  out.push_back(make(own, config));
  for (const auto& kind : kKinds)
    if (kind.always && kind.source != own) out.push_back(kind.make(config));
  return out;
}

}  // namespace agnes::connectors
