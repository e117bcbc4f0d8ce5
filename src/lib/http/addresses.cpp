#include "lib/http/addresses.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include <arpa/inet.h>
#include <fmt/format.h>

#include "lib/base/text.h"

namespace agnes::http {

namespace {

// As 16 bytes, IPv4 mapped into IPv6. Nothing when it is not an address.
std::optional<std::array<unsigned char, 16>> parse_address(std::string_view text) {
  const std::string address(text);
  std::array<unsigned char, 16> out{};
  if (::inet_pton(AF_INET6, address.c_str(), out.data()) == 1) return out;
  out[10] = out[11] = 0xff;
  if (::inet_pton(AF_INET, address.c_str(), out.data() + 12) == 1) return out;
  return std::nullopt;
}

bool in_range(std::string_view address, std::string_view range) {
  if (range == "*") return true;
  const auto slash = range.find('/');
  const auto have = parse_address(address), want = parse_address(range.substr(0, slash));
  if (!have || !want) return false;
  std::int64_t bits = 128;
  if (slash != std::string_view::npos) {
    const bool is_v4 = range.find(':') == std::string_view::npos;
    const auto given = parse_int(range.substr(slash + 1));
    if (!given || *given < 0 || *given > (is_v4 ? 32 : 128)) return false;
    bits = is_v4 ? *given + 96 : *given;
  }
  for (std::size_t i = 0; bits > 0; ++i, bits -= 8) {
    const int mask = bits >= 8 ? 0xff : 0xff << (8 - bits) & 0xff;
    if (((*have)[i] ^ (*want)[i]) & mask) return false;
  }
  return true;
}

}  // namespace

bool is_address(std::string_view text) {
  return parse_address(text).has_value();
}

bool is_trusted_proxy(std::string_view address, const std::vector<std::string>& proxies) {
  return std::any_of(proxies.begin(), proxies.end(),
                     [&](const auto& proxy) { return in_range(address, trim(proxy)); });
}

std::string address_key(std::string_view address) {
  const auto bytes = parse_address(address.substr(0, address.find('%')));
  if (!bytes) return std::string(address);
  const std::string_view all(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  static constexpr std::string_view kMapped("\0\0\0\0\0\0\0\0\0\0\xff\xff", 12);
  return std::string(all.starts_with(kMapped) ? all : all.substr(0, 8));
}

std::size_t Addresses::connect(const std::string& key) {
  const std::lock_guard lock(mutex_);
  return ++usage_[key].connections;
}

void Addresses::disconnect(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = usage_.find(key);
  if (found == usage_.end()) return;
  --found->second.connections;
  trim(found);
}

bool Addresses::reserve(const std::string& key, std::size_t bytes, std::size_t most) {
  const std::lock_guard lock(mutex_);
  const auto entry = usage_.try_emplace(key).first;
  if (entry->second.bytes + bytes > most) {
    trim(entry);
    return false;
  }
  entry->second.bytes += bytes;
  return true;
}

void Addresses::release(const std::string& key, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = usage_.find(key);
  if (found == usage_.end()) return;
  found->second.bytes -= bytes;
  trim(found);
}

bool Addresses::begin_upload(const std::string& key, std::size_t most) {
  const std::lock_guard lock(mutex_);
  auto& uploads = usage_[key].uploads;
  if (uploads >= most) return false;
  ++uploads;
  return true;
}

void Addresses::end_upload(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = usage_.find(key);
  if (found == usage_.end()) return;
  --found->second.uploads;
  trim(found);
}

void Addresses::hold_answer(const std::string& key, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  usage_[key].answers += bytes;
  answers_ += bytes;
}

void Addresses::drop_answer(const std::string& key, std::size_t bytes) {
  const std::lock_guard lock(mutex_);
  const auto found = usage_.find(key);
  if (found == usage_.end()) return;
  found->second.answers -= bytes;
  answers_ -= bytes;
  trim(found);
}

Addresses::Waiting Addresses::waiting(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = usage_.find(key);
  return {found == usage_.end() ? 0 : found->second.answers, answers_};
}

void Addresses::trim(std::unordered_map<std::string, Usage>::iterator entry) {
  const Usage& usage = entry->second;
  if (usage.connections == 0 && usage.bytes == 0 && usage.answers == 0 && usage.uploads == 0)
    usage_.erase(entry);
}

}  // namespace agnes::http
