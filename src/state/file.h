#pragma once

#include <filesystem>

#include "duck/database.h"

// Opening the file of the state database.
namespace agnes::state {

// Opens for reading and writing, with small fixed settings.
duck::Database open_database(const std::filesystem::path& file);
duck::Connection connect(duck::Database& database);

// Brings `file` to a database of the declared schema: creates it, or checks it and converges an older one,
// after a copy was made. Nobody else may have it open. Throws Error naming the file, without having touched
// it, when it cannot be used.
void prepare_file(const std::filesystem::path& file);

}  // namespace agnes::state
