#pragma once

#include "app/config/config.h"
#include "connectors/bigquery/settings.h"
#include "core/sync/connector.h"

namespace agnes::connectors::bigquery {

// Datasets and tables of a Google Cloud project. Configuration: data_source.bigquery.*, and Google's default
// credentials. Registered tables stay there; what a query of a materialized one finds is copied.
class BigQueryConnector : public sync::Connector {
 public:
  explicit BigQueryConnector(const config::Config& config)
      : config_(config), settings_(config.get<BigQuerySettings>()) {}

  std::string source_type() const override { return "bigquery"; }
  // A dry run of a query, which costs nothing: it needs what every query needs of the project that is billed.
  boost::json::object test() override;
  // The datasets of the project with the data, or the tables of one. Sharded tables (events_20260101) are
  // shown, but not registered.
  sync::Discovery discover(const std::optional<std::string>& dataset) override;
  boost::json::object look_up(const catalog::Registration& row) override;
  std::optional<catalog::RemoteFacts> facts(const catalog::Registration& row) override;
  // Of a table they cost nothing; of a view, what a query of it costs, within
  // data_source.bigquery.bq_max_scan_bytes.
  boost::json::array sample(const catalog::Registration& row, int rows) override;
  sync::Extraction extract(const std::vector<catalog::Registration>& registered,
                           const sync::TableSelection& selection, const jobs::Context& context) override;
  void remove(const std::string& name, const jobs::Context& context) override;

 private:
  const config::Config config_;
  const BigQuerySettings settings_;
};

}  // namespace agnes::connectors::bigquery
