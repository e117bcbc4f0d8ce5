#pragma once

#include <string>

#include "app/config/config.h"

namespace agnes::config {

// Why no instance.yaml is read, in a line that says what to do: somebody has named a folder for it (--config-dir,
// CONFIG_DIR) which is not there. "" when it is there, or is the default.
std::string lost_folder(const Places& places);

}  // namespace agnes::config
