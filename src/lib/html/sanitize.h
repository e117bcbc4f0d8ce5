#pragma once

#include <string>
#include <string_view>

namespace agnes::html {

// HTML that somebody wrote, made safe to show to others: known elements and attributes stay, in well-formed order, all
// else goes. What comes out is either text, escaped, or a tag that was written here, so nothing that this reader and a browser
// understand differently can get through.
//
// - Elements that are not known go, their content stays; of script, style and iframe the content goes, too.
// - Addresses (href, src) are http, https, mailto or within the site. Links get rel="noopener noreferrer".
// - An iframe stays when it shows a video of YouTube, Vimeo or Loom. One that has no end takes the rest with it.
// - Comments, event handlers and `style` go.
//
// Takes time in proportion to the text; elements that are nested more than 100 deep go.
std::string sanitize(std::string_view html);

// The text of sanitized HTML in one line, at most `most` characters, with "…" at its end when it is longer.
std::string plain_text(std::string_view html, std::size_t most);

}  // namespace agnes::html
