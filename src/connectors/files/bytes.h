#pragma once

#include <memory>

#include "connectors/files/scan.h"

namespace agnes::connectors::files {

// The contents of a file from beginning to end, unpacked where its name ends in .gz or .zst (several gzip members or
// zstd frames are one text). In bounded memory. Throws SourceError where the file cannot be opened, or is cut off or
// damaged.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fewer than `most` bytes only at the end; 0 when there are no more.
  virtual std::size_t read(char* to, std::size_t most) = 0;
};

std::unique_ptr<ByteSource> open_bytes(const SourceFile& file);

}  // namespace agnes::connectors::files
