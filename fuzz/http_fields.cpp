// Single header fields and bodies: Range, Accept-Encoding, parameters, percent encoding, gzip. The first byte says which.
#include "fuzz/target.h"
#include "lib/base/error.h"
#include "lib/http/wire.h"

namespace {

using namespace agnes;

void range(std::string_view text) {
  for (const std::uint64_t size : {0u, 1u, 1000u, 4'000'000'000u}) {
    std::vector<http::ByteRange> ranges;
    const auto result = http::parse_range(text, size, ranges);
    if (result != http::RangeResult::parts) continue;
    std::uint64_t total = 0;
    for (const auto& part : ranges) {
      fuzz::expect(part.first <= part.last && part.last < size, "a range lies in the file");
      total += part.last - part.first + 1;
    }
    fuzz::expect(!ranges.empty() && total <= size, "ranges do not make more of a file than it is");
  }
}

void coding(std::string_view text) {
  http::accepts_gzip(text);
  http::header_parameter(text, "boundary");
  const auto decoded = http::percent_decode(http::percent_encode(text), false);
  fuzz::expect(decoded == text, "percent encoding is undone by decoding");
  http::percent_decode(text, true);
  http::parse_query(text);
}

void packed(std::string_view text) {
  constexpr std::size_t kLimit = 1 << 20;
  try {
    fuzz::expect(http::gunzip(text, kLimit).size() <= kLimit,
                 "a body does not unpack to more than its limit");
  } catch (const Error&) {
  }
  fuzz::expect(http::gunzip(http::gzip(text, 6), kLimit) == text, "what is packed is unpacked");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::choose(data, size, {range, coding, packed});
}
