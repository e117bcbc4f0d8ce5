#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace agnes::auth {

// Codes by which a program on somebody's machine gets the session that they have allowed in a browser. A code is good for the
// program alone that began: it has to show what its challenge was made of (PKCE with S256, RFC 7636). So whoever reads the
// code on its way, or guesses it, gets nothing. In memory: they are over when the server ends. Thread-safe.
class CliCodes {
 public:
  static constexpr std::int64_t kLifetime = 300;  // seconds

  // Who allowed it: the code is worth no more than their session.
  struct Allowed {
    std::string user_id;
    std::string session;  // the token; empty in LOCAL_DEV_MODE
  };
  // A code ("BCDF-GHJK") for the program that made `challenge`. Nothing when too many are open, or when somebody else has
  // one for the same challenge.
  std::optional<std::string> make(const std::string& challenge, Allowed by, std::int64_t now_seconds);
  // Who allowed it. Works once; five wrong codes for one challenge end it, too. Letters in any case, without
  // the dash just as well.
  std::optional<Allowed> use(std::string_view code, std::string_view verifier, std::int64_t now_seconds);

 private:
  struct Open {
    std::string code;
    Allowed by;
    std::int64_t expires = 0;
    int tries = 0;
  };
  std::mutex mutex_;
  std::map<std::string, Open, std::less<>> open_;  // by challenge
};

}  // namespace agnes::auth
