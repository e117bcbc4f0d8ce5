#include "core/auth/cli_codes.h"

#include <algorithm>

#include "lib/base/hash.h"
#include "lib/base/ids.h"
#include "lib/base/text.h"

namespace agnes::auth {

namespace {
// Consonants, so that no word comes out and no letter looks like a digit (RFC 8628, 6.1).
constexpr std::string_view kLetters = "BCDFGHJKLMNPQRSTVWXZ";
constexpr std::size_t kLength = 8;
constexpr int kMostTries = 5;
constexpr std::size_t kMostOpen = 10'000, kMostOfOne = 10;

std::string random_code() {
  std::string code;
  while (code.size() < kLength)
    for (const char byte : random_bytes(kLength)) {
      // 240 is the largest multiple of 20 in a byte: beyond it some letters would be likelier.
      const auto value = static_cast<unsigned char>(byte);
      if (value < 240 && code.size() < kLength) code += kLetters[value % kLetters.size()];
    }
  return code;
}
}  // namespace

std::optional<std::string> CliCodes::make(const std::string& challenge, Allowed by,
                                          std::int64_t now_seconds) {
  const std::lock_guard lock(mutex_);
  std::erase_if(open_, [&](const auto& entry) { return entry.second.expires <= now_seconds; });
  if (const auto found = open_.find(challenge); found != open_.end()) {
    if (found->second.by.user_id != by.user_id) return std::nullopt;
    open_.erase(found);
  }
  const auto own = std::count_if(open_.begin(), open_.end(),
                                 [&](const auto& entry) { return entry.second.by.user_id == by.user_id; });
  if (open_.size() >= kMostOpen || own >= static_cast<std::ptrdiff_t>(kMostOfOne)) return std::nullopt;
  const auto code = random_code();
  open_.emplace(challenge, Open{code, std::move(by), now_seconds + kLifetime});
  return code.substr(0, kLength / 2) + "-" + code.substr(kLength / 2);
}

std::optional<CliCodes::Allowed> CliCodes::use(std::string_view code, std::string_view verifier,
                                               std::int64_t now_seconds) {
  std::string letters;
  for (const char c : code)
    if (c != '-' && c != ' ') letters += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const std::lock_guard lock(mutex_);
  const auto found = open_.find(base64url(sha256(verifier)));
  if (found == open_.end()) return std::nullopt;
  auto& open = found->second;
  const bool right = open.expires > now_seconds && constant_time_equal(letters, open.code);
  std::optional<Allowed> by;
  if (right) by = open.by;
  if (right || ++open.tries >= kMostTries) open_.erase(found);
  return by;
}

}  // namespace agnes::auth
