#pragma once

#include <filesystem>
#include <string>

namespace agnes::identity {

// The way back in when no admin is left: makes the account of `email` one, working on the state folder
// itself. A missing account is made, a deactivated one activated. Audited. Returns what was done, for people,
// with a path where an account without a password gets one. Throws Error when a server has the folder open.
std::string grant_admin(const std::filesystem::path& state_folder, const std::string& email);

}  // namespace agnes::identity
