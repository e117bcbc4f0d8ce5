#pragma once

#include <optional>
#include <string>
#include <vector>

#include "lib/base/json.h"

// What a source has to offer: /api/admin/discover-tables, /api/admin/discover-and-register, test-connection.
namespace agnes::contract {

// What cannot be read at a source.
struct SourceProblem {
  std::string message;
};
BOOST_DESCRIBE_STRUCT(SourceProblem, (), (message))

// A table, or a part of a source to look into. Which of the facts are told depends on the source.
struct Offer {
  std::optional<std::string> id, name;
  std::optional<std::vector<std::string>> files;
  std::optional<std::string> format, bucket_id, bucket_name;
  std::optional<std::vector<std::string>> columns, primary_key;
  std::optional<std::int64_t> row_count, size_bytes;
  std::optional<std::string> last_change, last_import, dataset_id, table_id, table_type, full_id;
  std::optional<bool> registered;
};
BOOST_DESCRIBE_STRUCT(Offer, (),
                      (id, name, files, format, bucket_id, bucket_name, columns, primary_key, row_count,
                       size_bytes, last_change, last_import, dataset_id, table_id, table_type, full_id,
                       registered))
struct ProviderMetadata {
  std::int64_t count = 0;
  std::optional<std::vector<Offer>> tables, datasets;
  std::string source;
  std::optional<std::vector<SourceProblem>> problems;
  std::optional<std::string> dataset, error;
};
BOOST_DESCRIBE_STRUCT(ProviderMetadata, (), (count, tables, datasets, source, problems, dataset, error))

struct TablePlace {
  std::optional<std::string> bucket, source_table;
};
BOOST_DESCRIBE_STRUCT(TablePlace, (), (bucket, source_table))
// A registered table that the source offers from another place, or under another id.
struct Drift {
  enum class Kind { name_collision, same_id_diff_coords };
  BOOST_DESCRIBE_NESTED_ENUM(Kind, name_collision, same_id_diff_coords)
  std::string table_id;
  TablePlace discovery, registry;
  std::string registry_id;
  Kind drift_kind = Kind::name_collision;
};
BOOST_DESCRIBE_STRUCT(Drift, (), (table_id, discovery, registry, registry_id, drift_kind))
struct Unfit {
  std::string table_id, full_id, reason;
};
BOOST_DESCRIBE_STRUCT(Unfit, (), (table_id, full_id, reason))
struct DiscoveredRegistered {
  std::int64_t registered = 0, skipped = 0, errors = 0, drifted = 0;
  std::vector<std::string> tables;
  bool dry_run = false;
  std::optional<std::vector<std::string>> would_register;
  std::vector<Drift> drift;
  std::vector<Unfit> invalid;
  std::string source;
  std::optional<std::string> error;
  static constexpr json::Rule rules[] = {{.field = "would_register", .omit_null = true},
                                         {.field = "error", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(DiscoveredRegistered, (),
                      (registered, skipped, errors, drifted, tables, dry_run, would_register, drift, invalid,
                       source, error))

// Which of the facts are told depends on the source.
struct ConnectionTested {
  bool ok = true;
  std::string source;
  std::optional<std::string> project;
  std::optional<std::int64_t> project_id;
  std::optional<std::string> token_description, token_expires, folder, billing_project, data_project;
  std::optional<std::int64_t> tables;
  std::optional<std::vector<SourceProblem>> problems;
  std::int64_t elapsed_ms = 0;
  static constexpr json::Rule rules[] = {
      {.field = "ok"}, {.field = "source"}, {.field = "elapsed_ms"}, {.field = "*", .omit_null = true}};
};
BOOST_DESCRIBE_STRUCT(ConnectionTested, (),
                      (ok, source, project, project_id, token_description, token_expires, folder,
                       billing_project, data_project, tables, problems, elapsed_ms))

}  // namespace agnes::contract
