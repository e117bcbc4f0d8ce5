#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "config/config.h"
#include "http_client/client.h"
#include "sync/connector.h"

namespace agnes::connectors::keboola {

// Keboola's Storage API (https://keboola.docs.apiary.io), as far as it is read: GET with a token in
// X-StorageApi-Token. Thread-safe.
class Storage {
 public:
  struct Patience {
    int tries = 4;
    std::chrono::milliseconds longest_wait{20'000};
    std::chrono::milliseconds time_limit = sync::kPatience;  // for one answer, repeats included
  };

  // With the address and the token of data_source.keboola. An address that an administrator has saved is
  // resolved now, must be public, and is not resolved again. Throws Error: not_configured (bad_request)
  // naming the setting, and what config::public_addresses_of throws.
  explicit Storage(const config::Config& config) : Storage(config, Patience()) {}
  Storage(const config::Config& config, Patience patience);

  // The answer's JSON; nothing for 404. Asks again when the service is not available for a moment. Throws
  // Error: auth_failed, throttled, upstream_error, unreachable (bad_gateway), timeout (gateway_timeout).
  std::optional<boost::json::value> find(const std::string& path,
                                         const http_client::Params& params = {}) const;
  // The same; nothing is upstream_error.
  boost::json::value get(const std::string& path, const http_client::Params& params = {}) const;

  const std::string& address() const { return address_; }

 private:
  std::string address_, token_;
  std::vector<std::string> resolved_;
  Patience patience_;
};

}  // namespace agnes::connectors::keboola
