#include <boost/json/parse.hpp>

#include "core/auth/pages.h"
#include "core/auth/routes.h"
#include "lib/base/html.h"
#include "lib/base/text.h"

namespace agnes::auth {

namespace {

std::string_view title_of(int status) {
  if (status == 401) return "Sign in first";
  if (status == 403) return "This is not for you to see";
  if (status == 404) return "There is no such page";
  if (status == 429) return "Too many requests";
  return status >= 500 ? "Something went wrong" : "This cannot be done";
}

// What the answer says of itself, as HTML.
std::string reason_of(const http::Response& response, const http::Request& request) {
  if (response.status == 404) return "";
  boost::system::error_code error;
  const auto answer = boost::json::parse(std::get<std::string>(response.body), error);
  const auto* detail = error || !answer.is_object() ? nullptr : answer.get_object().if_contains("detail");
  std::string out;
  if (detail != nullptr && detail->is_string())
    out = fmt::format("<p>{}</p>\n", escape_html(detail->get_string()));
  if (response.status >= 500)
    out += fmt::format("<p>An administrator finds it in the log by the request {}.</p>\n",
                       escape_html(request.id()));
  return out;
}

void show_as_page(const http::Request& request, http::Response& response) {
  const std::string& path = request.path();
  if (response.status < 400 || path == "/api" || path.starts_with("/api/") || !request.wants_html()) return;
  const auto* type = response.find_header("Content-Type");
  if (type == nullptr || *type != "application/json" || !std::holds_alternative<std::string>(response.body))
    return;
  const std::string_view link =
      response.status == 401 ? R"(<a href="/login">Sign in</a>)" : R"(<a href="/">To the start page</a>)";
  auto page = small_page(title_of(response.status),
                         fmt::format("{}<p>{}</p>\n", reason_of(response, request), link), response.status);
  // What the answer had besides (Retry-After, cookies) stays.
  for (const auto& [name, value] : page.headers) response.header(name, value);
  response.header("Vary", "Accept");
  response.body = std::move(page.body);
}

}  // namespace

void add_error_pages(http::Routes& routes) {
  routes.on_response(show_as_page);
}

}  // namespace agnes::auth
