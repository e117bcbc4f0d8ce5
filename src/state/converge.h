#pragma once

#include "duck/database.h"

// Bringing a state database of another version to the declared schema.
namespace agnes::state {

// The oldest version that `converge` takes.
inline constexpr int kOldestVersion = 40;

// Whether every declared table and column is there.
bool is_complete(duck::Connection& connection);

// The rows of a fresh database.
void fill_fresh(duck::Connection& connection);

// Changes the schema, and the rows as far as their meaning changed, from `version` (1 to 40) to the declared
// one, in one transaction.
void converge(duck::Connection& connection, int version);

}  // namespace agnes::state
