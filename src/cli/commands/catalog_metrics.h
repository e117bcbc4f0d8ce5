#pragma once

#include <string>
#include <vector>

#include "contract/metrics.h"

// agnes catalog --metrics
namespace agnes::cli {

std::vector<contract::Metric> list_metrics();
void show_metrics(const std::vector<contract::Metric>& metrics);
// Throws Failure (not_found).
contract::Metric find_metric(const std::string& id);
void show_metric(const contract::Metric& metric);

}  // namespace agnes::cli
