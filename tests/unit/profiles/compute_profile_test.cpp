#include "features/profiles/compute_profile.h"

#include "extracts/extract_fixture.h"

namespace agnes::profiles {
namespace {

class ProfileTest : public extracts::ExtractTest {
 protected:
  boost::json::object profile(const std::string& select,
                              const std::function<void(ProfileRequest&)>& change = {}) {
    const fs::path file = root() / "t.parquet";
    make_parquet(file, select);
    ProfileRequest request;
    request.files = {file.string()};
    request.temp_folder = (root() / "tmp").string();
    if (change) change(request);
    return read_profile(request);
  }
  static const boost::json::object& column(const boost::json::object& profile, std::size_t index) {
    return profile.at("columns").at(index).as_object();
  }
  static std::string text(const boost::json::value& value) { return boost::json::serialize(value); }
};

TEST_F(ProfileTest, TellsOfNumbers) {
  const auto found = profile("SELECT i AS id, 1000 + i AS amount FROM range(10) t(i)",
                             [](ProfileRequest& request) { request.primary_key = {"id"}; });
  EXPECT_EQ(found.at("row_count").to_number<int>(), 10);
  EXPECT_EQ(text(found.at("variable_types")), R"({"NUMERIC":2})");
  EXPECT_EQ(found.at("duplicate_rows").to_number<int>(), 0);
  EXPECT_FALSE(found.at("sampled").as_bool());
  EXPECT_TRUE(column(found, 0).at("is_primary_key").as_bool());
  const auto& amount = column(found, 1);
  EXPECT_EQ(text(amount.at("sample_values")), R"(["1000","1001","1002","1003","1004"])");
  EXPECT_EQ(text(amount.at("alerts")), R"(["unique"])");
  const auto& stats = amount.at("numeric_stats").as_object();
  EXPECT_EQ(text(stats.at("min")), "1000");
  EXPECT_DOUBLE_EQ(stats.at("mean").to_number<double>(), 1004.5);
  EXPECT_DOUBLE_EQ(stats.at("stddev").to_number<double>(), 3.03);
  EXPECT_DOUBLE_EQ(stats.at("p5").to_number<double>(), 1000.45);
  EXPECT_DOUBLE_EQ(stats.at("p95").to_number<double>(), 1008.55);
  EXPECT_EQ(text(stats.at("histogram").at("counts")), "[1,1,1,1,1,1,1,1,1,1]");
  EXPECT_EQ(text(column(found, 0).at("numeric_stats").at("histogram").at("bins")),
            R"(["0","1","2","3","4","5","6","7","8","9"])");
}

TEST_F(ProfileTest, TellsOfEveryKindOfColumn) {
  const auto found = profile(
      "SELECT CASE WHEN i % 4 = 0 THEN NULL ELSE 'v' || (i % 2) END AS word, i % 2 = 0 AS flag, "
      "DATE '2025-01-01' + CAST(i AS INTEGER) AS day, TIMESTAMPTZ '2025-01-01 00:00:00+00' AS moment, "
      "[i] AS list, CAST(i / 3 AS DECIMAL(10, 2)) AS price, CAST(NULL AS VARCHAR) AS nothing FROM range(100) "
      "t(i)");
  EXPECT_EQ(text(found.at("variable_types")),
            R"({"STRING":3,"BOOLEAN":1,"DATE":1,"TIMESTAMP":1,"NUMERIC":1})");
  EXPECT_EQ(text(found.at("date_range")),
            R"({"earliest":"2025-01-01","latest":"2025-04-10","span_days":99})");
  const auto& word = column(found, 0);
  EXPECT_EQ(word.at("null_count").to_number<int>(), 25);
  EXPECT_EQ(text(word.at("alerts")), R"(["missing","imbalance"])");
  EXPECT_EQ(text(word.at("string_stats").at("top_values").at(0).at("count")), "50");
  EXPECT_EQ(text(word.at("string_stats").at("top_values").at(0).at("value")), R"("v1")");
  EXPECT_EQ(text(column(found, 1).at("boolean_stats").at("true_count")), "50");
  EXPECT_EQ(text(column(found, 2).at("date_stats").at("histogram")),
            R"({"bins":["2025-Q1","2025-Q2"],"counts":[90,10]})");
  EXPECT_EQ(text(column(found, 3).at("date_stats").at("earliest")), R"("2025-01-01")");
  EXPECT_EQ(column(found, 5).at("numeric_stats").at("histogram").at("bins").as_array().size(), 15u);
  EXPECT_EQ(text(column(found, 6).at("alerts")), R"(["high_missing"])");
  EXPECT_TRUE(found.at("sample_rows").at(0).at("nothing").is_null());
}

TEST_F(ProfileTest, HoldsOutOddTables) {
  EXPECT_EQ(profile("SELECT 1 AS a WHERE false").at("row_count").to_number<int>(), 0);
  const auto odd = profile(
      "SELECT * FROM (VALUES (1e308, 'infinity'::DATE, 'infinity'::TIMESTAMP, "
      "170141183460469231731687303715884105727::HUGEINT), "
      "('nan', NULL, NULL, 0), ('-inf', '0001-01-01', '9999-12-31', -5), (2.5, '2020-01-01', '2020-01-01', "
      "1)) "
      "t(\"rowid\", \"a\"\"b\", \"c 0\", \"file_row_number\")");
  EXPECT_EQ(text(column(odd, 0).at("numeric_stats").at("max")), "2.5E0");
  EXPECT_EQ(text(column(odd, 1).at("date_stats").at("latest")), R"("2020-01-01")");
  EXPECT_EQ(column(odd, 1).at("name").as_string(), "a\"b");
  EXPECT_LE(column(odd, 2).at("date_stats").at("histogram").at("bins").as_array().size(), 200u);
  const auto doubled =
      profile("SELECT i % 60 AS id, i AS other FROM range(100) t(i)", [](ProfileRequest& request) {
        request.primary_key = {"id", "not there"};
      });
  EXPECT_EQ(doubled.at("duplicate_rows").to_number<int>(), 40);
}

TEST_F(ProfileTest, LeastAndGreatestKeepTheirDigits) {
  const auto found = profile(
      "SELECT * FROM (VALUES (12345678901234567890.12::DECIMAL(38,2), 0.0001::DECIMAL(10,4), "
      "18446744073709551615::UBIGINT, "
      "99999999999999999999999999999999999999::DECIMAL(38,0), 0.125::DOUBLE), (-1.50, 2.5, 9007199254740993, "
      "-7, 0.0625)) t");
  const auto stats = [&](std::size_t index) {
    const auto& each = column(found, index).at("numeric_stats").as_object();
    return text(each.at("min")) + " " + text(each.at("max"));
  };
  EXPECT_EQ(stats(0), R"(-1.5E0 "12345678901234567890.12")");
  EXPECT_EQ(stats(1), "1E-4 2.5E0");
  EXPECT_EQ(stats(2), "9007199254740993 18446744073709551615");
  EXPECT_EQ(stats(3), R"(-7 "99999999999999999999999999999999999999")");
  EXPECT_EQ(stats(4), "6.25E-2 1.25E-1");
}

TEST_F(ProfileTest, ABigTableIsSampledAndTheSameEachTime) {
  const std::string select =
      "SELECT i AS id, i % 7 AS few, i // 2 AS pairs, CASE WHEN i % 10 = 0 THEN NULL ELSE 'n' || i % 3 END "
      "AS word "
      "FROM range(100000) t(i)";
  const auto change = [](ProfileRequest& request) {
    request.limits.sample_size = 10'000;
    request.primary_key = {"pairs"};
  };
  const auto found = profile(select, change);
  EXPECT_TRUE(found.at("sampled").as_bool());
  EXPECT_EQ(found.at("duplicate_rows").to_number<int>(), 50'000);
  EXPECT_EQ(column(found, 0).at("unique_count").to_number<int>(), 100'000);
  EXPECT_EQ(column(found, 0).at("numeric_stats").at("max").to_number<int>(), 99'999);
  EXPECT_EQ(column(found, 1).at("unique_count").to_number<int>(), 7);
  EXPECT_NEAR(column(found, 2).at("unique_count").to_number<double>(), 50'000, 20'000);
  EXPECT_EQ(column(found, 3).at("null_count").to_number<int>(), 10'000);
  EXPECT_NEAR(column(found, 3).at("string_stats").at("top_values").at(0).at("count").to_number<double>(),
              30'000, 2'000);
  EXPECT_EQ(found, profile(select, change));
}

TEST_F(ProfileTest, ReadsATableOfADatabase) {
  run_sql(root() / "extract.duckdb", "CREATE TABLE inside AS SELECT i AS id FROM range(5) t(i)");
  ProfileRequest request;
  request.attach_file = (root() / "extract.duckdb").string();
  request.table = "inside";
  const auto found = read_profile(request);
  EXPECT_EQ(found.at("row_count").to_number<int>(), 5);
  EXPECT_TRUE(found.at("file_size_mb").is_null());
}

}  // namespace
}  // namespace agnes::profiles
