#include "connectors/connectors.h"

#include "connectors/files/files_connector.h"

namespace agnes::connectors {

std::unique_ptr<sync::Connector> make(const config::Config& config) {
  if (config.source() == "files") return std::make_unique<files::FilesConnector>(config);
  return nullptr;
}

}  // namespace agnes::connectors
