#include "core/auth/google_directory.h"

#include <fmt/format.h>

#include "core/auth/google_groups.h"
#include "core/identity/users.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http_client/call.h"

namespace agnes::auth::google {

namespace {

constexpr std::string_view kScope = "https://www.googleapis.com/auth/admin.directory.group.readonly";

// An address that tokens are sent to.
std::string service(std::string url, const char* setting) {
  if (!http_client::may_carry_secrets(url))
    throw Error(ErrorKind::bad_request, fmt::format("{} must begin with https://", setting));
  while (url.ends_with('/')) url.pop_back();
  return url;
}

}  // namespace

agnes::google::CredentialsPtr AdminDirectory::credentials() {
  std::lock_guard lock(mutex_);
  if (!credentials_)
    credentials_ =
        agnes::google::delegated_credentials(agnes::google::default_credentials(settings_.services),
                                             settings_.subject, settings_.account, settings_.services);
  return credentials_;
}

std::vector<std::string> AdminDirectory::groups_of(const std::string& email) {
  if (settings_.pretended) return *settings_.pretended;
  const auto held = credentials();
  const auto token = held->token(kScope);
  try {
    return read_directory_groups(settings_.api, token, email);
  } catch (const TokenRefused&) {
    held->forget(token);
    return read_directory_groups(settings_.api, held->token(kScope), email);
  }
}

std::shared_ptr<AdminDirectory> make_directory(const GoogleSignInSettings& given) {
  AdminDirectory::Settings settings{
      .api = service(given.google_directory_api, "auth.google_directory_api"),
      .subject = std::string(trim(given.google_groups_subject)),
      .account = std::string(trim(given.google_groups_account)),
      .services = {.token_url = service(given.google_token_url, "auth.google_token_url"),
                   .iam = service(given.google_iam_api, "auth.google_iam_api")},
      .pretended = std::nullopt};
  if (!given.mock_groups.empty()) {
    log::warn("GOOGLE_ADMIN_SDK_MOCK_GROUPS is set: these are everybody's groups, and Google is not asked");
    settings.pretended.emplace();
    for (const auto& group : split(given.mock_groups, ','))
      if (const auto address = to_lower(trim(group)); identity::problem_with_email(address).empty())
        settings.pretended->push_back(address);
  }
  if (settings.subject.empty() && !settings.pretended) return nullptr;
  return std::make_shared<AdminDirectory>(std::move(settings));
}

}  // namespace agnes::auth::google
