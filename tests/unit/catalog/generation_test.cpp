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
  std::thread waiting([&] { EXPECT_EQ(generations.current()->tables().size(), 1u); });
  generations.publish({named("a", "a")});
  waiting.join();
  const auto first = generations.current();
  generations.publish({});
  EXPECT_EQ(first->tables().size(), 1u);
  EXPECT_EQ(generations.current()->number(), 2u);
}

TEST(Generations, SubscribersHearOfEachGenerationInOrderAndMayPublishThemselves) {
  Generations generations;
  std::vector<std::uint64_t> heard, ended;
  generations.on_publish([&](const Generation& generation) {
    heard.push_back(generation.number());
    if (generation.number() == 1) {
      generations.publish({});
      generations.notify();
    }
    ended.push_back(generation.number());
    if (generation.number() == 2) throw std::runtime_error("a fault of one subscriber is its own");
  });
  std::vector<std::uint64_t> other;
  generations.on_publish([&](const Generation& generation) { other.push_back(generation.number()); });
  generations.publish({named("a", "a")});
  EXPECT_TRUE(heard.empty());
  generations.notify();
  const std::vector<std::uint64_t> both{1, 2};
  EXPECT_EQ(heard, both);
  EXPECT_EQ(ended, both) << "one generation at a time";
  EXPECT_EQ(other, both);
  EXPECT_EQ(generations.current()->number(), 2u);
  generations.notify();
  EXPECT_EQ(heard, both) << "once";
}

TEST(Generations, AThreadThatPublishesMeanwhileLeavesTheCallsToTheFirst) {
  Generations generations;
  std::vector<std::uint64_t> heard;
  std::vector<std::thread::id> threads;
  generations.on_publish([&](const Generation& generation) {
    heard.push_back(generation.number());
    threads.push_back(std::this_thread::get_id());
    if (generation.number() > 1) return;
    std::thread([&] {
      generations.publish({});
      generations.notify();
    }).join();
  });
  generations.publish({});
  generations.notify();
  EXPECT_EQ(heard, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(threads, std::vector<std::thread::id>(2, std::this_thread::get_id()));
}

}  // namespace
}  // namespace agnes::catalog
