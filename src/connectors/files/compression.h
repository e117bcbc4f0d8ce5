#pragma once

#include <memory>

#include "connectors/files/scan.h"

namespace agnes::connectors::files {

// The contents of a file, unpacked where its name ends in .gz or .zst, from beginning to end. Several gzip members or
// zstd frames are one after the other. Throws SourceError (damaged) where the file is compressed in another way than
// its name says, cut off, or does not fit its checksums: only who reads to the end knows that it is whole.
class Contents {
 public:
  explicit Contents(const SourceFile& file);
  Contents(Contents&& other) noexcept;
  ~Contents();
  // The next bytes, `size` at most; 0 at the end alone.
  std::size_t read(char* to, std::size_t size);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads a CSV file to its end, for what DuckDB takes for whole: a cut-off or damaged file, bytes of zero (`has_zeros`).
void check_contents(SourceFile& file);

}  // namespace agnes::connectors::files
