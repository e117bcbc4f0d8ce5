#pragma once

#include "connectors/files/scan.h"

namespace agnes::connectors::files {

// Reads a compressed file to its end. DuckDB takes the end of a file for the end of its contents: what is cut off
// would be a shorter table. Throws SourceError where the file is cut off or damaged, or is compressed in another way
// than its name says (also where the name says that it is not). gzip: every member's checksum and length; several
// members, and zeros after the last, are legal. zstd: that every frame is whole; what is in it, and its checksum, is
// checked by the decompression itself. Nothing for Parquet.
void check_compression(const SourceFile& file);

}  // namespace agnes::connectors::files
