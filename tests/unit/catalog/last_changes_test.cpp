#include "core/catalog/last_changes.h"

#include <gtest/gtest.h>

#include "lib/base/files.h"

namespace agnes::catalog {
namespace {

TEST(LastChanges, TellsOnlyOfTheVersionThatIsThere) {
  const TemporaryFolder folder(fs::temp_directory_path());
  const auto file = folder.path() / "registry_changes.json";
  const Timestamp at = now();
  {
    LastChanges changes(file);
    EXPECT_FALSE(changes.of("orders", "v1"));
    changes.note("orders", {"ana@example.com", at, "v1"});
    changes.note("gone", {"ana@example.com", at, "v1"});
    changes.forget("gone");
    EXPECT_EQ(changes.of("orders", "v1")->by, "ana@example.com");
    EXPECT_FALSE(changes.of("orders", "v2")) << "somebody else changed it";
  }
  {
    const LastChanges again(file);
    EXPECT_EQ(again.of("orders", "v1")->at, at);
    EXPECT_FALSE(again.of("gone", "v1"));
  }
  replace_file(file, "no JSON");
  EXPECT_FALSE(LastChanges(file).of("orders", "v1"));
}

}  // namespace
}  // namespace agnes::catalog
