#pragma once

#include <string>

#include "server/data_files.h"

namespace agnes::server {

// Makes the backup in the folder `backup` the data directory. The backup is checked first, copied to
// "<data>.restoring", each file against the hash that backup.json has of it, and put in place in one step:
// at any moment the data directory is the one from before or the backup. The one from before is kept as
// "<data>.before-<time>". A restore that was killed leaves "<data>.restoring", which the next one takes away.
// Returns lines for people. Throws Error, with the data directory as it was, when a server runs on it, when
// it is not empty and `replace` is not set, for a damaged backup, for a full disk, when a mount point or
// STATE_DIR stand in the way of one step.
std::string restore(const config::Places& places, const fs::path& backup, bool replace);

}  // namespace agnes::server
