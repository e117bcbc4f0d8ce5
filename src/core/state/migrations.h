#pragma once

#include <string_view>
#include <vector>

#include "core/state/schema.h"

// What state databases of older versions had that the declared schema has not, and where the meaning of their
// rows has changed since. Columns and tables that are only missing need no word here: they are made, with
// their defaults.
//
// The SQL below reads the older database through views `was_<table>`, one for each table here and in the
// schema. A view has all columns of both; one that the file lacks holds its default, and a table that it
// lacks is empty.
namespace agnes::state {

// A column that is no more, or that has another name now. Its rows are in the view for the rules to read.
struct RetiredColumn {
  std::string_view table, column, type;
};

// A column that an older database may have under another name. The view has it under the one of the schema.
struct RenamedColumn {
  std::string_view table, column, was;
};

// The value of a column in databases older than `before`: SQL over the row `self` of the view.
struct ColumnRule {
  int before;
  std::string_view table, column, sql;
};

// Retired tables whose rows no rule reads: nothing took their place.
inline constexpr std::string_view kAbandoned[] = {"access_requests", "dataset_permissions", "group_mappings"};

// The first version whose queries for BigQuery name their project. The rule that puts it there reads
// getvariable('bigquery_project'); these rows cannot do without.
inline constexpr int kQueriesNameProject = 24;
inline constexpr std::string_view kQueriesWithoutProject =
    "SELECT count(*) FROM was_table_registry WHERE query_mode = 'materialized' AND source_type = 'bigquery' "
    "AND regexp_matches(source_query, 'bq\\.\"[^\"]+\"\\.\"[^\"]+\"')";

// The rows of a table that mean something yet, in databases older than `before`: a condition on `self`.
struct RowRule {
  int before;
  std::string_view table, keep;
};

// What is done once all tables are filled, in this order, to databases older than `before`.
struct Step {
  int before;
  std::string_view sql;
  const char* only_with = nullptr;  // an environment variable that must be set
};

const std::vector<Table>& retired_tables();
const std::vector<RetiredColumn>& retired_columns();
const std::vector<RenamedColumn>& renamed_columns();
const std::vector<ColumnRule>& column_rules();
const std::vector<RowRule>& row_rules();
const std::vector<Step>& steps();

}  // namespace agnes::state
