#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "lib/duck/database.h"
#include "lib/http/caller.h"

namespace agnes::identity {

// Who changes something, for the audit log and the columns that say who did it.
struct Actor {
  std::string id;  // empty: the server itself
  std::string email;
  std::string address;  // where the request came from; empty when there was none

  static Actor of(const http::Caller& caller, std::string_view address) {
    return {caller.user_id, caller.email, std::string(address)};
  }
};

// An entry of the audit log by `actor`; their address is added to `params` as "ip".
void record(duck::Connection& connection, const Actor& actor, std::string action, std::string resource,
            boost::json::object params = {}, std::string result = "");

}  // namespace agnes::identity
