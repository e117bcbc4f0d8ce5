#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json/object.hpp>

#include "app/config/schema.h"
#include "contract/catalogue.h"
#include "core/catalog/column_metadata.h"
#include "core/catalog/registry.h"

// What a kind of source is to the catalogue and to those who register its tables and set it up. Each connector's module
// declares one (ModuleKind::declare); nothing outside a connector's folder knows a source by its name.
namespace agnes::catalog {

// The SQL of tables that stay at their source, where it is not DuckDB's.
struct Dialect {
  std::string_view name;            // "bigquery"
  std::string_view predicate;       // what stands for a condition in examples: "<BQ predicate>"
  contract::DialectHints examples;  // how to write dates, intervals, casts and the like
};

// A text in the body of POST /api/admin/configure.
struct SetupField {
  std::string_view field;          // empty: none is asked for, the setting becomes `fallback`
  std::string_view setting;        // below data_source.<type>
  std::string_view fallback = {};  // empty: the field must be given
  // Says what is wrong with the text; "" when nothing is.
  std::string (*check)(std::string_view text) = nullptr;
};

struct SourceKind {
  std::string_view type;  // as registrations and data_source.type have it: "keboola"
  std::string_view name;  // as people have it: "Keboola"
  // Of the settings below data_source.<type>, for forms. Empty: the server's own source cannot be of this kind.
  std::string_view settings_help = {};

  // What it can do.
  bool remote_tables = false;  // its tables may stay there: query_mode remote
  bool whole_tables = false;   // a materialized table needs no query: it is the whole table
  bool incremental = true;     // tables may have a sync_strategy other than full_refresh
  bool beside = false;  // its tables are registered and brought also where the server's own source is another

  // Where the source has a table that is registered: fills in what follows from the rest, and refuses what cannot be
  // there. Throws Error naming the field: `invalid` for one that is missing, `bad_request` for one that is impossible.
  void (*place)(Registration& row, const config::Config& settings) = nullptr;
  // Tells the source what is known of a table's columns; null: it takes nothing.
  PushColumns push_columns = nullptr;

  std::optional<Dialect> dialect = std::nullopt;
  std::string_view extension = {};  // of DuckDB, that reaches it for extracts which attach it
  std::vector<std::string_view> table_functions =
      {};  // of the extension, that such an extract's views may call
  std::vector<std::string_view> token_variables = {};  // that such an extract may name
  // The address of the source as it is set, which such an extract may name, too; null: none.
  std::string (*address)(const config::Config& settings) = nullptr;

  // How POST /api/admin/configure sets it up; empty: only its settings do.
  std::vector<SetupField> setup = {};
  // Whether what was given works, asked of the source before it is saved. Throws Error (bad_request).
  void (*verify)(const boost::json::object& settings) = nullptr;
};

// Adds a kind, in place of one of the same type, and its type to the settings. Before anything reads them.
void declare_source(config::Schema& settings, SourceKind kind);
// In the order in which they were declared.
std::span<const SourceKind> source_kinds();
// Null for a type that none has.
const SourceKind* source_kind(std::string_view type);
const SourceKind* source_kind(const Registration& row);
// The kind that an extension of DuckDB reaches, likewise.
const SourceKind* source_of_extension(std::string_view extension);

// Whether a table stays at its source and the source can be asked about it.
bool is_at_engine(const Registration& row);

}  // namespace agnes::catalog
