#pragma once

#include <vector>

#include <gtest/gtest.h>

#include "app/host.h"

// For tests that open a state database: its tables are those that modules declare.
namespace agnes::state {
app::ModuleKind module();
}
namespace agnes::identity {
app::ModuleKind module();
}
namespace agnes::catalog {
app::ModuleKind module();
}
namespace agnes::sync {
app::ModuleKind module();
}

namespace agnes {

// Declares what `modules` declare, before the first test of the program.
inline const testing::Environment* declare_for_tests(std::vector<app::ModuleKind> modules) {
  struct Declared final : testing::Environment {
    explicit Declared(std::vector<app::ModuleKind> modules) : modules(std::move(modules)) {}
    void SetUp() override { app::declared_settings(modules); }
    std::vector<app::ModuleKind> modules;
  };
  return testing::AddGlobalTestEnvironment(new Declared(std::move(modules)));
}

}  // namespace agnes
