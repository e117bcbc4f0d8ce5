#pragma once

#include <map>
#include <string>

#include <boost/json/array.hpp>

#include "contract/metrics.h"

// Metric definitions as files.
namespace agnes::cli {

// All definitions of a file, or of the files <category>/<name>.yml of a folder (its own *.yml where it has no
// such files), as one list. A definition without a category gets its folder's name. Throws Failure naming the
// file and what is wrong with it.
boost::json::array read_metrics(const std::string& path);

// A metric as the server tells it, as a file that read_metrics and the server read back as the same.
std::string metric_yaml(const contract::Metric& metric);
// The statements of `sql_variants`, by name.
std::map<std::string, std::string> variants_of(const contract::Metric& metric);

}  // namespace agnes::cli
