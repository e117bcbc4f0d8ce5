#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "core/auth/settings.h"
#include "lib/google/credentials.h"

namespace agnes::auth::google {

// The groups of a Workspace as one of its administrators sees them: a service account reads them in the
// administrator's name (domain-wide delegation). Thread-safe.
class AdminDirectory {
 public:
  struct Settings {
    std::string api;      // https://admin.googleapis.com
    std::string subject;  // the administrator's address
    std::string account;  // the service account's; empty: the one that our credentials are of
    agnes::google::Services services;
    std::optional<std::vector<std::string>> pretended;  // everybody's groups, for tests: Google is not asked
  };
  explicit AdminDirectory(Settings settings) : settings_(std::move(settings)) {}

  // As `read_directory_groups`. Throws Error when they cannot be read, in words for the log; waits for the
  // network. Credentials that could not be had are looked for anew the next time.
  std::vector<std::string> groups_of(const std::string& email);

 private:
  agnes::google::CredentialsPtr credentials();

  const Settings settings_;
  std::mutex mutex_;
  agnes::google::CredentialsPtr credentials_;
};

// Nothing unless the operator has named an administrator (GOOGLE_ADMIN_SDK_SUBJECT) or groups to pretend.
std::shared_ptr<AdminDirectory> make_directory(const GoogleSignInSettings& settings);

}  // namespace agnes::auth::google
