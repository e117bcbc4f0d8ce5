#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace agnes::cli {

// `text` without what looks like a secret; "[redacted]" stands in its place, so that JSON lines stay JSON lines. Secrets are:
// `known` texts; JSON Web Tokens; tokens with the prefixes that their issuers document (GitHub, GitLab, Slack, Google, AWS,
// Stripe, npm, ...) and those of Keboola's storage; what follows "Bearer "; private keys in PEM; passwords in addresses
// (https://name:password@host); values behind names that end with token, secret, password or api key. Linear in its size.
std::string without_secrets(std::string_view text, const std::vector<std::string>& known = {});

}  // namespace agnes::cli
