#pragma once

#include <string>

// agnes catalog --metrics
namespace agnes::cli {

void list_metrics(bool as_json);
void show_metric(const std::string& id, bool as_json);

}  // namespace agnes::cli
