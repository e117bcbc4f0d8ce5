#include "core/catalog/generation.h"

#include <gtest/gtest.h>

namespace agnes::catalog {
namespace {

Table named(std::string id, std::string name) {
  Table table;
  table.id = std::move(id);
  table.name = std::move(name);
  return table;
}

TEST(Generation, FindsByIdAndNameAndAnIdWins) {
  const Generation generation(1, {named("b", "a"), named("a", "Orders"), named("c", "zeta")});
  EXPECT_EQ(generation.find("a")->name, "Orders");
  EXPECT_EQ(generation.find("Orders")->id, "a");
  EXPECT_EQ(generation.find("b")->name, "a");
  EXPECT_EQ(generation.find("orders"), nullptr) << "names are exact";
  EXPECT_EQ(generation.find(""), nullptr);
}

TEST(Generation, SortsAsPeopleDo) {
  const Generation generation(1, {named("1", "beta"), named("2", "Alpha"), named("3", "alpha2")});
  EXPECT_EQ(generation.tables()[0].name, "Alpha");
  EXPECT_EQ(generation.tables()[1].name, "alpha2");
  EXPECT_EQ(generation.tables()[2].name, "beta");
}

TEST(Generations, ReadersKeepWhatTheyBeganWith) {
  Generations generations;
  EXPECT_EQ(generations.peek(), nullptr);
  std::vector<std::uint64_t> told;
  generations.on_publish([&](const Generation& generation) { told.push_back(generation.number()); });
  std::thread waiting([&] { EXPECT_EQ(generations.current()->tables().size(), 1u); });
  generations.publish({named("a", "a")});
  waiting.join();
  const auto first = generations.current();
  generations.publish({});
  EXPECT_EQ(first->tables().size(), 1u);
  EXPECT_EQ(generations.current()->number(), 2u);
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 2}));
}

}  // namespace
}  // namespace agnes::catalog
