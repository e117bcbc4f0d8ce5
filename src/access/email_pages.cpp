#include "access/email_pages.h"

#include <fmt/format.h>

namespace agnes::access {

namespace {

constexpr std::string_view kPage = R"(<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{0} - Agnes</title>
<style>
  :root {{ color-scheme: light dark; }}
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 24rem; margin: 12vh auto; padding: 0 1rem; }}
  body.wide {{ max-width: 60rem; margin-top: 2rem; }}
  label {{ display: block; margin-top: 1rem; }}
  input {{ font: inherit; width: 100%; box-sizing: border-box; padding: .5rem; }}
  button {{ font: inherit; margin-top: 1.5rem; padding: .5rem 1.5rem; }}
  [role=alert] {{ color: light-dark(#a00, #f88); }}
  table {{ border-collapse: collapse; }}
  th, td {{ text-align: left; padding: .1rem 1rem .1rem 0; vertical-align: top; overflow-wrap: anywhere; }}
</style>
<h1>{0}</h1>
{1}</html>
)";

}  // namespace

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        out += c;
    }
  return out;
}

http::Response small_page(std::string_view title, std::string_view body, int status) {
  auto response = http::Response::html(fmt::format(kPage, title, body), status);
  response.header("Referrer-Policy", "no-referrer");
  response.header("Cache-Control", "no-store");
  response.header(
      "Content-Security-Policy",
      "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'; "
      "base-uri 'none'");
  return response;
}

http::Response message_page(std::string_view title, std::string_view message, int status) {
  return small_page(escape_html(title), fmt::format("<p>{}</p>\n", escape_html(message)), status);
}

}  // namespace agnes::access
