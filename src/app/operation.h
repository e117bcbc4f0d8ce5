#pragma once

#include <functional>

#include "app/module.h"

namespace agnes::app {

// What the frame tells operators of the whole server; Services provide it.
struct Operation {
  std::function<void(HealthReport&)> health;  // asks every module
  std::function<void(Exposition&)> metrics;   // the frame's own and every module's
};

}  // namespace agnes::app
