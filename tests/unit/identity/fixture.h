#pragma once

#include <gtest/gtest.h>

#include "core/identity/identity.h"
#include "lib/base/error.h"
#include "lib/base/files.h"

namespace agnes::identity {

inline const Actor kNobody{"", "test", ""};

inline Settings settings() {
  Settings out;
  out.jwt_secret = "a-secret-of-more-than-thirty-two-characters";
  out.scheduler_token = "a-scheduler-token-of-more-than-32-characters";
  out.seed_admin_email = "root@example.com";
  return out;
}

inline ErrorKind kind_of(const std::function<void()>& work) {
  try {
    work();
  } catch (const Error& error) {
    return error.kind();
  }
  return ErrorKind::internal;
}

class AccessTest : public ::testing::Test {
 protected:
  AccessTest();
  std::string user_id(const std::string& email) {
    return access_.directory().read([&](const Tables& t) {
      const auto* user = t.user_by_email(email);
      return user != nullptr ? user->id : std::string();
    });
  }
  User add_user(const std::string& email) { return access_.users().create(kNobody, email, "Some One"); }
  std::string group_id(const std::string& name) {
    return access_.directory().read([&](const Tables& t) { return t.group_by_name(name)->id; });
  }
  void add_table(const std::string& id) {
    store_.write([&](state::Tx& tx) { tx.execute("INSERT INTO things (id) VALUES (?)", id); });
  }
  std::int64_t count(const std::string& sql) {
    return store_.read([&](state::Tx& tx) { return tx.scalar<std::int64_t>(sql).value_or(-1); });
  }
  std::optional<http::Caller> resolve(std::string_view token, std::string_view address = "10.0.0.1") {
    reason_.clear();
    return access_.tokens().resolve(token, address, reason_);
  }
  // What is in memory is what a new start would load.
  void expect_memory_is_database() {
    Directory fresh(store_);
    const auto dump = [](const Directory& directory) {
      return directory.read([](const Tables& t) {
        std::vector<std::string> out;
        for (const auto* u : t.users())
          out.push_back(fmt::format("{} {} {} {} {}", u->id, u->email, u->name.value_or("-"), u->active,
                                    u->has_password));
        for (const auto* g : t.groups()) {
          out.push_back(
              fmt::format("{} {} {} {}", g->id, g->name, g->description.value_or("-"), g->is_system));
          for (const auto* m : t.members_of(g->id))
            out.push_back(fmt::format(" {} {}", m->user_id, m->source));
        }
        for (const auto* g : t.grants())
          out.push_back(fmt::format("{} {} {}", g->id, g->group_id, g->resource_id));
        for (const auto* k : t.tokens())
          out.push_back(fmt::format("{} {} {}", k->id, k->name, k->revoked_at.has_value()));
        return out;
      });
    };
    EXPECT_EQ(dump(fresh), dump(access_.directory()));
  }

  TemporaryFolder folder_{fs::temp_directory_path()};
  state::Store store_{folder_.path() / "state"};
  Identity access_{store_, settings()};
  std::string reason_;
};

}  // namespace agnes::identity
