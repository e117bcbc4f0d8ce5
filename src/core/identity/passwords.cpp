#include "core/identity/passwords.h"

#include <future>
#include <thread>

#include <argon2.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::identity {

namespace {

constexpr int kAtOnce = 2;
constexpr int kNice = 10;                 // a tenth of the processor when others want all of it
constexpr std::uint32_t kMemory = 65536;  // KiB
constexpr std::uint32_t kPasses = 3;
constexpr std::uint32_t kLanes = 4;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kHashBytes = 32;
constexpr std::uint32_t kMostMemory = 1 << 20;  // KiB; what a stored hash may ask for

struct Parts {
  argon2_type type = Argon2_id;
  std::uint32_t version = 0x13, memory = kMemory, passes = kPasses, lanes = kLanes;
  std::string salt, hash;
};

std::string unpadded(std::string text) {
  while (text.ends_with('=')) text.pop_back();
  return text;
}
std::optional<std::string> from_unpadded(std::string text) {
  text.append((4 - text.size() % 4) % 4, '=');
  return from_base64(text);
}

std::string encode(const Parts& parts) {
  return fmt::format("$argon2id$v={}$m={},t={},p={}${}${}", parts.version, parts.memory, parts.passes,
                     parts.lanes, unpadded(base64(parts.salt)), unpadded(base64(parts.hash)));
}

// "m=65536" of the parameter list.
std::optional<std::uint32_t> number_after(std::string_view text, std::string_view key, std::uint32_t most) {
  if (!text.starts_with(key)) return std::nullopt;
  const auto number = parse_int(text.substr(key.size()));
  if (!number || *number < 1 || *number > most) return std::nullopt;
  return static_cast<std::uint32_t>(*number);
}

std::optional<Parts> decode(const std::string& encoded) {
  const auto fields = split(encoded, '$');
  if (fields.size() != 6 || !fields[0].empty()) return std::nullopt;
  Parts parts;
  if (fields[1] == "argon2id")
    parts.type = Argon2_id;
  else if (fields[1] == "argon2i")
    parts.type = Argon2_i;
  else
    return std::nullopt;
  const auto costs = split(fields[3], ',');
  if (costs.size() != 3) return std::nullopt;
  const auto version = number_after(fields[2], "v=", 0x13);
  const auto memory = number_after(costs[0], "m=", kMostMemory);
  const auto passes = number_after(costs[1], "t=", 100);
  const auto lanes = number_after(costs[2], "p=", 64);
  auto salt = from_unpadded(fields[4]);
  auto hash = from_unpadded(fields[5]);
  if (!version || !memory || !passes || !lanes || !salt || !hash || hash->size() < 4) return std::nullopt;
  parts.version = *version;
  parts.memory = *memory;
  parts.passes = *passes;
  parts.lanes = *lanes;
  parts.salt = std::move(*salt);
  parts.hash = std::move(*hash);
  return parts;
}

// On one thread, whatever the number of lanes.
std::string compute(const Parts& parts, std::string_view password, std::size_t bytes) {
  std::string out(bytes, '\0');
  std::string secret(password), salt = parts.salt;
  argon2_context context{};
  context.out = reinterpret_cast<std::uint8_t*>(out.data());
  context.outlen = static_cast<std::uint32_t>(bytes);
  context.pwd = reinterpret_cast<std::uint8_t*>(secret.data());
  context.pwdlen = static_cast<std::uint32_t>(secret.size());
  context.salt = reinterpret_cast<std::uint8_t*>(salt.data());
  context.saltlen = static_cast<std::uint32_t>(salt.size());
  context.t_cost = parts.passes;
  context.m_cost = parts.memory;
  context.lanes = parts.lanes;
  context.threads = 1;
  context.version = parts.version;
  context.flags = ARGON2_FLAG_CLEAR_PASSWORD;
  const int result = argon2_ctx(&context, parts.type);
  if (result == ARGON2_MEMORY_ALLOCATION_ERROR)
    throw Error(ErrorKind::unavailable, "no memory for checking a password now: try again in a moment");
  if (result != ARGON2_OK)
    throw Error(ErrorKind::internal,
                fmt::format("a password cannot be hashed: {}", argon2_error_message(result)));
  return out;
}

// Computes when it is its turn, on a thread of its own: one can lower its priority, but not raise it again.
std::string compute_aside(std::counting_semaphore<>& slots, const Parts& parts, std::string_view password,
                          std::size_t bytes) {
  struct Slot {
    std::counting_semaphore<>& slots;
    explicit Slot(std::counting_semaphore<>& t) : slots(t) { slots.acquire(); }
    ~Slot() { slots.release(); }
  } const slot(slots);
  std::packaged_task<std::string()> work([&] {
    ::setpriority(PRIO_PROCESS, static_cast<id_t>(::gettid()), kNice);
    return compute(parts, password, bytes);
  });
  auto result = work.get_future();
  std::thread(std::ref(work)).join();
  return result.get();
}

}  // namespace

Passwords::Passwords() : turns_(kAtOnce) {
  Parts parts;
  parts.salt = random_bytes(kSaltBytes);
  parts.hash = random_bytes(kHashBytes);
  nobodys_ = encode(parts);
}

std::string Passwords::hash(std::string_view password) {
  Parts parts;
  parts.salt = random_bytes(kSaltBytes);
  parts.hash = compute_aside(turns_, parts, password, kHashBytes);
  return encode(parts);
}

bool Passwords::verify(const std::optional<std::string>& encoded, std::string_view password) {
  auto parts = encoded ? decode(*encoded) : std::nullopt;
  const bool known = parts.has_value();
  if (encoded && !known)
    log::error("a stored password hash cannot be read: set that account's password again");
  if (!known) parts = decode(nobodys_);
  return constant_time_equal(compute_aside(turns_, *parts, password, parts->hash.size()), parts->hash) &&
         known;
}

}  // namespace agnes::identity
