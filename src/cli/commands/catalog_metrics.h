#pragma once

#include <string>
#include <vector>

#include "contract/metrics.h"

// agnes catalog --metrics
namespace agnes::cli {

std::vector<contract::Metric> list_metrics();
void show_metrics(const std::vector<contract::Metric>& metrics);
// The one of that id, in any case. Throws Failure (not_found).
contract::Metric metric_of(const std::vector<contract::Metric>& metrics, const std::string& id);
void show_metric(const contract::Metric& metric);

}  // namespace agnes::cli
