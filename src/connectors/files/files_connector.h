#pragma once

#include "app/config/config.h"
#include "connectors/files/files.h"
#include "connectors/files/settings.h"
#include "core/extracts/settings.h"
#include "core/sync/connector.h"

namespace agnes::connectors::files {

// The folder that a path or a glob starts from.
config::fs::path root_of(const std::string& path);

// The server's side of the files connector: finds out what is new, and has workers do the reading.
class FilesConnector : public sync::Connector {
 public:
  explicit FilesConnector(const config::Config& config);

  std::string source_type() const override { return std::string(catalog::kFilesType); }
  boost::json::object test() override;
  boost::json::object look_up(const catalog::Registration& row) override;
  sync::Discovery discover(const std::optional<std::string>& part) override;
  sync::Extraction extract(const std::vector<catalog::Registration>& registered,
                           const sync::TableSelection& selection, const jobs::Context& context) override;
  void remove(const std::string& name, const jobs::Context& context) override;

 private:
  Job job(const config::fs::path& spill) const;
  // What the folder holds, for somebody who waits.
  Discovery preview() const;

  config::Places places_;
  FilesSettings settings_;
  extracts::ExtractSettings limits_;
  const std::string lost_folder_;  // config::lost_folder
};

}  // namespace agnes::connectors::files
