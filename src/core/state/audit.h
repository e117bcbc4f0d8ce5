#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "core/state/tx.h"
#include "lib/http/caller.h"

// The audit log: who did what to what, with which outcome. It is written here and nowhere else, and only people read
// it: what the server decides never depends on a row of it, so that an operator may delete old ones.
namespace agnes::state {

// Who does something, for the audit log and the columns that say who did it.
struct Actor {
  std::string id = {};  // empty: the server itself, or a caller who is not known
  std::string email = {};
  std::string address = {};  // where the request came from; empty when there was none

  static Actor of(const http::Caller& caller, std::string_view address = {}) {
    return {caller.user_id, caller.email, std::string(address)};
  }
};

// Adds an entry with the current time within the caller's transaction. `action` is "user.create", `resource`
// "user:<id>" (empty: none), `result` the outcome where there are several (empty: none). The actor's address is added
// to `params` as "ip". Never put a secret into `params`.
void record(Tx& tx, const Actor& actor, std::string_view action, std::string_view resource,
            boost::json::object params = {}, std::string_view result = "");

// JSON text with ", " and ": " and everything beyond ASCII escaped: the form in which existing databases hold
// JSON.
std::string json_text(const boost::json::value& value);

}  // namespace agnes::state
