#include "core/identity/break_glass.h"

#include <fmt/format.h>

#include "core/identity/email_outbox.h"
#include "core/identity/groups.h"
#include "core/state/seed.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::identity {

std::string grant_admin(const std::filesystem::path& state_folder, const std::string& email) {
  // A mistyped folder must not become a new database with an admin that no server sees.
  if (!std::filesystem::exists(state_folder / "system.duckdb"))
    throw Error(ErrorKind::not_found,
                fmt::format("there is no system.duckdb in {}: name the data directory with --data-dir",
                            state_folder.string()));
  state::Store store(state_folder);
  Directory directory(store);
  Passwords passwords;
  const Settings settings;
  Users users(directory, passwords, settings);
  const Actor actor{"", "cli:break-glass", ""};
  const auto find = [&] {
    return directory.read([&](const Tables& tables) {
      const auto* user = tables.user_by_email(email);
      return user != nullptr ? std::optional(*user) : std::nullopt;
    });
  };

  std::string said;
  auto user = find();
  if (!user) {
    if (const auto problem = problem_with_email(email); !problem.empty())
      throw Error(ErrorKind::bad_request, fmt::format("'{}' is {}", escape_control(email), problem));
    user = users.create(actor, email, email.substr(0, email.find('@')));
    said += fmt::format("Made the account {}.\n", email);
  }
  if (!user->active) {
    user = users.update(actor, user->id, std::nullopt, true);
    said += fmt::format("Activated {}.\n", user->email);
  }
  if (directory.is_admin(user->id)) {
    said += fmt::format("{} is an admin already.\n", user->email);
  } else {
    directory.change([&](Change& change) {
      const auto* admins = change.tables().group_by_name(state::kAdminGroup);
      if (admins == nullptr)
        throw Error(ErrorKind::not_found,
                    "this database has no group Admin: start the server once, which makes it, and try again");
      change.put(Member{user->id, admins->id, std::string(kBreakGlass), now(), actor.email});
      change.record(actor, "break_glass.grant_admin", "user:" + user->id, {{"email", user->email}});
    });
    said += fmt::format("{} is an admin now.\n", user->email);
  }
  if (!user->has_password)
    said += fmt::format(
        "There is no password yet. Start the server and set one within seven days at its page\n  {}\n",
        link_address("", Users::Link::setup, user->email,
                     users.make_link(actor, user->id, Users::Link::setup)));
  return said;
}

}  // namespace agnes::identity
