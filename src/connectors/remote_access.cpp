#include "connectors/remote_access.h"

#include "connectors/bigquery/scan_cost.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/google/credentials.h"

namespace agnes::connectors {

namespace {

constexpr std::string_view kBigQuery = "bigquery";
// Names a key file; what it is good for is a token of the account.
constexpr std::string_view kKeyFile = "GOOGLE_APPLICATION_CREDENTIALS";
// The longest statement, and attaching before it.
constexpr std::int64_t kTokenSeconds = 5 * 60;
// An extension is another's code: its token is good for BigQuery and nothing else of Google's.
constexpr std::string_view kScope = "https://www.googleapis.com/auth/bigquery";

// Made when first needed, and then kept: tokens are kept with them.
class Account {
 public:
  google::CredentialsPtr credentials() {
    const std::lock_guard lock(mutex_);
    if (credentials_ == nullptr) credentials_ = google::default_credentials();
    return credentials_;
  }

 private:
  std::mutex mutex_;
  google::CredentialsPtr credentials_;
};

query::Attachment attachment_of(const catalog::RemoteEngine& engine, Account& account) {
  query::Attachment out{
      .alias = engine.alias, .extension = engine.extension, .url = engine.url, .token = {}, .secret = false};
  if (engine.extension == kBigQuery && (engine.token_env.empty() || engine.token_env == kKeyFile)) {
    try {
      out.token = account.credentials()->token(kScope, kTokenSeconds);
      out.secret = true;
    } catch (const Error& error) {
      // Who the account is concerns operators.
      log::warn("no access token for the attachment {}: {}", engine.alias, error.what());
      throw Error(
          ErrorKind::bad_gateway,
          fmt::format(
              "The engine {} ({}) cannot be reached: Google gives the server no access; its log says why",
              engine.alias, engine.extension));
    }
  } else if (!engine.token_env.empty()) {
    out.token = config::outside(engine.token_env).value_or("");
    if (out.token.empty())
      throw Error(ErrorKind::unavailable,
                  fmt::format("The engine {} ({}) cannot be reached: {} is not set on the server",
                              engine.alias, engine.extension, engine.token_env));
  }
  return out;
}

}  // namespace

query::RemoteAccess remote_access(const config::Config& config, const sync::Extensions& extensions) {
  query::RemoteAccess out;
  const auto account = std::make_shared<Account>();
  out.attachment = [account](const catalog::RemoteEngine& engine) { return attachment_of(engine, *account); };
  const auto cost =
      std::make_shared<bigquery::ScanCost>(config, [account] { return account->credentials(); });
  out.check_cost = [cost](const std::vector<query::RemoteUse>& uses, const std::string& sql) {
    std::vector<query::RemoteUse> billed;
    for (const auto& use : uses)
      if (use.table->remote->extension == kBigQuery) billed.push_back(use);
    cost->check(billed, sql);
  };
  out.extension_folder = extensions.folder();
  out.unsigned_extensions = extensions.allow_unsigned();
  return out;
}

}  // namespace agnes::connectors
