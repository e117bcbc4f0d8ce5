#pragma once

#include <cstdint>

// Of Apache Arrow's formats, what reading and writing have in common.

// What DuckDB hands over and takes (https://arrow.apache.org/docs/format/CDataInterface.html).
struct ArrowSchema {
  const char* format;
  const char* name;
  const char* metadata;
  std::int64_t flags;
  std::int64_t n_children;
  ArrowSchema** children;
  ArrowSchema* dictionary;
  void (*release)(ArrowSchema*);
  void* private_data;
};
struct ArrowArray {
  std::int64_t length;
  std::int64_t null_count;
  std::int64_t offset;
  std::int64_t n_buffers;
  std::int64_t n_children;
  const void** buffers;
  ArrowArray** children;
  ArrowArray* dictionary;
  void (*release)(ArrowArray*);
  void* private_data;
};
struct ArrowArrayStream {
  int (*get_schema)(ArrowArrayStream*, ArrowSchema*);
  int (*get_next)(ArrowArrayStream*, ArrowArray*);
  const char* (*get_last_error)(ArrowArrayStream*);
  void (*release)(ArrowArrayStream*);
  void* private_data;
};

namespace agnes::duck::arrow {

constexpr std::int64_t kNullable = 2;  // ArrowSchema::flags

// Numbers of https://github.com/apache/arrow/blob/main/format/Schema.fbs and Message.fbs: the members of the
// union Type and of MessageHeader, and MetadataVersion.V5.
enum Kind { kNull = 1, kInt, kFloat, kBinary, kUtf8, kBool, kDecimal, kDate, kTime, kTimestamp, kInterval };
enum NestedType { kList = 12, kStruct, kUnion, kFixedSizeList = 16, kMap };
enum Header { kSchemaHeader = 1, kDictionaryHeader, kBatchHeader };
constexpr int kVersion = 4;

}  // namespace agnes::duck::arrow
