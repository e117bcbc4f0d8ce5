#include <random>

#include <gtest/gtest.h>

#include "lib/duck/arrow_reader.h"
#include "lib/duck/arrow_stream.h"
#include "lib/duck/rows.h"

namespace agnes::duck {
namespace {

// As the server writes a scan.
std::string written(Connection& connection, const std::string& sql) {
  auto result = connection.stream(sql);
  std::vector<std::string> names;
  for (std::size_t c = 0; c < result.column_count(); ++c) names.push_back(result.column_name(c));
  ArrowStream stream(result, names);
  std::string out = stream.schema();
  while (const auto chunk = result.fetch())
    if (chunk.size() > 0) stream.batch(chunk, out);
  return out + ArrowStream::end();
}

// A few bytes at a time, as a network brings them.
ReadBytes reader_of(std::string_view bytes, std::size_t most = 1000) {
  return [bytes, most](char* to, std::size_t room) mutable {
    const auto size = std::min({room, most, bytes.size()});
    std::copy_n(bytes.data(), size, to);
    bytes.remove_prefix(size);
    return size;
  };
}

std::int64_t different(Connection& connection) {
  return *scalar<std::int64_t>(
      connection, "SELECT count(*) FROM ((FROM a EXCEPT ALL FROM b) UNION ALL (FROM b EXCEPT ALL FROM a))");
}

constexpr const char* kEverything = R"(
  SELECT i AS id, (i % 100)::TINYINT AS t, i::SMALLINT AS s, i::INTEGER AS n, (i * 1000000007)::BIGINT AS big,
    (i % 200)::UTINYINT AS ut, i::UINTEGER AS un, (i * 1000000007)::UBIGINT AS ubig, (i::HUGEINT * 170141183460469231) AS huge,
    i / 7.0 AS d, (i / 3.0)::FLOAT AS f, (i * 1.25)::DECIMAL(9, 2) AS dec, (i * 1.25)::DECIMAL(38, 10) AS wide,
    i % 3 = 0 AS b, 'text ' || i || repeat('é', i % 40) AS v, encode('blob' || i) AS bin, uuid() AS u,
    DATE '2026-01-01' + (i % 400)::INTEGER AS day, TIME '10:00:00' + to_seconds(i) AS at,
    TIMESTAMP '2026-01-01' + to_microseconds(i) AS ts, TIMESTAMPTZ '2026-01-01 00:00:00+02' + to_seconds(i) AS tz,
    (TIMESTAMP '2026-01-01' + to_seconds(i))::TIMESTAMP_NS AS ns, to_days((i % 30)::INTEGER) AS span,
    CASE i % 3 WHEN 0 THEN 'low' WHEN 1 THEN 'high' END::ENUM('low', 'high', 'unused') AS level,
    [i, NULL, i + 1] AS list, [] ::VARCHAR[] AS none, [['a', NULL], NULL] AS nested,
    {'x': i, 'y': {'z': 'deep ' || i}} AS rec, MAP {'k' || i: i, 'other': NULL} AS m, [1.5, i]::DOUBLE[2] AS pair,
    union_value(num := i)::UNION(num BIGINT, str VARCHAR) AS un2, NULL::VARCHAR AS empty
  FROM range(5000) r(i))";

TEST(Arrow, ComesBackEqual) {
  Database database{{{}, {{"threads", "2"}}}};
  auto connection = database.connect();
  // Each column once as it is and once with NULLs.
  connection.execute(std::string("CREATE TABLE plain AS") + kEverything);
  connection.execute(
      "CREATE VIEW holes AS SELECT p.*, i FROM range(6000) r(i) LEFT JOIN plain p ON p.id = i AND i % 4 <> "
      "1");
  for (const std::string source : {"plain", "holes", "(FROM holes LIMIT 0)", "(FROM plain WHERE id = 7)"}) {
    connection.execute("CREATE OR REPLACE TABLE a AS FROM " + source);
    const auto bytes = written(connection, "FROM a");
    auto other = database.connect();
    const auto count =
        read_arrow(other, "stream", reader_of(bytes), "CREATE OR REPLACE TABLE b AS FROM stream");
    EXPECT_EQ(count, static_cast<std::uint64_t>(*scalar<std::int64_t>(connection, "SELECT count(*) FROM a")));
    EXPECT_EQ(different(connection), 0) << source;
  }
}

TEST(Arrow, TellsACutStreamAtEachPlace) {
  Database database{{{}, {{"threads", "1"}}}};
  auto connection = database.connect();
  const auto bytes = written(connection, "SELECT i, 'text ' || i AS v, [i] AS list FROM range(3000) r(i)");
  for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 500) {
    auto other = database.connect();
    EXPECT_THROW(read_arrow(other, "stream", reader_of(std::string_view(bytes).substr(0, size)),
                            "CREATE OR REPLACE TEMP TABLE b AS FROM stream"),
                 Error)
        << size;
  }
}

TEST(Arrow, PassesOnWhatTheReaderThrows) {
  Database database{{{}, {{"threads", "1"}}}};
  auto connection = database.connect();
  const auto bytes = written(connection, "SELECT i FROM range(100000) r(i)");
  std::size_t given = 0;
  const auto whole = reader_of(bytes);
  const ReadBytes breaks = [&](char* to, std::size_t room) {
    if ((given += room) > 300'000) throw Error(ErrorKind::timeout, "interrupted");
    return whole(to, room);
  };
  try {
    read_arrow(connection, "stream", breaks, "CREATE TEMP TABLE b AS FROM stream");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::timeout);
  }
}

// Whatever is in it, a stream is read or refused. With sanitizers this looks for more than crashes.
TEST(Arrow, TakesDamagedStreams) {
  Database database{{{}, {{"threads", "1"}}}};
  auto connection = database.connect();
  connection.execute(std::string("CREATE TABLE a AS FROM (") + kEverything + ") LIMIT 40");
  const auto bytes = written(connection, "SELECT * EXCLUDE (un2) FROM a");
  std::mt19937 random(7);
  int read = 0, refused = 0;
  for (int i = 0; i < 1500; ++i) {
    auto damaged = bytes;
    for (auto change = random() % 3 + 1; change > 0; --change) {
      // Mostly the descriptions, which are in front.
      const auto place = random() % 2 == 0 ? random() % std::min<std::size_t>(damaged.size(), 6000)
                                           : random() % damaged.size();
      damaged[place] = static_cast<char>(random() % 3 == 0 ? 0xff : random());
    }
    auto other = database.connect();
    try {
      read_arrow(other, "stream", reader_of(damaged, 1 << 20),
                 "CREATE OR REPLACE TEMP TABLE b AS FROM stream");
      ++read;
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(read, 0);
  EXPECT_GT(refused, 0);
}

}  // namespace
}  // namespace agnes::duck
