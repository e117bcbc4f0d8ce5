#pragma once

#include <cstddef>
#include <string>
#include <string_view>

// Random values from the system's generator. Thread-safe.
namespace agnes {

std::string random_bytes(std::size_t count);
std::string uuid4();                            // "0123e456-e89b-42d3-a456-426614174000"
std::string random_hex(std::size_t bytes);      // two characters a byte
std::string random_urlsafe(std::size_t bytes);  // base64url without padding

}  // namespace agnes
