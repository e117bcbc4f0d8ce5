// Measures how long it takes to learn from a token who calls and what they may read.
//
// usage: bench_access USERS GROUPS GRANTS FOLDER
//
// Makes a state database with that many in FOLDER; each user is in ten groups, and the grants, all of tables,
// are spread over the groups. Then callers are resolved, each with a right that they have and one that they
// have not looked up, after every one of them was seen once. Prints one JSON object: `session_p50`,
// `session_p99`, `token_p50`, `token_p99` (of personal tokens), `changed_p50` (of the first request of
// somebody after a change of anybody's rights), in microseconds, and `wrong`, how many answers were not as
// the rows say.
#include <algorithm>
#include <iostream>
#include <random>

#include "app/host.h"
#include "core/identity/identity.h"
#include "core/state/store.h"
#include "lib/base/error.h"
#include "lib/base/json.h"

namespace agnes::state {
app::ModuleKind module();
}
namespace agnes::identity {
app::ModuleKind module();
}

namespace {

using namespace agnes;
using Clock = std::chrono::steady_clock;

constexpr int kGroupsOfUser = 10, kPersonalTokens = 1000, kChanges = 50;
constexpr std::size_t kCalls = 50000;

std::string numbered(std::string_view what, int i) {
  return fmt::format("{}{}", what, i);
}

void fill(state::Store& store, int users, int groups, int grants) {
  store.write([&](state::Tx& tx) {
    tx.execute(
        fmt::format("INSERT INTO users (id, email, name) SELECT 'user' || i, 'user' || i || '@example.com', "
                    "'User' FROM range({}) t(i)",
                    users));
    tx.execute(fmt::format(
        "INSERT INTO user_groups (id, name) SELECT 'group' || i, 'group' || i FROM range({}) t(i)", groups));
  });
  store.write([&](state::Tx& tx) {
    tx.execute(
        fmt::format("INSERT INTO user_group_members (user_id, group_id, source) SELECT DISTINCT 'user' || u, "
                    "'group' || ((u * 7 + g * 97) % {}), 'admin' FROM range({}) a(u), range({}) b(g)",
                    groups, users, kGroupsOfUser));
    tx.execute(fmt::format(
        "INSERT INTO resource_grants (id, group_id, resource_type, resource_id) SELECT 'grant' || i, "
        "'group' || (i % {0}), 'table', 'table' || (i // {0} * 31 + i % {0}) FROM range({1}) t(i)",
        groups, grants));
  });
}

double percentile(std::vector<double> times, double p) {
  std::sort(times.begin(), times.end());
  return times[static_cast<std::size_t>(p * static_cast<double>(times.size() - 1))];
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 5) {
    std::cerr << "usage: bench_access USERS GROUPS GRANTS FOLDER\n";
    return 2;
  }
  const int users = std::atoi(argv[1]), groups = std::atoi(argv[2]), grants = std::atoi(argv[3]);
  if (users < kPersonalTokens || groups < kGroupsOfUser || grants < groups)
    throw Error(ErrorKind::bad_request, fmt::format("at least {} users, {} groups and as many grants",
                                                    kPersonalTokens, kGroupsOfUser));
  const app::ModuleKind modules[] = {state::module(), identity::module()};
  app::declared_settings(modules);  // the tables, too
  state::Store store(std::filesystem::path(argv[4]) / "state");
  fill(store, users, groups, grants);
  identity::Settings settings;
  settings.jwt_secret = "a-secret-of-more-than-thirty-two-characters";
  identity::Identity identity(store, settings);

  struct Known {
    std::string token, has;
  };
  std::vector<Known> sessions, personal;
  for (int i = 0; i < users; ++i) {
    const auto id = numbered("user", i);
    const auto user = identity.directory().read([&](const identity::Tables& t) { return *t.user(id); });
    // What the first of their groups is granted first.
    const auto has = numbered("table", i * 7 % groups);
    sessions.push_back({identity.tokens().make_session(user), has});
    if (i < kPersonalTokens)
      personal.push_back(
          {identity.tokens().create({.id = id, .email = user.email}, {"bench", std::nullopt}).text, has});
  }

  std::int64_t wrong = 0;
  const auto call = [&](const Known& known) {
    const auto began = Clock::now();
    std::string reason;
    const auto caller = identity.tokens().resolve(known.token, "10.0.0.1", reason);
    const bool right = caller && identity.directory().may_read(*caller, "table", known.has) &&
                       !identity.directory().may_read(*caller, "table", "no_such_table");
    const std::chrono::duration<double, std::micro> took = Clock::now() - began;
    wrong += !right;
    return took.count();
  };
  std::mt19937 random(1);
  const auto measure = [&](const std::vector<Known>& whom) {
    for (const auto& known : whom) call(known);
    std::vector<double> times;
    for (std::size_t i = 0; i < kCalls; ++i) times.push_back(call(whom[random() % whom.size()]));
    return times;
  };
  const auto by_session = measure(sessions);
  const auto by_token = measure(personal);

  // One change after the other; it must hold from the next request on.
  std::vector<double> changed;
  for (int i = 0; i < kChanges; ++i) {
    auto& known = sessions[static_cast<std::size_t>(i)];
    const auto user = numbered("user", i), group = numbered("group", i * 7 % groups);
    identity.groups().remove_member({}, group, user, "group:" + group);
    call(sessions.back());
    const auto caller = http::Caller{.user_id = user, .email = {}};
    wrong += identity.directory().may_read(caller, "table", known.has);
    identity.groups().add_member({}, group, user, "group:" + group);
    changed.push_back(call(known));
  }
  std::cout << boost::json::serialize(boost::json::value{{"session_p50", percentile(by_session, .5)},
                                                         {"session_p99", percentile(by_session, .99)},
                                                         {"token_p50", percentile(by_token, .5)},
                                                         {"token_p99", percentile(by_token, .99)},
                                                         {"changed_p50", percentile(changed, .5)},
                                                         {"wrong", wrong}})
            << '\n';
  return 0;
} catch (const std::exception& error) {
  std::cerr << "bench_access: " << error.what() << '\n';
  return 1;
}
