#pragma once

#include "app/config/settings.h"
#include "core/extracts/remote_attach.h"

namespace agnes::extracts {

// How tables are brought and read.
struct ExtractSettings {
  static constexpr std::string_view kSection = "extract";
  std::uint64_t memory_mb = 1024;
  std::int64_t timeout_seconds = 3600;
  std::chrono::seconds read_timeout_seconds{600};
  std::string extension_repository;
  bool unsigned_extensions = false;
  std::string temp_dir;
  // DuckDB's own limit: the rest is for what its reader and writer threads hold that it does not count.
  std::uint64_t duckdb_memory_bytes() const { return (memory_mb << 20) / 8 * 5; }
  static constexpr config::Rule kRules[] = {
      {.member = "memory_mb", .ge = 1, .le = 1 << 20, .help = "Memory of an extraction"},
      {.member = "timeout_seconds",
       .variable = "AGNES_EXTRACTOR_TIMEOUT_SEC",
       .ge = 1,
       .le = 31'536'000,
       .help = "An extraction is ended after this time"},
      {.member = "read_timeout_seconds",
       .variable = "AGNES_READER_TIMEOUT_SEC",
       .ge = 1,
       .le = 86'400,
       .help = "An extract that takes longer to read is left out, and the others are served"},
      {.member = "extension_repository",
       .help = "Where DuckDB's extensions for remote attachments come from: an http address or a folder; "
               "DuckDB's own repositories when unset"},
      {.member = "unsigned_extensions",
       .help = "Load extensions without DuckDB's signature too: your own, from your own repository"},
      {.member = "temp_dir",
       .variable = "AGNES_TEMP_DIR",
       .variable_only = true,
       .help = "Folder for what a sync fetches before it is written; DATA_DIR/tmp when unset"},
  };
};
BOOST_DESCRIBE_STRUCT(ExtractSettings, (),
                      (memory_mb, timeout_seconds, read_timeout_seconds, extension_repository,
                       unsigned_extensions, temp_dir))

// What extracts may ask for in _remote_attach.
struct RemoteSettings {
  std::vector<std::string> extensions, endpoints, token_envs;
  static constexpr config::Rule kRules[] = {
      {.member = "extensions",
       .variable = "AGNES_REMOTE_ATTACH_EXTENSIONS",
       .help =
           "Extensions that extracts may ask for in _remote_attach; those of the server's kinds of source "
           "when unset"},
      {.member = "endpoints",
       .variable = "AGNES_REMOTE_ATTACH_ENDPOINTS",
       .help =
           "Hosts (host:port, separated by commas) that a remote attachment may name beside the addresses of "
           "the server's own sources"},
      {.member = "token_envs",
       .variable = "AGNES_REMOTE_ATTACH_TOKEN_ENVS",
       .help = "Variables that extracts may ask for there; those of the server's kinds of source when unset"},
  };
};
BOOST_DESCRIBE_STRUCT(RemoteSettings, (), (extensions, endpoints, token_envs))

// What is set; `rules` where a list is empty.
RemoteRules remote_rules(const RemoteSettings& settings, RemoteRules rules);

}  // namespace agnes::extracts
