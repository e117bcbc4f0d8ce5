#pragma once

#include <optional>
#include <set>
#include <vector>

#include "connectors/files/scan.h"
#include "connectors/files/thrift.h"

// What a Parquet file says of itself, read without DuckDB: for what DuckDB would read in another way than it is
// written, and for checksums, which it does not look at.
namespace agnes::connectors::files {

// Times of finer units than DuckDB has for them. Of a variant, those that may be in its bytes.
enum class Nanos { none, int96, instant, variant };

// A column of the file as it is stored; a nested one has several.
struct ParquetLeaf {
  std::size_t column = 0;   // in the table
  std::size_t element = 0;  // in the footer's schema
  std::string path;         // "a.list.element"
  Nanos nanos = Nanos::none;
  std::size_t variant = 0;  // the element of the VARIANT that it is a part of; 0: none
};

struct ParquetColumn {
  std::string name;
  std::size_t element = 0;
  bool nested = false;
};

// Where the pages of one leaf lie for one row group.
struct ParquetChunk {
  std::size_t leaf = 0;
  std::uint64_t offset = 0, size = 0;
};

struct ParquetFooter {
  std::uint64_t begin = 0;  // in the file; the pages lie before it
  std::vector<thrift::Value> schema;
  std::vector<ParquetColumn> columns;
  std::vector<ParquetLeaf> leaves;
  std::vector<ParquetChunk> chunks;
  std::string before, after;  // its bytes around the schema
  // A type is told in the newer of Parquet's two ways alone, of which DuckDB knows the older: `schema` has both.
  bool completed = false;

  std::set<std::size_t> columns_with_nanos() const;
};

// Nothing when the file is none, or has a footer that makes no sense. Throws SourceError for what DuckDB would read wrong
// or cannot read: a DECIMAL of more than 38 digits, a VARIANT without the parts that it must have, what is encrypted,
// ways to compress and encode.
std::optional<ParquetFooter> read_parquet_footer(const SourceFile& file);

// Throws SourceError when a page does not fit its checksum, where it has one.
void check_parquet_pages(const SourceFile& file, const ParquetFooter& footer);

// Writes a copy of the file whose footer has this schema, and in which the nanoseconds of these columns have no type but their bytes: BIGINT, BLOB of
// 12 bytes. With `whole` it has all pages, else only those of these columns; the others are holes.
void write_parquet_twin(const SourceFile& file, const ParquetFooter& footer,
                        const std::set<std::size_t>& columns, bool whole, const fs::path& to);

}  // namespace agnes::connectors::files
