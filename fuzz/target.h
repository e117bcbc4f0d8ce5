#pragma once

#include <cstdlib>
#include <string>
#include <string_view>

#include <fmt/format.h>

// What the targets share. libFuzzer calls LLVMFuzzerTestOneInput with one input after the other.
namespace agnes::fuzz {

inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// Ends the program, which libFuzzer takes for a finding, when a promise is not kept.
inline void expect(bool kept, std::string_view promise) {
  if (kept) return;
  fmt::print(stderr, "a promise is not kept: {}\n", promise);
  std::abort();
}

}  // namespace agnes::fuzz
