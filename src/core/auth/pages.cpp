#include "core/auth/pages.h"

#include <fmt/format.h>

#include "lib/base/html.h"
#include "lib/base/text.h"

namespace agnes::auth {

namespace {

constexpr std::string_view kPage = R"(<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{0} - Agnes</title>
<style>
  :root {{ color-scheme: light; --ground: #f3f5f4; --card: #fff; --line: #c9d1ce; --text: #17211e; --quiet: #56635f;
    --accent: #0b6b57; --on-accent: #fff; --bad: #a3160f; --bad-ground: #fdeceb; --good-ground: #e6f3ef; }}
  @media (prefers-color-scheme: dark) {{
    :root {{ color-scheme: dark; --ground: #101615; --card: #19211f; --line: #3a4744; --text: #e6edea; --quiet: #9fb0aa;
      --accent: #58c9ac; --on-accent: #06231c; --bad: #ffb4ad; --bad-ground: #3b1715; --good-ground: #12322a; }}
  }}
  * {{ box-sizing: border-box; }}
  body {{ margin: 0; min-height: 100vh; padding: 1.5rem 1rem; background: var(--ground); color: var(--text);
    font: 1rem/1.5 system-ui, sans-serif; }}
  main {{ max-width: 25rem; margin: 6vh auto; padding: 2rem; background: var(--card); border: 1px solid var(--line);
    border-radius: .75rem; overflow-wrap: anywhere; }}
  main:has(table) {{ max-width: 64rem; margin-top: 0; }}
  h1 {{ margin: 0 0 1rem; font-size: 1.5rem; line-height: 1.2; }}
  h2 {{ margin: 1.75rem 0 .5rem; font-size: 1.05rem; }}
  p {{ margin: .75rem 0; }}
  .quiet, summary {{ color: var(--quiet); }}
  a {{ color: var(--accent); }}
  label {{ display: block; margin: 1rem 0; }}
  input {{ display: block; width: 100%; margin-top: .25rem; padding: .6rem .7rem; font: inherit; color: inherit;
    background: var(--ground); border: 1px solid var(--line); border-radius: .4rem; }}
  button, .button {{ display: block; width: 100%; margin: 1rem 0; padding: .65rem 1rem; font: inherit; font-weight: 600;
    text-align: center; text-decoration: none; color: var(--on-accent); background: var(--accent);
    border: 1px solid var(--accent); border-radius: .4rem; cursor: pointer; }}
  .second {{ color: var(--accent); background: none; }}
  :focus-visible {{ outline: 3px solid var(--accent); outline-offset: 2px; }}
  .code {{ font: 600 1.75rem/1.5 ui-monospace, monospace; letter-spacing: .1em; text-align: center; }}
  .or {{ display: flex; gap: 1rem; align-items: center; color: var(--quiet); }}
  .or::before, .or::after {{ content: ""; flex: 1; border-top: 1px solid var(--line); }}
  details {{ margin-top: 1rem; border-top: 1px solid var(--line); padding-top: 1rem; }}
  summary {{ cursor: pointer; }}
  [role=alert], [role=status] {{ padding: .6rem .8rem; border-radius: .4rem; background: var(--good-ground); }}
  [role=alert] {{ color: var(--bad); background: var(--bad-ground); }}
  table {{ border-collapse: collapse; }}
  th, td {{ text-align: left; padding: .1rem 1rem .1rem 0; vertical-align: top; }}
  @media (max-width: 30rem) {{
    body {{ padding: 0; background: var(--card); }}
    main {{ margin: 0; padding: 1.5rem 1.25rem; border: 0; }}
  }}
</style>
</head>
<body>
<main>
<h1>{0}</h1>
{1}</main>
</body>
</html>
)";

}  // namespace

http::Response small_page(std::string_view title, std::string_view body, int status) {
  auto response = http::Response::html(fmt::format(kPage, title, body), status);
  // To this server itself: browsers leave the origin out of a form's request otherwise, by which it is told
  // from another site's.
  response.header("Referrer-Policy", "same-origin");
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

std::string alert_line(std::string_view text) {
  return text.empty() ? "" : fmt::format("<p role=\"alert\">{}</p>\n", escape_html(text));
}

std::string status_line(std::string_view text) {
  return text.empty() ? "" : fmt::format("<p role=\"status\">{}</p>\n", escape_html(text));
}

}  // namespace agnes::auth
