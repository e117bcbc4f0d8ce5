#include "core/query/spool.h"

#include <gtest/gtest.h>

#include "lib/base/files.h"

namespace agnes::query {
namespace {

std::string all_of(Spool& spool) {
  std::string out, piece;
  while (spool.next(piece)) out += piece;
  return out;
}

TEST(Spool, GivesWhatWasPutIn) {
  const TemporaryFolder folder{fs::temp_directory_path()};
  SpoolSpace space(folder.path());
  Spool spool(space, 16 << 20);
  EXPECT_TRUE(spool.empty());
  std::string expected;
  for (int i = 0; i < 40; ++i) {  // in memory, then in the file
    const std::string part(100'000, static_cast<char>('a' + i % 26));
    ASSERT_TRUE(spool.append(part));
    expected += part;
  }
  EXPECT_EQ(all_of(spool), expected);
  EXPECT_TRUE(spool.empty());
  ASSERT_TRUE(spool.append("more"));
  EXPECT_EQ(all_of(spool), "more");
  EXPECT_TRUE(fs::is_empty(folder.path())) << "the file has no name";
}

// A long answer to a reader that keeps up now and then must not fill the disk.
TEST(Spool, TheFileIsBoundedHoweverMuchGoesThroughIt) {
  const TemporaryFolder folder{fs::temp_directory_path()};
  constexpr std::size_t kMost = 4 << 20;
  SpoolSpace space(folder.path());
  Spool spool(space, kMost);
  const std::string part(1 << 20, 'x');
  for (int round = 0; round < 10; ++round) {
    std::size_t taken = 0;
    while (spool.append(part)) taken += part.size();
    EXPECT_LE(taken, kMost);
    EXPECT_GE(taken, kMost / 2);
    EXPECT_EQ(all_of(spool).size(), taken);
  }
  // Never drained: what was taken of the file is not free again, so it is full in the end.
  std::string piece;
  std::size_t through = 0;
  while (spool.append(part)) {
    through += part.size();
    spool.next(piece);
  }
  EXPECT_LE(through, 2 * kMost);
}

TEST(Spool, AllOfAFolderShareItsSpace) {
  const TemporaryFolder folder{fs::temp_directory_path()};
  SpoolSpace space(folder.path(), 8 << 20);
  const std::string part(2 << 20, 'x');
  Spool first(space, 16 << 20);
  {
    Spool second(space, 16 << 20);
    for (int i = 0; i < 2; ++i) ASSERT_TRUE(first.append(part) && second.append(part));
    EXPECT_FALSE(first.append(part));
    EXPECT_FALSE(second.append(part));
    EXPECT_EQ(all_of(second).size(), 2 * part.size());
    EXPECT_TRUE(second.append(part)) << "its own room is used again";
  }
  EXPECT_TRUE(first.append(part)) << "given back";
}

TEST(Spool, WithoutAFolderOnlyMemoryIsUsed) {
  SpoolSpace space("/nowhere/at/all");
  Spool spool(space, 16 << 20);
  EXPECT_TRUE(spool.append(std::string(1000, 'a')));
  EXPECT_FALSE(spool.append(std::string(2 << 20, 'b')));
  EXPECT_EQ(all_of(spool), std::string(1000, 'a'));
}

}  // namespace
}  // namespace agnes::query
