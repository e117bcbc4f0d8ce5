#pragma once

#include <functional>
#include <optional>
#include <string>

#include "core/catalog/generation.h"
#include "core/catalog/registry.h"
#include "lib/base/stop.h"

namespace agnes::catalog {

// Something that can be made ahead for a table: each feature that has such a thing gives one.
struct Warmer {
  // `table` is null when no generation has it. The first warmer that takes a table warms it.
  std::function<bool(const Registration& row, const Table* table)> takes;
  // Blocks. The reason when it failed; may throw as well.
  std::function<std::optional<std::string>(const Registration& row, const Table* table,
                                           const StopToken& stop)>
      warm;
};

}  // namespace agnes::catalog
