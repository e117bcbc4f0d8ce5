#pragma once

#include "app/config/settings.h"

namespace agnes::connectors::keboola {

struct KeboolaSettings {
  static constexpr std::string_view kSection = "data_source.keboola";
  static constexpr double kYear = 365.0 * 24 * 60 * 60;
  std::string storage_token, stack_url, token_env;
  std::string push_url, push_token;
  std::uint32_t parallelism = 8;
  double export_timeout = 1800, poll_interval = 2, slice_timeout = 300;
  std::string aws_server;
  std::string google_server = "https://storage.googleapis.com";
  static constexpr config::Rule kRules[] = {
      {.member = "storage_token",
       .variable = "KEBOOLA_STORAGE_TOKEN",
       .secret = true,
       .named_by = "data_source.keboola.token_env",
       .needed_by = "keboola",
       .help = "Keboola Storage API token"},
      {.member = "stack_url",
       .variable = "KEBOOLA_STACK_URL",
       .shape = config::Shape::public_address,
       .needed_by = "keboola",
       .help = "Keboola stack address, https://connection.keboola.com for one"},
      {.member = "token_env",
       .help = "Name of the environment variable with the token, where it is not KEBOOLA_STORAGE_TOKEN"},
      {.member = "push_url",
       .variable = "KBC_STACK_URL",
       .variable_only = true,
       .same_as = "data_source.keboola.stack_url",
       .help = "Keboola address that column metadata is pushed to; data_source.keboola.stack_url when unset"},
      {.member = "push_token",
       .variable = "KBC_STORAGE_TOKEN",
       .variable_only = true,
       .same_as = "data_source.keboola.storage_token",
       .secret = true,
       .help = "The token for that; data_source.keboola.storage_token when unset"},
      {.member = "parallelism",
       .variable = "AGNES_KEBOOLA_PARALLELISM",
       .variable_only = true,
       .ge = 1,
       .le = 64,
       .help = "Exports from Keboola that run side by side"},
      {.member = "export_timeout",
       .variable = "AGNES_KEBOOLA_EXPORT_TIMEOUT_SEC",
       .variable_only = true,
       .ge = 0.001,
       .le = kYear,
       .help = "Seconds that Keboola has for an export"},
      {.member = "poll_interval",
       .variable = "AGNES_KEBOOLA_POLL_INTERVAL_SEC",
       .variable_only = true,
       .ge = 0.001,
       .le = 10,
       .help = "Seconds until it is first asked whether an export is done, longer and longer up to 10"},
      {.member = "slice_timeout",
       .variable = "AGNES_KEBOOLA_SLICE_TIMEOUT_SEC",
       .variable_only = true,
       .ge = 0.001,
       .le = kYear,
       .help = "Seconds without a byte after which the download of an export is broken off"},
      {.member = "aws_server",
       .variable = "AWS_ENDPOINT_URL_S3",
       .variable_only = true,
       .help = "Address of Amazon S3, where it is not https://s3.REGION.amazonaws.com"},
      {.member = "google_server",
       .variable = "STORAGE_EMULATOR_HOST",
       .variable_only = true,
       .help = "Address of Google Cloud Storage; another one for tests"},
  };
};
BOOST_DESCRIBE_STRUCT(KeboolaSettings, (),
                      (storage_token, stack_url, token_env, push_url, push_token, parallelism, export_timeout,
                       poll_interval, slice_timeout, aws_server, google_server))

}  // namespace agnes::connectors::keboola
