#pragma once

#include "app/config/settings.h"

namespace agnes::auth {

struct LoginSettings {
  static constexpr std::string_view kSection = "auth";
  std::vector<std::string> disabled_providers;
  bool debug = false;
  static constexpr config::Rule kRules[] = {
      {.member = "disabled_providers", .help = "Sign-in methods hidden from the login page"},
      {.member = "debug",
       .variable = "AGNES_DEBUG_AUTH",
       .variable_only = true,
       .help = "1: /me/debug shows people what the server knows of their session"},
  };
};
BOOST_DESCRIBE_STRUCT(LoginSettings, (), (disabled_providers, debug))

struct GoogleSignInSettings {
  static constexpr std::string_view kSection = "auth";
  std::string allowed_domain, google_client_id, google_client_secret;
  std::string google_issuer = "https://accounts.google.com";
  bool google_groups = false;
  std::string google_groups_api = "https://cloudidentity.googleapis.com";
  std::string google_groups_subject, google_groups_account;
  std::string google_directory_api = "https://admin.googleapis.com";
  std::string google_token_url = "https://oauth2.googleapis.com/token";
  std::string google_iam_api = "https://iamcredentials.googleapis.com";
  std::string mock_groups;
  static constexpr config::Rule kRules[] = {
      {.member = "allowed_domain", .help = "Email domains that may sign in, comma-separated"},
      {.member = "google_client_id", .variable = "GOOGLE_CLIENT_ID", .help = "Google sign-in: client id"},
      {.member = "google_client_secret",
       .variable = "GOOGLE_CLIENT_SECRET",
       .secret = true,
       .help = "Google sign-in: client secret"},
      {.member = "google_issuer",
       .shape = config::Shape::address,
       .help = "Google sign-in: the OpenID provider; another one for tests"},
      {.member = "google_groups",
       .help = "Read Workspace groups at sign-in; also on when one of the AGNES_*GROUP* variables or "
               "auth.google_groups_subject is set"},
      {.member = "google_groups_api",
       .shape = config::Shape::address,
       .help = "Where Workspace groups are read: the Cloud Identity API; another one for tests"},
      {.member = "google_groups_subject",
       .variable = "GOOGLE_ADMIN_SDK_SUBJECT",
       .help = "The Workspace administrator in whose name a service account reads groups; the user's own "
               "consent when unset"},
      {.member = "google_groups_account",
       .variable = "GOOGLE_ADMIN_SDK_SA_EMAIL",
       .help = "That service account, where it is not the one that the server runs as"},
      {.member = "google_directory_api",
       .shape = config::Shape::address,
       .help = "Where it reads them: the Admin SDK; another one for tests"},
      {.member = "google_token_url",
       .shape = config::Shape::address,
       .help = "Where it gets its access tokens; another one for tests"},
      {.member = "google_iam_api",
       .shape = config::Shape::address,
       .help = "Where it has them signed, when there is no key file; another one for tests"},
      {.member = "mock_groups",
       .variable = "GOOGLE_ADMIN_SDK_MOCK_GROUPS",
       .variable_only = true,
       .help =
           "Addresses with commas between: everybody's Workspace groups, without asking Google; for tests"},
  };
};
BOOST_DESCRIBE_STRUCT(GoogleSignInSettings, (),
                      (allowed_domain, google_client_id, google_client_secret, google_issuer, google_groups,
                       google_groups_api, google_groups_subject, google_groups_account, google_directory_api,
                       google_token_url, google_iam_api, mock_groups))

// Read by lib/google, as Google's own clients do.
struct GoogleAccountSettings {
  std::string key_file, metadata_host;
  static constexpr config::Rule kRules[] = {
      {.member = "key_file",
       .variable = "GOOGLE_APPLICATION_CREDENTIALS",
       .help = "Key file of the Google service account that the server acts as; the machine's own account "
               "when unset"},
      {.member = "metadata_host",
       .variable = "GCE_METADATA_HOST",
       .help = "Where Google's metadata server is, which knows that account; metadata.google.internal when "
               "unset"},
  };
};
BOOST_DESCRIBE_STRUCT(GoogleAccountSettings, (), (key_file, metadata_host))

}  // namespace agnes::auth
