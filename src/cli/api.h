#pragma once

#include <string>
#include <string_view>

#include <boost/json/value.hpp>

#include "cli/command.h"
#include "contract/read.h"
#include "lib/http_client/client.h"

namespace agnes::cli {

using http_client::Params;
using http_client::Response;

// Set by Ctrl-C; requests and downloads end soon after.
extern std::atomic<bool> interrupted;

// Says so, once, when `secret` ("token") is about to go to another machine unencrypted.
void warn_of_plain_http(const std::string& server, std::string_view secret);

// The configured server, or another one, as the signed-in user. After every answer the versions that the
// server names in its headers are looked at: a server that needs a newer client ends the command
// (usage), a newer server is mentioned on standard error once a day.
class Api {
 public:
  Api();
  Api(const std::string& server, const std::string& token);

  Response send(const http_client::Request& request);
  Response get(const std::string& path, const Params& params = {},
               std::chrono::seconds timeout = std::chrono::seconds(30));
  Response post(const std::string& path, const boost::json::value& body,
                std::chrono::seconds timeout = std::chrono::seconds(30));
  Response post(const std::string& path);  // without a body
  Response put(const std::string& path, const boost::json::value& body);
  Response del(const std::string& path);

  http_client::Client& client() { return client_; }
  const std::string& server() const { return client_.server(); }

 private:
  http_client::Client client_;
  bool named_ = true;  // false: nobody named a server, and it is the one that the contract falls back to
};

// Whether an administrator closed the caller's account: signing in again does not help then.
bool is_deactivated(const Response& response);
// Why the server refused, and what to do, in one line for people: "the group exists already (HTTP 409)". The
// structured answers of the contract (`kind`, `reason`, lists of invalid fields) are told field by field.
std::string refusal(const Response& response);
// "cannot `what`: ...", with the cause that the status stands for.
Failure refused(const Response& response, std::string_view what);
// Throws that unless the status is one of `expected`.
void expect(const Response& response, std::initializer_list<int> expected, std::string_view what);
// The answer of a GET that must succeed.
boost::json::value fetch_json(Api& api, const std::string& path, std::string_view what,
                              const Params& params = {});
template <class T>
T fetch(Api& api, const std::string& path, std::string_view what, const Params& params = {}) {
  return contract::read<T>(fetch_json(api, path, what, params));
}

// Whether version `a` is older than `b` ("0.9.1" < "0.10.0", "1.0.0rc1" < "1.0.0"); false when one makes no
// sense.
bool is_older(std::string_view a, std::string_view b);

}  // namespace agnes::cli
