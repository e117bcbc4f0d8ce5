#pragma once

#include "app/config/config.h"
#include "core/sync/connector.h"

namespace agnes::connectors::keboola {

// Tables of a Keboola project, over the Storage API. Configuration: data_source.keboola.*.
class KeboolaConnector : public sync::Connector {
 public:
  explicit KeboolaConnector(const config::Config& config) : config_(config) {}

  std::string source_type() const override { return "keboola"; }
  boost::json::object test() override;
  sync::Discovery discover(const std::optional<std::string>& part) override;
  boost::json::object look_up(const catalog::Registration& row) override;
  // Materialized tables, and local ones with the strategy full_refresh, by exports that run side by side
  // (AGNES_KEBOOLA_PARALLELISM).
  sync::Extraction extract(const std::vector<catalog::Registration>& registered,
                           const sync::TableSelection& selection, const jobs::Context& context) override;
  void remove(const std::string& name, const jobs::Context& context) override;

 private:
  const config::Config config_;
};

}  // namespace agnes::connectors::keboola
