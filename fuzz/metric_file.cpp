// An uploaded file of metrics: YAML of a caller.
#include "features/metrics/metrics.h"
#include "fuzz/target.h"
#include "lib/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agnes;
  const std::string yaml(fuzz::text_of(data, size));
  try {
    const auto file = metrics::read_metric_file(yaml, "file.yml");
    for (const auto& metric : file.metrics)
      fuzz::expect(metrics::NewMetric::check_id(metric.id).empty(), "an id can be a path");
  } catch (const Error&) {
  }
  return 0;
}
