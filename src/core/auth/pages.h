#pragma once

#include <string>
#include <string_view>

#include "lib/http/response.h"

// Small pages that work without the web app and without scripts.
namespace agnes::auth {

// A page whose address may hold a secret: it is kept by nobody and told to no other site. `title` and `body`
// are HTML.
http::Response small_page(std::string_view title, std::string_view body, int status = 200);

// A page that says one thing. `title` and `message` are texts.
http::Response message_page(std::string_view title, std::string_view message, int status = 200);

// Lines to stand above a form, as HTML: what went wrong, and what went well. "" for no text.
std::string alert_line(std::string_view text);
std::string status_line(std::string_view text);

}  // namespace agnes::auth
