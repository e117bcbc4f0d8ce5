#pragma once

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fmt/format.h>

// What the targets share. libFuzzer calls LLVMFuzzerTestOneInput with one input after the other; tests/unit/fuzz does so
// with those that are kept.
namespace agnes::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Nobody catches it, which libFuzzer takes for a finding.
struct BrokenPromise : std::logic_error {
  using std::logic_error::logic_error;
};

inline void expect(bool kept, std::string_view promise) {
  if (!kept) throw BrokenPromise(fmt::format("a promise is not kept: {}", promise));
}

// For a target of several parts: the first byte says which of them gets the rest.
inline int choose(const std::uint8_t* data, std::size_t size,
                  std::initializer_list<void (*)(std::string_view)> parts) {
  if (size > 0) parts.begin()[data[0] % parts.size()](text_of(data + 1, size - 1));
  return 0;
}

}  // namespace agnes::fuzz
