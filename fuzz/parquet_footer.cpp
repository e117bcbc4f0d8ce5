// Footers of Parquet files, and values of Thrift. The first byte says whether the rest is a whole file or a footer, the
// second one how many bytes of pages stand before that.
#include "connectors/files/parquet_footer.h"

#include "connectors/files/source_error.h"
#include "fuzz/memory_file.h"
#include "lib/base/error.h"

namespace {

using namespace agnes;
using namespace agnes::connectors::files;

void file(std::string_view bytes) {
  static const fuzz::MemoryFile memory, copy;
  memory.put(bytes);
  SourceFile source;
  source.path = memory.path();
  source.relative = "a.parquet";
  std::optional<ParquetFooter> footer;
  try {
    footer = read_parquet_footer(source);
  } catch (const SourceError&) {
  }
  if (!footer) return;
  for (const auto& leaf : footer->leaves)
    fuzz::expect(leaf.column < footer->columns.size() && leaf.element < footer->schema.size(),
                 "a leaf belongs to a column");
  for (const auto& chunk : footer->chunks)
    fuzz::expect(chunk.leaf < footer->leaves.size() && chunk.offset + chunk.size <= footer->begin,
                 "a chunk lies before the footer");
  try {
    check_parquet_pages(source, *footer);
  } catch (const SourceError&) {
  }
  for (const bool whole : {false, true}) {
    write_parquet_twin(source, *footer, footer->columns_with_nanos(), whole, copy.path());
    SourceFile twin = source;
    twin.path = copy.path();
    std::optional<ParquetFooter> again;
    try {
      again = read_parquet_footer(twin);
    } catch (const SourceError& error) {
      fuzz::expect(false, fmt::format("a twin is read as its file was: {}", error.what()));
    }
    fuzz::expect(again && again->columns.size() == footer->columns.size() &&
                     again->leaves.size() == footer->leaves.size() &&
                     again->chunks.size() == footer->chunks.size() && again->columns_with_nanos().empty(),
                 "a twin has the columns of its file, without nanoseconds");
  }
}

void footer(std::string_view input) {
  if (input.empty()) return;
  const auto pages = std::min<std::size_t>(static_cast<unsigned char>(input[0]), input.size() - 1);
  std::string bytes(input.substr(1));
  const auto length = static_cast<std::uint32_t>(bytes.size() - pages);
  bytes.insert(0, "PAR1");
  for (unsigned shift = 0; shift < 32; shift += 8) bytes += static_cast<char>(length >> shift);
  file(bytes + "PAR1");
}

void value(std::string_view bytes) {
  thrift::Reader reader(bytes);
  try {
    const auto value = reader.value(thrift::Type::structure);
    const auto written = thrift::write(value);
    thrift::Reader again(written);
    fuzz::expect(
        thrift::write(again.value(thrift::Type::structure)) == written && again.at() == written.size(),
        "a value that is written is read as the same");
    thrift::Reader passing(bytes);
    passing.skip(thrift::Type::structure);
    fuzz::expect(passing.at() == reader.at(), "a value is as long for who passes it over");
  } catch (const thrift::Malformed&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::choose(data, size, {file, footer, value});
}
