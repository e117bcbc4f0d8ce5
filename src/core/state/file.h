#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "core/state/migrate.h"
#include "core/state/tx.h"
#include "lib/duck/database.h"

// Opening the file of the state database.
namespace agnes::state {

// Opens for reading and writing, with small fixed settings.
duck::Database open_database(const std::filesystem::path& file);
duck::Connection connect(duck::Database& database);

// Brings `file` to a database of the declared schema: creates it, or checks it
// and puts a migrated one in the place of an older one, which stays beside it
// as "<file>.v<version>-<moment>". A process that ends at any moment leaves the
// older file or the migrated one. Nobody else may have it open. Throws Error
// naming the file, without having changed what is in it, when it cannot be
// used.
void prepare_file(const std::filesystem::path& file, const MigrationContext& migration_context = {});

// Runs `work` on the database with what is in its log; neither file changes. Nobody may have it open for
// writing. Throws Error naming the file when it cannot be opened.
void look_into(const std::filesystem::path& file, const std::function<void(Tx&)>& work);
// The schema version; nothing when it has no schema_version, thus is none of ours.
std::optional<int> version_of(Tx& tx);
// Whether every declared table and column is there.
bool is_complete(Tx& tx);
// Reads every block of a table, each against its checksum. Throws Error when one is damaged.
void read_through(Tx& tx, std::string_view table);
// Writes what a process left in the log that ended without closing the database into the file.
void write_log_into(const std::filesystem::path& file);

}  // namespace agnes::state
