#pragma once

#include "config/config.h"
#include "sync/connector.h"

namespace agnes::connectors::keboola {

// Tables of a Keboola project, over the Storage API. Configuration: data_source.keboola.*.
class KeboolaConnector : public sync::Connector {
 public:
  explicit KeboolaConnector(const config::Config& config) : config_(config) {}

  std::string source_type() const override { return "keboola"; }
  boost::json::object test() override;
  sync::Discovery discover(const std::optional<std::string>& part) override;
  boost::json::object look_up(const catalog::Registration& row) override;

 private:
  const config::Config config_;
};

}  // namespace agnes::connectors::keboola
