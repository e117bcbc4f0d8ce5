#pragma once

#include <cstddef>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace agnes::http {

bool is_address(std::string_view text);
// Whether `proxies` (addresses, "10.0.0.0/8" ranges or "*") have the address.
bool is_trusted_proxy(std::string_view address, const std::vector<std::string>& proxies);

// What counts as one client: an IPv4 address, or the /64 of an IPv6 address, which is what one customer of a network
// gets. Bytes, not text; text that is not an address stays as it is.
std::string address_key(std::string_view address);

// Inside http/: what each client address, and each caller, holds of the server. Thread-safe.
class Addresses {
 public:
  // The number of connections of the address, with the new one.
  std::size_t connect(const std::string& key);
  void disconnect(const std::string& key);

  // Takes `bytes` of the share of an address or a caller. False, and nothing is taken, when it would hold more than
  // `most`.
  bool reserve(const std::string& key, std::size_t bytes, std::size_t most);
  void release(const std::string& key, std::size_t bytes);

  // False when `most` uploads of the caller arrive already; else it is one of them until its end.
  bool begin_upload(const std::string& key, std::size_t most);
  void end_upload(const std::string& key);

  // Answers that wait for their reader. They are there already, so none is refused; `waiting` tells who has too many.
  void hold_answer(const std::string& key, std::size_t bytes);
  void drop_answer(const std::string& key, std::size_t bytes);
  struct Waiting {
    std::size_t own = 0, all = 0;  // bytes
  };
  Waiting waiting(const std::string& key) const;

 private:
  struct Usage {
    std::size_t connections = 0, bytes = 0, answers = 0, uploads = 0;
  };
  // Forgets those that hold nothing.
  void trim(std::unordered_map<std::string, Usage>::iterator entry);

  mutable std::mutex mutex_;
  std::unordered_map<std::string, Usage> usage_;
  std::size_t answers_ = 0;
};

}  // namespace agnes::http
