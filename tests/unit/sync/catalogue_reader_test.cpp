#include "core/sync/catalogue_reader.h"

#include "sync_fixture.h"

namespace agnes::sync {
namespace {

struct CatalogueReaderTest : testing::Test {
  TemporaryFolder home{fs::temp_directory_path()};
  const config::Places places{home.path() / "data", home.path() / "config", home.path() / "data" / "state"};
  extracts::RemoteRules rules;
  CatalogueReader reader{places, std::chrono::seconds(1), [this] { return rules; }};
  const fs::path origin = places.extracts() / "files" / "data" / "orders.parquet";
  const fs::path pin = places.extracts() / ".agnes-pins" / "orders-1";

  CatalogueReaderTest() {
    fs::create_directories(places.state);
    fs::create_directories(origin.parent_path());
    replace_file(origin, "rows");
    replace_file(places.extracts() / "files" / "extract.duckdb", "tables");
    fs::create_hard_link(origin, pin);
  }
  extracts::Catalogue catalogue() const {
    extracts::Catalogue out;
    auto& table = out.tables.emplace_back();
    table.source = "files";
    table.name = "orders";
    table.kind = "parquet";
    auto& file = table.files.emplace_back();
    file.path = pin;
    file.origin = origin;
    file.stamp = extracts::stamp_of(origin).value();
    return out;
  }
};

TEST_F(CatalogueReaderTest, KeepsACatalogueForTheNextStart) {
  EXPECT_FALSE(reader.kept());
  reader.keep(catalogue());
  const auto kept = reader.kept();
  ASSERT_TRUE(kept);
  ASSERT_EQ(kept->tables.size(), 1u);
  EXPECT_EQ(kept->tables[0].name, "orders");
  EXPECT_EQ(kept->tables[0].files[0].path, pin);
}

TEST_F(CatalogueReaderTest, UsesNoCatalogueOfFilesThatAreGone) {
  reader.keep(catalogue());
  fs::remove(pin);
  EXPECT_FALSE(reader.kept());
}

TEST_F(CatalogueReaderTest, ForgetsWhatWasTakenAwayOrReplaced) {
  reader.keep(catalogue());
  replace_file(origin, "cleaned");
  EXPECT_TRUE(reader.kept()->tables.empty());
  reader.keep(catalogue());
  EXPECT_EQ(reader.kept()->tables.size(), 1u);
  fs::remove(origin);
  EXPECT_TRUE(reader.kept()->tables.empty());
  replace_file(origin, "rows");
  reader.keep(catalogue());
  fs::remove(places.extracts() / "files" / "extract.duckdb");
  EXPECT_TRUE(reader.kept()->tables.empty());
}

TEST_F(CatalogueReaderTest, UsesNoCatalogueOfFilesElsewhere) {
  auto elsewhere = catalogue();
  elsewhere.tables[0].files[0].path = "/etc/hostname";
  reader.keep(elsewhere);
  EXPECT_FALSE(reader.kept());
  elsewhere = catalogue();
  elsewhere.tables[0].attach_file = places.state / "catalogue.json";
  reader.keep(elsewhere);
  EXPECT_FALSE(reader.kept());
}

TEST_F(CatalogueReaderTest, UsesNoCatalogueOfAnEngineThatIsRefusedNow) {
  auto remote = catalogue();
  remote.remote_attaches.push_back({"kbc", "kbc", "keboola", "https://example.com", "KBC_TOKEN"});
  reader.keep(remote);
  EXPECT_FALSE(reader.kept());
}

TEST_F(CatalogueReaderTest, UsesNoDamagedCatalogue) {
  for (const char* text : {"", "{", "[]", "{}", "{\"tables\": 1}"}) {
    replace_file(places.state / "catalogue.json", text);
    EXPECT_FALSE(reader.kept()) << text;
  }
}

}  // namespace
}  // namespace agnes::sync
