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

namespace {
// Once a command is enough.
void warn_of_plain_http(const std::string& server) {
  static std::once_flag once;
  std::call_once(once, [&] {
    note(
        "Warning: your token goes to {} unencrypted, and others on the way can read it: use an https address",
        escape_control(server));
  });
}

http_client::Options options_for(const std::string& server, const std::string& token) {
  http_client::Options options;
  options.server = server;
  options.token = token;
  options.user_agent = "agnes/" AGNES_VERSION " (linux)";
  options.cancelled = [] { return interrupted.load(); };
  if (!token.empty() && to_lower(trim(server)).starts_with("http://") &&
      !http_client::may_carry_secrets(to_lower(trim(server))))
    warn_of_plain_http(server);
  return options;
}

std::string configured_token() {
  const auto token = stored_token();
  return token ? token->text : "";
}

// Once a day is enough to hear of a newer version.
void mention_newer(std::string_view latest, const std::string& server) {
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
    note("Note: agnes " AGNES_VERSION
         " is older than the server ({}); for a newer one: curl -fsSL {}/cli/install.sh | bash",
         escape_control(latest), server);
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
        kUsage,
        fmt::format("agnes " AGNES_VERSION
                    " is too old for {}, which needs {} or newer: curl -fsSL {}/cli/install.sh | bash",
                    server, least ? escape_control(*least) : "a version", server));
  if (latest && is_older(AGNES_VERSION, *latest)) mention_newer(*latest, server);
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

std::string object_detail(const json::object& detail) {
  std::string out;
  for (const auto* key : {"message", "hint", "suggestion", "error"})
    if (const std::string text = plain(detail, key); !text.empty()) out += (out.empty() ? "" : "; ") + text;
  std::string fields;
  for (const auto& item : detail) {
    const std::string_view key = item.key();
    if (item.value().is_null() || key == "message" || key == "hint" || key == "suggestion" || key == "error")
      continue;
    std::string value = plain(item.value());
    if (value.empty()) value = "(empty)";
    fields += (fields.empty() ? "" : ", ") + std::string(key) + " " + value;
  }
  if (fields.empty()) return out;
  return out.empty() ? fields : out + " [" + fields + "]";
}

std::string detail_of(const Response& response) {
  json::value body;
  try {
    body = response.json();
  } catch (const Error&) {
    // As text, then.
  }
  if (!body.is_object()) {
    const std::string text = response.body.substr(0, 200);
    return text.empty() || text.starts_with('<') ? "" : text;
  }
  const auto& object = body.get_object();
  const auto* detail = object.if_contains("detail");
  if (detail == nullptr) return object_detail(object);
  if (detail->is_object()) return object_detail(detail->get_object());
  if (detail->is_array()) return field_errors(detail->get_array());
  return plain(*detail);
}
}  // namespace

Api::Api() : client_(options_for(server_url(), configured_token())) {}
Api::Api(const std::string& server, const std::string& token) : client_(options_for(server, token)) {}

Response Api::send(const http_client::Request& request) {
  Response response = client_.send(request);
  check_versions(response, server());
  if (response.status >= 300 && response.status < 400 && response.status != 304)
    throw Failure(
        1,
        fmt::format("{} sends callers on to {}: use that address (agnes init --server-url, or AGNES_SERVER)",
                    server(), escape_control(response.header("location").value_or("another place"))));
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
  std::string detail = escape_control(detail_of(response));
  while (detail.ends_with('.')) detail.pop_back();
  std::string out = detail.empty() ? "the server gave no reason" : detail;
  out += fmt::format(" (HTTP {})", response.status);
  if (response.status == 401)
    out += "; sign in again: agnes auth login, or agnes auth import-token --token -";
  if (response.status == 429)
    if (const auto after = response.header("retry-after"))
      out += fmt::format("; try again in {} s", escape_control(*after));
  return out;
}

void expect(const Response& response, std::initializer_list<int> expected, std::string_view what,
            int exit_code) {
  for (const int status : expected)
    if (response.status == status) return;
  throw Failure(exit_code, fmt::format("cannot {}: {}", what, refusal(response)));
}

json::value fetch(Api& api, const std::string& path, std::string_view what, const Params& params) {
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
