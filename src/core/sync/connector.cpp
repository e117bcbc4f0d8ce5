#include "core/sync/connector.h"

#include "app/config/check.h"
#include "core/catalog/source_kind.h"

namespace agnes::sync {

namespace {

bool is_beside(const ConnectorKind& kind) {
  const auto* source = catalog::source_kind(kind.source);
  return source != nullptr && source->beside;
}

}  // namespace

std::unique_ptr<Connector> make_connector(const ConnectorKinds& kinds, std::string_view source,
                                          const config::Config& config) {
  for (const auto& kind : kinds)
    if (kind.source == config::canonical_source(source)) return kind.make(config);
  return nullptr;
}

std::vector<std::unique_ptr<Connector>> connectors_for_sync(const ConnectorKinds& kinds,
                                                            const config::Config& config) {
  std::vector<std::unique_ptr<Connector>> out;
  const auto own = config::canonical_source(config.source());
  out.push_back(make_connector(kinds, own, config));
  for (const auto& kind : kinds)
    if (is_beside(kind) && kind.source != own) out.push_back(kind.make(config));
  return out;
}

}  // namespace agnes::sync
