#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// How the server is: /api/health, /api/version, /api/health/detailed.
namespace agnes::contract {

struct Version {
  std::string version, channel, image_tag, commit_sha;
  int schema_version = 0;
  std::string deployed_at;
};
BOOST_DESCRIBE_STRUCT(Version, (), (version, channel, image_tag, commit_sha, schema_version, deployed_at))

struct Health {
  std::string status = "ok", db_schema = "ok";
  int current = 0, expected = 0;
};
BOOST_DESCRIBE_STRUCT(Health, (), (status, db_schema, current, expected))

enum class PartStatus { unknown, ok, info, warning, error };
BOOST_DESCRIBE_ENUM(PartStatus, unknown, ok, info, warning, error)
// What is wrong with the data, for administrators: a table that could not be brought, or anything else of a source.
struct DataFailure {
  std::string table, error, kind;
};
BOOST_DESCRIBE_STRUCT(DataFailure, (), (table, error, kind))
struct DataProblem {
  std::string kind, message;
};
BOOST_DESCRIBE_STRUCT(DataProblem, (), (kind, message))
// One part of the server. Each may have figures of its own besides.
struct HealthPart {
  PartStatus status = PartStatus::unknown;
  std::optional<std::string> detail, hint;
  std::optional<std::int64_t> count, tables, total_rows, not_served, not_synced, free_bytes;
  std::optional<std::vector<std::string>> stale_tables;
  std::optional<std::vector<DataFailure>> failures;
  std::optional<std::vector<DataProblem>> problems;
  std::optional<std::string> db_schema;
  std::optional<std::int64_t> current, expected;  // versions of the schema
  static constexpr json::Rule rules[] = {{.field = "status"}, {.field = "*", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(HealthPart, (),
                      (status, detail, hint, count, tables, total_rows, not_served, not_synced, free_bytes,
                       stale_tables, failures, problems, db_schema, current, expected))

enum class Verdict { unhealthy, degraded, healthy };
BOOST_DESCRIBE_ENUM(Verdict, unhealthy, degraded, healthy)
struct HealthReport : Version {
  Verdict status = Verdict::unhealthy;
  std::string timestamp;
  std::map<std::string, HealthPart> services;
};
BOOST_DESCRIBE_STRUCT(HealthReport, (Version), (status, timestamp, services))

}  // namespace agnes::contract
