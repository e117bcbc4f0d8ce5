#pragma once

#include "core/identity/resources.h"

namespace agnes::catalog {

// Registered tables as something that groups are granted.
identity::ResourceType table_resource();

}  // namespace agnes::catalog
