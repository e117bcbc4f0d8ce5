#pragma once

#include <filesystem>
#include <string>

#include "lib/duck/database.h"

// Bringing a state database of another version to the declared schema.
namespace agnes::state {

// The oldest version that `migrate` takes.
inline constexpr int kOldestVersion = 1;

// What a change from an old version may need to know from the configuration.
struct MigrationContext {
  std::string bigquery_project;
};

// The rows of a fresh database.
void fill_new_database(duck::Connection& connection);

// Makes the file `to`, which is not there yet: a database of the declared
// schema with the rows of `from`, a database of `version` (1 to 40) without a
// write-ahead log. `from` is only read. Tables and columns that neither the
// schema nor an older version knows come along as they are. Logs what has no
// place in `to`. Throws Error when a row cannot be brought along or when
// something is needed from outside; then `to` is of no use.
void migrate(const std::filesystem::path& from, int version, const std::filesystem::path& to,
             const MigrationContext& migration_context);

}  // namespace agnes::state
