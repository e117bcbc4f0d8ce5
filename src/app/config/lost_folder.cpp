#include "app/config/lost_folder.h"

#include <fmt/format.h>

namespace agnes::config {

std::string lost_folder(const Places& places) {
  std::error_code error;
  if (fs::is_directory(places.config, error) || places.config == fs::current_path(error) / "config")
    return "";
  return fmt::format(
      "the folder of settings {} is not there, so no instance.yaml was read: correct --config-dir "
      "(CONFIG_DIR) "
      "and restart",
      places.config.string());
}

}  // namespace agnes::config
