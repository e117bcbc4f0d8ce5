#include "core/sync/publisher.h"

#include <future>

#include "sync/sync_fixture.h"

namespace agnes::sync {
namespace {

struct PublisherTest : StoreTest {
  catalog::Generations generations;
  Publisher publisher{store, generations};

  static extracts::Catalogue with_pin(const std::string& pin) {
    extracts::CatalogueTable table;
    table.source = "files";
    table.name = "orders";
    table.kind = "parquet";
    table.files = {{.path = "/extracts/.agnes-pins/" + pin, .origin = {}, .stamp = {}, .md5 = {}}};
    extracts::Catalogue out;
    out.tables = {table};
    out.problems = {{"extract", "files", "items", {}, {}, "of " + pin}};
    return out;
  }
  void add(const std::string& table) {
    store.write([&](state::Tx& tx) { catalog::insert(tx, registered(table)); });
  }
};

TEST_F(PublisherTest, JoinsWhatWasReadAndTheRegistryAsItIs) {
  publisher.publish(with_pin("a.parquet"));
  EXPECT_EQ(generations.current()->tables().size(), 1u);
  EXPECT_EQ(publisher.problems().at(0).message, "of a.parquet");
  add("planned");
  publisher.refresh();
  EXPECT_EQ(generations.current()->number(), 2u);
  EXPECT_NE(generations.current()->find("planned"), nullptr);
  EXPECT_TRUE(generations.current()->find("orders")->has_data()) << "from the extracts as last read";
}

TEST_F(PublisherTest, ARefreshBeforeTheFirstGenerationDoesNothing) {
  publisher.refresh();
  EXPECT_EQ(generations.peek(), nullptr);
  add("planned");
  publisher.publish();
  EXPECT_EQ(generations.current()->tables().size(), 1u);
}

TEST_F(PublisherTest, PinsAreInUseAsLongAsSomebodyHoldsTheirGeneration) {
  publisher.publish(with_pin("a.parquet"));
  auto reader = generations.current();
  publisher.publish(with_pin("b.parquet"));
  EXPECT_EQ(publisher.pins_in_use(), (std::vector<std::string>{"a.parquet", "b.parquet"}));
  reader.reset();
  EXPECT_EQ(publisher.pins_in_use(), std::vector<std::string>{"b.parquet"});
}

TEST_F(PublisherTest, SubscribersAreToldWithoutALockAndMayRefresh) {
  std::vector<std::uint64_t> told;
  generations.on_publish([&](const catalog::Generation& generation) {
    told.push_back(generation.number());
    if (generation.number() == 1) {
      add("found_later");
      publisher.refresh();
      // Nor does another thread wait for this subscriber.
      std::async(std::launch::async, [&] { publisher.refresh(); }).get();
      EXPECT_EQ(publisher.pins_in_use().size(), 3u) << "once for each generation";
    }
  });
  publisher.publish(with_pin("a.parquet"));
  EXPECT_EQ(told, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_NE(generations.current()->find("found_later"), nullptr);
}

TEST_F(PublisherTest, ALaterGenerationNeverKnowsLessOfTheRegistry) {
  std::size_t tables = 0;
  generations.on_publish([&](const catalog::Generation& generation) {
    EXPECT_GE(generation.tables().size(), tables);
    tables = generation.tables().size();
  });
  publisher.publish();
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i)
      threads.emplace_back([&, i] {
        for (int j = 0; j < 5; ++j) {
          add(fmt::format("table_{}_{}", i, j));
          publisher.refresh();
        }
      });
  }
  EXPECT_EQ(generations.current()->tables().size(), 20u);
  EXPECT_EQ(tables, 20u);
}

TEST_F(PublisherTest, WhenTheRegistryCannotBeReadTheGenerationBeforeStays) {
  publisher.publish(with_pin("a.parquet"));
  store.write([](state::Tx& tx) { tx.execute("ALTER TABLE table_registry RENAME TO hidden"); });
  EXPECT_THROW(publisher.publish(with_pin("b.parquet")), std::exception);
  EXPECT_EQ(publisher.problems().at(0).message, "of a.parquet");
  EXPECT_EQ(generations.current()->number(), 1u);
  store.write([](state::Tx& tx) { tx.execute("ALTER TABLE hidden RENAME TO table_registry"); });
  publisher.refresh();
  EXPECT_EQ(publisher.pins_in_use().back(), "a.parquet");
}

}  // namespace
}  // namespace agnes::sync
