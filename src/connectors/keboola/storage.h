#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "app/config/config.h"
#include "connectors/keboola/cloud.h"
#include "connectors/keboola/settings.h"
#include "connectors/staged.h"
#include "core/sync/connector.h"
#include "lib/http_client/client.h"

namespace agnes::connectors::keboola {

// Keboola's Storage API (https://keboola.docs.apiary.io), as far as it is read, with a token in
// X-StorageApi-Token. Thread-safe.
class Storage {
 public:
  struct CallLimits {
    int tries = 4;
    std::chrono::milliseconds longest_wait{20'000};
    std::chrono::milliseconds time_limit = sync::kSourceTimeout;  // for one answer, repeats included
    http_client::Stop cancelled = {};
  };

  // With the address and the token of data_source.keboola. An address that an administrator has saved is
  // resolved now, must be public, and is not resolved again. Throws Error: not_configured (bad_request)
  // naming the setting, and what config::public_addresses_of throws.
  explicit Storage(const config::Config& config) : Storage(config, CallLimits()) {}
  Storage(const config::Config& config, CallLimits limits);

  // The answer's JSON; nothing for 404. Asks again when the service is not available for a moment. Throws
  // Error: auth_failed, throttled, upstream_error, unreachable (bad_gateway), timeout (gateway_timeout).
  std::optional<boost::json::value> find(const std::string& path,
                                         const http_client::Params& params = {}) const;
  // The same; nothing is upstream_error.
  boost::json::value get(const std::string& path, const http_client::Params& params = {}) const;

  // The answer to a form.
  boost::json::value post(const std::string& path, const http_client::Params& form) const;
  // Brings what is in the cloud's storage into a file. Held to public networks where the stack's own address
  // is. Begins anew after what passes. Throws Error (bad_gateway) that names the host and nothing else of the
  // address.
  void download(const CloudRequest& wanted, const std::filesystem::path& file,
                const Fetching& fetching) const;

  const std::string& address() const { return address_; }
  const KeboolaSettings& settings() const { return settings_; }

 private:
  std::optional<boost::json::value> ask(const std::string& path, const http_client::Request& request) const;

  KeboolaSettings settings_;
  std::string address_, token_;
  std::vector<std::string> resolved_;
  bool must_be_public_ = false;
  CallLimits limits_;
};

}  // namespace agnes::connectors::keboola
