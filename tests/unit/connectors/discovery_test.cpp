#include "connectors/discovery.h"

#include <gtest/gtest.h>

namespace agnes::connectors {
namespace {

using catalog::Registration;

Registration row(const std::string& id, const std::string& name, const std::string& bucket = "",
                 const std::string& table = "", const std::string& source = "keboola") {
  Registration out;
  out.id = id;
  out.name = name;
  out.source_type = source;
  if (!bucket.empty()) out.bucket = bucket;
  if (!table.empty()) out.source_table = table;
  return out;
}

template <class Items, class Text>
std::vector<std::string> texts(const Items& items, Text text) {
  std::vector<std::string> out;
  for (const auto& item : items) out.push_back(text(item));
  return out;
}

struct Case {
  const char* what;
  std::vector<Registration> registered;
  std::vector<Registration> offered;
  std::vector<std::string> new_tables;  // "id=name"
  std::size_t known, drift;
  std::vector<std::string> unfit;  // ids
};

TEST(DiscoveryPlan, SortsWhatASourceOffers) {
  const auto orders = row("b_orders", "orders", "b", "orders");
  const auto file = [](const char* name) { return row(catalog::id_for(name), name, "", "", "local"); };
  const Case table[] = {
      {"nothing", {}, {}, {}, 0, 0, {}},
      {"all new", {}, {orders}, {"b_orders=orders"}, 0, 0, {}},
      {"known", {orders}, {orders}, {}, 1, 0, {}},
      {"known by another id and name", {row("o", "Sales", "b", "orders")}, {orders}, {}, 1, 0, {}},
      {"of another source",
       {row("o", "o", "b", "orders", "bigquery")},
       {orders},
       {"b_orders=orders"},
       0,
       0,
       {}},
      {"same id, elsewhere", {row("b_orders", "x", "c", "orders")}, {orders}, {}, 0, 1, {}},
      {"same name in capitals, elsewhere", {row("x", "ORDERS", "c", "orders")}, {orders}, {}, 0, 1, {}},
      {"same name, another source", {row("x", "orders", "", "", "local")}, {orders}, {}, 0, 1, {}},
      {"two of a name",
       {},
       {orders, row("c_orders", "Orders", "c", "Orders")},
       {"b_orders=b_orders", "c_orders=c_orders"},
       0,
       0,
       {}},
      {"two of an id", {}, {row("x", "a", "b", "a"), row("x", "c", "b", "c")}, {"x=a"}, 0, 0, {"x"}},
      {"a name that is another's id",
       {row("y", "b_orders", "z", "z")},
       {orders, row("c_orders", "orders", "c", "orders")},
       {"c_orders=c_orders"},
       0,
       0,
       {"b_orders"}},
      {"no name for a table", {}, {row("x", "a\"b", "b", "a")}, {}, 0, 0, {"x"}},
      {"files go by their names",
       {file("Orders")},
       {file("orders"), file("items")},
       {"items=items"},
       1,
       0,
       {}},
      {"a bucket and a table are two things",
       {row("x", "x", "a.b", "c")},
       {row("y", "y", "a", "b.c")},
       {"y=y"},
       0,
       0,
       {}},
  };
  for (const auto& c : table) {
    std::vector<sync::Offer> offers;
    for (const auto& offered : c.offered) offers.push_back({{}, offered, {}});
    const auto made = plan(c.registered, offers);
    EXPECT_EQ(texts(made.new_tables, [](const auto& r) { return r.id + "=" + r.name; }), c.new_tables)
        << c.what;
    EXPECT_EQ(made.known.size(), c.known) << c.what;
    EXPECT_EQ(made.drift.size(), c.drift) << c.what;
    EXPECT_EQ(texts(made.unfit, [](const auto& u) { return u.offered.id; }), c.unfit) << c.what;
  }
}

TEST(DiscoveryPlan, WhatASourceCallsUnfitIsNotRegistered) {
  const auto made = plan({}, {{{}, row("x", "x", "b", "x"), "it is a shard"}});
  ASSERT_EQ(made.unfit.size(), 1u);
  EXPECT_EQ(made.unfit[0].reason, "it is a shard");
  // But once somebody registered it by hand it is known.
  EXPECT_EQ(plan({row("x", "x", "b", "x")}, {{{}, row("x", "x", "b", "x"), "it is a shard"}}).known.size(),
            1u);
}

TEST(DiscoveryPlan, ADriftTellsWhetherTheIdIsTheSame) {
  const auto offered = row("b_orders", "orders", "b", "orders");
  EXPECT_TRUE(plan({row("b_orders", "x", "c", "y")}, {{{}, offered, {}}}).drift.at(0).same_id);
  const auto named = plan({row("x", "orders", "c", "y")}, {{{}, offered, {}}}).drift.at(0);
  EXPECT_FALSE(named.same_id);
  EXPECT_EQ(named.registered.id, "x");
}

}  // namespace
}  // namespace agnes::connectors
