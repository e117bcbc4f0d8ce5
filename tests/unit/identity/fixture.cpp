#include "fixture.h"

#include "core/identity/resources.h"
#include "core/state/schema.h"
#include "modules.h"

namespace agnes::identity {

namespace {

// Tables are the catalog's, of which these tests know nothing: this one stands for them.
void declare_things(app::Declarations&) {
  state::declare_table({.name = "things", .columns = {{"id", state::types::kText}}});
}

ResourceType tables() {
  return {"table",
          "Tables",
          "",
          "",
          [](state::Tx& tx, const std::string& id) {
            return tx.scalar<std::int64_t>("SELECT count(*) FROM things WHERE id = ?", id) > 0;
          },
          [](state::Tx&) { return boost::json::array(); },
          2};
}

[[maybe_unused]] const auto* const kDeclared =
    declare_for_tests({state::module(), identity::module(), {"things", declare_things, nullptr}});

}  // namespace

AccessTest::AccessTest() {
  access_.resource_types().add(tables());
}

}  // namespace agnes::identity
