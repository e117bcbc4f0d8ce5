#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>

// Secrets within trees of settings: shown as stars, and stars taken back as "unchanged".
namespace agnes::config {

// Keys with one of these in their name hold secrets where the table of settings says nothing.
constexpr std::string_view kSecretPatterns[] = {"secret", "token", "password", "api_key"};

// By the table of settings, else by the key (the path's last part); `max_tokens: 100` is none.
bool is_secret(std::string_view path, const boost::json::value& item);
// "email.smtp_host"; a list's entries are "users[0]"; a dot within a key becomes a slash.
std::string path_below(std::string_view path, std::string_view key);

// A copy with every secret as "***", or "<empty>" when there is none.
boost::json::value masked(const boost::json::value& tree, const std::string& path);

// What somebody sent who may have been shown `masked(stored)`: a masked secret is left out, so that merging
// keeps what is stored. Lists are replaced whole, so within a list it is put back: from the entry that looks
// the same, else the one in the same place of a list of the same length. Throws Error (invalid) naming the
// place when there is none.
boost::json::object unmasked(const boost::json::object& given, const boost::json::object& stored,
                             const std::string& path);

// What differs, leaf by leaf: [{path, before, after}], secrets masked. A missing value equals null.
boost::json::array differences(const boost::json::object& before, const boost::json::object& after);

}  // namespace agnes::config
