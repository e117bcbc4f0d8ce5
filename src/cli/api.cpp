#include "cli/api.h"

#include <boost/json/parse.hpp>

#include "cli/config.h"
#include "cli/json_text.h"
#include "cli/output.h"
#include "lib/base/env.h"
#include "lib/base/files.h"
#include "lib/base/text.h"
#include "lib/base/time.h"
#include "lib/http_client/call.h"

namespace agnes::cli {

namespace json = boost::json;

std::atomic<bool> interrupted = false;

void warn_of_plain_http(const std::string& server, std::string_view secret) {
  const std::string address = to_lower(trim(server));
  if (!address.starts_with("http://") || http_client::may_carry_secrets(address)) return;
  static std::once_flag once;  // a command
  std::call_once(once, [&] {
    note("Warning: your {} goes to {} unencrypted, and others on the way can read it: use an https address",
         secret, escape_control(server));
  });
}

namespace {

http_client::Options options_for(const std::string& server, const std::string& token) {
  http_client::Options options;
  options.server = server;
  options.token = token;
  options.max_values = 1'000'000;
  options.user_agent = "agnes/" AGNES_VERSION " (linux)";
  options.cancelled = [] { return interrupted.load(); };
  if (!token.empty()) warn_of_plain_http(server, "token");
  return options;
}

std::string configured_token() {
  const auto token = stored_token();
  return token ? token->text : "";
}

// Once a day is enough to hear of a newer version.
void mention_newer(std::string_view latest) {
  if (is_truthy(env_or("AGNES_NO_UPDATE_CHECK", ""))) return;
  try {
    const fs::path memory = config_folder() / "update_check.json";
    const std::int64_t today = seconds(now()) / 86400;
    if (const auto text = read_file(memory)) {
      boost::system::error_code error;
      const auto said = json::parse(*text, error);
      if (!error && said.is_object() && plain(said.get_object(), "latest") == latest &&
          plain(said.get_object(), "mentioned_on_day") == std::to_string(today))
        return;
    }
    note("Note: agnes " AGNES_VERSION " is older than the server's ({}); agnes self-upgrade gets that",
         escape_control(latest));
    replace_file(memory, pretty(json::object{{"latest", latest}, {"mentioned_on_day", today}}) + "\n", 0600);
  } catch (const Error&) {
    // A hint is not worth failing for.
  }
}

void check_versions(const Response& response, const std::string& server) {
  // The update itself must be able to talk to a server that is too new.
  if (env_or("AGNES_SELF_UPGRADE_IN_PROGRESS", "") == "1") return;
  const auto least = response.header("x-agnes-min-version"),
             latest = response.header("x-agnes-latest-version");
  if ((least && is_older(AGNES_VERSION, *least)) || response.status == 426)
    throw Failure(
        Cause::usage,
        fmt::format("agnes " AGNES_VERSION
                    " is too old for {}, which needs {} or newer; curl -fsSL {}/cli/install.sh | bash",
                    server, least ? escape_control(*least) : "a version", server));
  if (latest && is_older(AGNES_VERSION, *latest)) mention_newer(*latest);
}

std::string field_errors(const json::array& list) {
  std::vector<std::string> parts;
  for (const auto& item : list) {
    if (!item.is_object()) {
      parts.push_back(plain(item));
      continue;
    }
    const auto& error = item.get_object();
    std::vector<std::string> place;
    if (const auto* loc = error.if_contains("loc"); loc != nullptr && loc->is_array())
      for (const auto& step : loc->get_array())
        if (!(place.empty() && plain(step) == "body")) place.push_back(plain(step));
    parts.push_back((place.empty() ? "" : join(place, ".") + ": ") + plain(error, "msg"));
  }
  return join(parts, "; ");
}

// What a server says of a refusal: why, and what to do where it says so.
struct Refusal {
  std::string why, hint;
};

Refusal object_detail(const json::object& detail) {
  Refusal out;
  const auto add = [](std::string& text, std::string_view separator, const std::string& more) {
    if (!more.empty()) text += (text.empty() ? "" : std::string(separator)) + more;
  };
  for (const auto* key : {"message", "error"}) add(out.why, "; ", plain(detail, key));
  for (const auto* key : {"hint", "suggestion"}) add(out.hint, "; ", plain(detail, key));
  std::string fields;
  for (const auto& item : detail) {
    const std::string_view key = item.key();
    if (item.value().is_null() || key == "message" || key == "hint" || key == "suggestion" || key == "error")
      continue;
    const std::string value = plain(item.value());
    add(fields, ", ", std::string(key) + " " + (value.empty() ? "(empty)" : value));
  }
  if (!fields.empty()) out.why = out.why.empty() ? fields : out.why + " [" + fields + "]";
  return out;
}

Refusal detail_of(const Response& response) {
  json::value body;
  try {
    body = response.json();
  } catch (const Error&) {
    // As text, then.
  }
  if (!body.is_object()) {
    const std::string text = response.body.substr(0, 200);
    return {text.starts_with('<') ? "" : text, ""};
  }
  const auto& object = body.get_object();
  const auto* detail = object.if_contains("detail");
  if (detail == nullptr) return object_detail(object);
  if (detail->is_object()) return object_detail(detail->get_object());
  if (detail->is_array()) return {field_errors(detail->get_array()), ""};
  // "why; what to do next", as all messages here are.
  const std::string text = plain(*detail);
  const auto at = text.rfind("; ");
  if (at == text.npos) return {text, ""};
  return {text.substr(0, at), text.substr(at + 2)};
}

// A page for people where Agnes has an answer for programs. A gateway's pages are no sign of that: Agnes may be behind it.
bool is_page(const Response& response) {
  return response.header("content-type").value_or("").starts_with("text/html") &&
         (response.ok() || response.status == 404 || response.status == 405);
}

Refusal refusal_of(const Response& response) {
  Refusal out = detail_of(response);
  out.why = escape_control(out.why);
  out.hint = escape_control(out.hint);
  for (auto* text : {&out.why, &out.hint})
    while (text->ends_with('.')) text->pop_back();
  const bool silent = out.why.empty();
  const bool deactivated = is_deactivated(response);
  if (response.status == 401 && out.why == "Missing or invalid Authorization header") {
    out.why = "not signed in";
    out.hint = "agnes auth login";
  } else if (deactivated) {
    out.hint = "ask an administrator";
  } else if (response.status == 403 && out.why.find("sign in first") != out.why.npos) {
    out.hint = "agnes auth login";
  }
  out.why = fmt::format("{} (HTTP {})", silent ? "the server gave no reason" : out.why, response.status);
  if (!out.hint.empty() && (response.status == 401 || response.status == 403)) return out;
  if (response.status == 401)
    out.hint = env("AGNES_TOKEN") ? "AGNES_TOKEN holds that token: correct it, or unset it"
                                  : "sign in again: agnes auth login, or agnes auth import-token --token -";
  else if (const auto after = response.header("retry-after"); response.status == 429 && after)
    out.hint = fmt::format("try again in {} s", escape_control(*after));
  else if (!out.hint.empty())
    return out;
  else if (response.status == 403)
    out.hint = "an administrator can change that";
  else if (response.status >= 500)
    out.hint = "try again; if it stays so, tell its administrator";
  return out;
}
}  // namespace

bool is_deactivated(const Response& response) {
  return response.status == 401 && detail_of(response).why == "Account deactivated";
}

Api::Api() : client_(options_for(server_url(), configured_token())), named_(has_server()) {}
Api::Api(const std::string& server, const std::string& token) : client_(options_for(server, token)) {}

Response Api::send(const http_client::Request& request) {
  Response response;
  try {
    // A server that sends a byte now and then holds nobody's session for ever.
    auto bounded = request;
    if (bounded.time_limit.count() == 0) bounded.time_limit = 4 * request.timeout;
    response = client_.send(bounded);
  } catch (const http_client::TransportError&) {
    if (named_) throw;
    throw Failure(Cause::failed, fmt::format("no server is set up, and none answers at {}", server()),
                  "agnes init --server-url URL");
  }
  check_versions(response, server());
  if (is_page(response))
    throw Failure(Cause::server_fault, server() + " answers, but not as an Agnes server",
                  "check its address: agnes auth login --server URL");
  if (response.status >= 300 && response.status < 400 && response.status != 304)
    throw Failure(Cause::server_fault,
                  fmt::format("{} sends callers on to {}", server(),
                              escape_control(response.header("location").value_or("another place"))),
                  "use that address: agnes init --server-url, or AGNES_SERVER");
  return response;
}
Response Api::get(const std::string& path, const Params& params, std::chrono::seconds timeout) {
  http_client::Request request{
      .method = "GET", .path = http_client::with_params(path, params), .headers = {}, .body = {}};
  request.timeout = timeout;
  return send(request);
}
namespace {
http_client::Request with_body(const char* method, const std::string& path, const json::value& body) {
  return {.method = method,
          .path = path,
          .headers = {{"Content-Type", "application/json"}},
          .body = compact(body)};
}
}  // namespace
Response Api::post(const std::string& path, const json::value& body, std::chrono::seconds timeout) {
  auto request = with_body("POST", path, body);
  request.timeout = timeout;
  return send(request);
}
Response Api::post(const std::string& path) {
  return send({.method = "POST", .path = path, .headers = {}, .body = {}});
}
Response Api::put(const std::string& path, const json::value& body) {
  return send(with_body("PUT", path, body));
}
Response Api::del(const std::string& path) {
  return send({.method = "DELETE", .path = path, .headers = {}, .body = {}});
}

std::string refusal(const Response& response) {
  const Refusal said = refusal_of(response);
  return said.hint.empty() ? said.why : said.why + "; " + said.hint;
}

Failure refused(const Response& response, std::string_view what) {
  // An Agnes server says what it has not got. Here that is an error; pull goes on without what is optional.
  if (response.status == 404 && detail_of(response).why.empty())
    return {Cause::server_fault,
            fmt::format("cannot {}: the server answers, but not as an Agnes server (HTTP 404)", what),
            "check its address: agnes auth whoami shows it"};
  const Refusal said = refusal_of(response);
  return {cause_of_status(response.status), fmt::format("cannot {}: {}", what, said.why), said.hint};
}

void expect(const Response& response, std::initializer_list<int> expected, std::string_view what) {
  if (std::find(expected.begin(), expected.end(), response.status) == expected.end())
    throw refused(response, what);
}

json::value fetch_json(Api& api, const std::string& path, std::string_view what, const Params& params) {
  const Response response = api.get(path, params);
  expect(response, {200}, what);
  return response.json();
}

bool is_older(std::string_view a, std::string_view b) {
  // The numbers of a release, and whether it is a preview ("1.0.0rc1", "1.0.0-beta"), which comes before it.
  struct Version {
    std::vector<std::int64_t> numbers;
    bool preview = false;
  };
  const auto read = [](std::string_view text) -> std::optional<Version> {
    if (text.starts_with('v')) text.remove_prefix(1);
    text = text.substr(0, text.find('+'));
    Version version;
    while (!text.empty()) {
      std::size_t digits = 0;
      while (digits < text.size() && text[digits] >= '0' && text[digits] <= '9') ++digits;
      const auto number = parse_int(text.substr(0, digits));
      if (!number) return std::nullopt;
      version.numbers.push_back(*number);
      text.remove_prefix(digits);
      if (text.starts_with(".post") || text.empty()) break;
      if (text.front() == '.' && text.size() > 1 && text[1] >= '0' && text[1] <= '9') {
        text.remove_prefix(1);
        continue;
      }
      version.preview = true;
      break;
    }
    if (version.numbers.empty()) return std::nullopt;
    while (version.numbers.size() > 1 && version.numbers.back() == 0) version.numbers.pop_back();
    return version;
  };
  const auto x = read(a), y = read(b);
  if (!x || !y) return false;
  if (x->numbers != y->numbers) return x->numbers < y->numbers;
  return x->preview && !y->preview;
}

}  // namespace agnes::cli
