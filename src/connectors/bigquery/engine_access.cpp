#include "connectors/bigquery/engine_access.h"

#include <mutex>

#include "connectors/bigquery/bigquery_api.h"
#include "connectors/bigquery/scan_cost.h"
#include "connectors/bigquery/settings.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/google/credentials.h"

namespace agnes::connectors::bigquery {

namespace {

// The longest statement, and attaching before it.
constexpr std::int64_t kTokenSeconds = 5 * 60;
// An extension is another's code: its token is good for BigQuery and nothing else of Google's.
constexpr std::string_view kScope = "https://www.googleapis.com/auth/bigquery";

// Made when first needed, and then kept: tokens are kept with them.
class Account {
 public:
  explicit Account(std::string server) : server_(std::move(server)) {}
  google::CredentialsPtr credentials() {
    const std::lock_guard lock(mutex_);
    if (credentials_ == nullptr) credentials_ = credentials_for(server_);
    return credentials_;
  }

 private:
  const std::string server_;
  std::mutex mutex_;
  google::CredentialsPtr credentials_;  // null, too, where nobody is named (credentials_for)
};

}  // namespace

EngineAccess engine_access(const config::Config& config) {
  const auto account = std::make_shared<Account>(config.get<BigQuerySettings>().server);
  const auto cost = std::make_shared<ScanCost>(config, [account] { return account->credentials(); });
  return {.extension = std::string(kExtension),
          .token = [account](const catalog::RemoteEngine& engine) -> std::optional<std::string> {
            // Another variable holds a token itself.
            if (!engine.token_env.empty() && engine.token_env != kKeyFile) return std::nullopt;
            try {
              const auto credentials = account->credentials();
              return credentials == nullptr ? std::nullopt
                                            : std::optional(credentials->token(kScope, kTokenSeconds));
            } catch (const Error& error) {
              // Who the account is concerns operators.
              log::warn("no access token for the attachment {}: {}", engine.alias, error.what());
              throw Error(ErrorKind::bad_gateway,
                          fmt::format("The engine {} ({}) cannot be reached: Google gives the server no "
                                      "access; its log says why",
                                      engine.alias, engine.extension));
            }
          },
          .check_cost = [cost](const std::vector<query::RemoteUse>& uses,
                               const std::string& sql) { cost->check(uses, sql); }};
}

}  // namespace agnes::connectors::bigquery
