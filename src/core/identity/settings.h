#pragma once

#include <string>

#include "app/public_address.h"

namespace agnes::identity {

struct AccessSettings {
  std::string jwt_secret_key, scheduler_token;
  bool local_dev = false;
  std::string local_dev_email = "dev@localhost";
  std::string seed_admin_email, seed_admin_password;
  bool rate_limits = true;
  static constexpr config::Rule kRules[] = {
      {.member = "jwt_secret_key",
       .variable = "JWT_SECRET_KEY",
       .secret = true,
       .help = "Signs tokens; made and kept in the state directory when unset"},
      {.member = "scheduler_token",
       .variable = "SCHEDULER_API_TOKEN",
       .secret = true,
       .help = "Shared secret of an outside scheduler; 32 characters or more"},
      {.member = "local_dev",
       .variable = "LOCAL_DEV_MODE",
       .help = "1: everybody is the development user; never in production"},
      {.member = "local_dev_email",
       .variable = "LOCAL_DEV_USER_EMAIL",
       .help = "Email of the development user"},
      {.member = "seed_admin_email",
       .variable = "SEED_ADMIN_EMAIL",
       .help = "An administrator made at start when missing"},
      {.member = "seed_admin_password",
       .variable = "SEED_ADMIN_PASSWORD",
       .secret = true,
       .help = "Their first password"},
      {.member = "rate_limits",
       .variable = "AGNES_AUTH_RATELIMIT_ENABLED",
       .help = "0: no limit on sign-in attempts"},
  };
};
BOOST_DESCRIBE_STRUCT(AccessSettings, (),
                      (jwt_secret_key, scheduler_token, local_dev, local_dev_email, seed_admin_email,
                       seed_admin_password, rate_limits))

// Which of a Google Workspace's groups count, and what they are here.
struct GroupSettings {
  std::string prefix, admin_email, everyone_email;
  static constexpr config::Rule kRules[] = {
      {.member = "prefix",
       .variable = "AGNES_GOOGLE_GROUP_PREFIX",
       .help = "Only Workspace groups whose address begins so count, and only their members sign in"},
      {.member = "admin_email",
       .variable = "AGNES_GROUP_ADMIN_EMAIL",
       .help = "The Workspace group whose members are in Admin"},
      {.member = "everyone_email",
       .variable = "AGNES_GROUP_EVERYONE_EMAIL",
       .help = "The Workspace group whose members are in Everyone"},
  };
};
BOOST_DESCRIBE_STRUCT(GroupSettings, (), (prefix, admin_email, everyone_email))

struct InstanceSettings {
  static constexpr std::string_view kSection = "instance";
  std::string name = "AI Data Analyst";
  std::string home_route = "/dashboard";
  static constexpr config::Rule kRules[] = {
      {.member = "name", .help = "Name of the deploying organisation's instance"},
      {.member = "home_route",
       .variable = "AGNES_HOME_ROUTE",
       .shape = config::Shape::path,
       .help = "Page of this server where a browser goes after signing in"},
  };
};
BOOST_DESCRIBE_STRUCT(InstanceSettings, (), (name, home_route))

// What an operator decides about access, read once at start.
struct Settings {
  std::string jwt_secret;           // signs sessions and personal tokens
  std::string scheduler_token;      // SCHEDULER_API_TOKEN; empty when unset or shorter than 32 characters
  bool local_dev = false;           // LOCAL_DEV_MODE: everybody is the development admin. Never in production
  std::string local_dev_email;      // LOCAL_DEV_USER_EMAIL, dev@localhost
  std::string seed_admin_email;     // SEED_ADMIN_EMAIL; the development admin's in LOCAL_DEV_MODE
  std::string seed_admin_password;  // SEED_ADMIN_PASSWORD
  bool rate_limits = true;          // AGNES_AUTH_RATELIMIT_ENABLED
  app::PublicAddress address;       // where people reach this server
  std::string home_route;           // instance.home_route: where a browser goes after signing in
  std::string admin_group_email;    // AGNES_GROUP_ADMIN_EMAIL: the outside group whose members are Admin's
  std::string everyone_group_email;  // AGNES_GROUP_EVERYONE_EMAIL
};

// Takes the signing secret from JWT_SECRET_KEY or from the file .jwt_secret in the state
// folder, which is made (mode 0600) when neither is there. Warns in the log of what is set but unusable.
Settings read_settings(const config::Config& config, const app::PublicAddress& address);

}  // namespace agnes::identity
