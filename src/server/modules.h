#pragma once

#include <span>

#include "app/module.h"

namespace agnes::server {

// Everything that the server consists of, each module after those whose services it takes.
std::span<const app::ModuleKind> modules();

}  // namespace agnes::server
