#pragma once

#include "core/state/audit.h"

namespace agnes::identity {

using state::Actor;

}  // namespace agnes::identity
