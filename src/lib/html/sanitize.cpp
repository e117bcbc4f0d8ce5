#include "lib/html/sanitize.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <optional>
#include <vector>

#include "lib/base/text.h"

namespace agnes::html {

namespace {

constexpr std::size_t kDeepest = 100, kMostAttributes = 64;

constexpr std::array<std::string_view, 43> kElements{
    "p",      "br",    "hr",         "h1",     "h2",  "h3",      "h4",      "h5",      "h6",
    "ul",     "ol",    "li",         "strong", "em",  "b",       "i",       "u",       "s",
    "code",   "pre",   "blockquote", "a",      "img", "span",    "div",     "section", "table",
    "thead",  "tbody", "tr",         "th",     "td",  "details", "summary", "figure",  "figcaption",
    "iframe", "sub",   "sup",        "small",  "dl",  "dt",      "dd"};
constexpr std::array<std::string_view, 16> kWithClass{"span",  "div", "section", "p",          "h1",
                                                      "h2",    "h3",  "h4",      "h5",         "h6",
                                                      "table", "td",  "th",      "blockquote", "a"};
// These end a paragraph that is open.
constexpr std::array<std::string_view, 19> kBlocks{
    "p",   "hr",  "h1",      "h2",    "h3", "h4",      "h5",         "h6",     "ul",        "ol",
    "pre", "div", "section", "table", "dl", "details", "blockquote", "figure", "figcaption"};
// The starts of the addresses that an iframe may show.
constexpr std::array<std::string_view, 7> kVideos{"https://www.youtube.com/embed/",
                                                  "https://youtube.com/embed/",
                                                  "https://www.youtube-nocookie.com/embed/",
                                                  "https://youtube-nocookie.com/embed/",
                                                  "https://player.vimeo.com/video/",
                                                  "https://www.loom.com/embed/",
                                                  "https://www.loom.com/share/"};

template <std::size_t N>
bool is_one_of(std::string_view name, const std::array<std::string_view, N>& names) {
  return !name.empty() && std::find(names.begin(), names.end(), name) != names.end();
}

bool is_void(std::string_view name) {
  return name == "br" || name == "hr" || name == "img";
}

bool is_allowed(std::string_view element, std::string_view attribute) {
  if (attribute == "class") return is_one_of(element, kWithClass);
  if (element == "a") return attribute == "href" || attribute == "title" || attribute == "target";
  if (element == "img")
    return attribute == "src" || attribute == "alt" || attribute == "width" || attribute == "height";
  if (element == "iframe")
    return attribute == "src" || attribute == "title" || attribute == "width" || attribute == "height" ||
           attribute == "allowfullscreen" || attribute == "frameborder";
  return false;
}

// What is behind the beginning of an address does not lead away from there.
bool stays_there(std::string_view rest) {
  const std::string lower = to_lower(rest);
  return lower.find("..") == lower.npos && lower.find("%2e") == lower.npos && lower.find('\\') == lower.npos;
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

void append_utf8(std::string& out, std::uint32_t c) {
  if (c == 0 || c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) c = 0xFFFD;
  if (c < 0x80) {
    out += static_cast<char>(c);
    return;
  }
  const int more = c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
  out += static_cast<char>((more == 1 ? 0xC0 : more == 2 ? 0xE0 : 0xF0) | (c >> (6 * more)));
  for (int i = more - 1; i >= 0; --i) out += static_cast<char>(0x80 | ((c >> (6 * i)) & 0x3F));
}

// A reference (&amp; &#65; &#x41;) at the beginning of `text`.
struct Reference {
  std::size_t size = 0;             // 0: there is none
  std::optional<std::string> text;  // what it stands for, when that is known here
};
Reference reference_at(std::string_view text) {
  static constexpr std::pair<std::string_view, std::string_view> kNamed[] = {
      {"amp", "&"}, {"lt", "<"}, {"gt", ">"}, {"quot", "\""}, {"apos", "'"}, {"nbsp", "\u00a0"}};
  if (text.size() < 3 || text[0] != '&') return {};
  std::size_t end = 1;
  if (text[1] == '#') {
    const bool hex = text.size() > 2 && (text[2] == 'x' || text[2] == 'X');
    const std::size_t first = end = hex ? 3 : 2;
    std::uint32_t number = 0;
    for (; end < text.size() && std::isxdigit(static_cast<unsigned char>(text[end])) != 0; ++end) {
      if (!hex && std::isdigit(static_cast<unsigned char>(text[end])) == 0) break;
      const char c = text[end];
      const auto digit = static_cast<std::uint32_t>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
      number = number > 0x10FFFF ? number : number * (hex ? 16 : 10) + digit;
    }
    if (end == first) return {};
    std::string out;
    append_utf8(out, number);
    return {end + (end < text.size() && text[end] == ';' ? 1u : 0u), std::move(out)};
  }
  while (end < text.size() && end < 40 && std::isalnum(static_cast<unsigned char>(text[end])) != 0) ++end;
  if (end == 1 || end == text.size() || text[end] != ';') return {};
  for (const auto& [name, meaning] : kNamed)
    if (text.substr(1, end - 1) == name) return {end + 1, std::string(meaning)};
  return {end + 1, std::nullopt};
}

// With the references that are known here read; the others stand as they are.
std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Reference found = text[at] == '&' ? reference_at(text.substr(at)) : Reference{};
    if (found.size > 0 && found.text)
      out += *found.text;
    else
      out.append(text.substr(at, std::max<std::size_t>(found.size, 1)));
    at += std::max<std::size_t>(found.size, 1);
  }
  return out;
}

enum class Place { text, attribute, address };

// Safe as text, or between double quotes. References of any name stay, but in addresses: a browser must read none there
// that was not read here.
void append_escaped(std::string& out, std::string_view text, Place place) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '&') {
      const auto size = place == Place::address ? 0 : reference_at(text.substr(at)).size;
      if (size > 0 && text[at + size - 1] == ';') {
        out.append(text.substr(at, size));
        at += size - 1;
      } else {
        out += "&amp;";
      }
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"' && place != Place::text) {
      out += "&quot;";
    } else if (c != '\0') {
      out += c;
    }
  }
}

// An address as a browser reads it, when it leads where it may; nothing otherwise.
std::optional<std::string> safe_address(std::string_view raw) {
  const std::string text = decoded(raw);
  std::string_view address = text;
  // Browsers drop these at the edges, and line breaks and tabs everywhere.
  while (!address.empty() && static_cast<unsigned char>(address.front()) <= ' ') address.remove_prefix(1);
  while (!address.empty() && static_cast<unsigned char>(address.back()) <= ' ') address.remove_suffix(1);
  if (std::any_of(address.begin(), address.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }))
    return std::nullopt;
  const auto colon = address.find(':');
  if (colon != std::string_view::npos && colon < address.find_first_of("/?#")) {
    const std::string scheme = to_lower(address.substr(0, colon));
    if (scheme != "http" && scheme != "https" && scheme != "mailto") return std::nullopt;
  }
  return std::string(address);
}

struct Tag {
  std::string name;
  bool closing = false;
  std::vector<std::pair<std::string, std::string>> attributes = {};  // as written
};

class Sanitizer {
 public:
  explicit Sanitizer(std::string_view html) : html_(html) {}

  std::string run() {
    while (at_ < html_.size()) {
      const auto open = html_.find('<', at_);
      add_text(html_.substr(at_, open == std::string_view::npos ? open : open - at_));
      if (open == std::string_view::npos) break;
      at_ = open;
      read_markup();
    }
    while (!open_.empty()) close();
    return std::move(out_);
  }

 private:
  void add_text(std::string_view text) { append_escaped(out_, text, Place::text); }

  // At a '<'.
  void read_markup() {
    const auto rest = html_.substr(at_);
    if (rest.starts_with("<!--")) return skip_comment();
    const bool closing = rest.starts_with("</");
    const std::size_t first = closing ? 2 : 1;
    if (rest.size() > first && is_letter(rest[first])) return read_tag(closing);
    // <!doctype>, <?xml>, </ > and the like are comments to a browser.
    if (rest.starts_with("<!") || rest.starts_with("<?") || closing) {
      const auto end = rest.find('>');
      at_ = end == std::string_view::npos ? html_.size() : at_ + end + 1;
      return;
    }
    out_ += "&lt;";
    ++at_;
  }

  void skip_comment() {
    const auto rest = html_.substr(at_);
    // To a browser these are whole.
    for (const std::string_view whole : {"<!-->", "<!--->"})
      if (rest.starts_with(whole)) {
        at_ += whole.size();
        return;
      }
    for (auto end = rest.find("--", 4); end != std::string_view::npos; end = rest.find("--", end + 1))
      for (const std::string_view last : {"-->", "--!>"})
        if (rest.substr(end).starts_with(last)) {
          at_ += end + last.size();
          return;
        }
    at_ = html_.size();
  }

  void read_tag(bool closing) {
    Tag tag{.name = {}, .closing = closing};
    at_ += closing ? 2 : 1;
    const auto begin = at_;
    while (at_ < html_.size() && !is_space(html_[at_]) && html_[at_] != '/' && html_[at_] != '>') ++at_;
    tag.name = to_lower(html_.substr(begin, at_ - begin));
    // A tag without an end is dropped with what would have been in it, as browsers do.
    if (!read_attributes(tag)) return;
    if (closing) return add_end(tag.name);
    if (tag.name == "iframe")
      add_iframe(tag);
    else if (tag.name == "script" || tag.name == "style")
      skip_content(tag.name);
    else if (is_one_of(tag.name, kElements))
      add_start(tag);
  }

  bool read_attributes(Tag& tag) {
    while (true) {
      while (at_ < html_.size() && (is_space(html_[at_]) || html_[at_] == '/')) ++at_;
      if (at_ >= html_.size()) return false;
      if (html_[at_] == '>') {
        ++at_;
        return true;
      }
      const auto begin = at_++;
      while (at_ < html_.size() && !is_space(html_[at_]) &&
             std::string_view("/>=").find(html_[at_]) == std::string_view::npos)
        ++at_;
      std::string name = to_lower(html_.substr(begin, at_ - begin));
      while (at_ < html_.size() && is_space(html_[at_])) ++at_;
      std::string value;
      if (at_ < html_.size() && html_[at_] == '=') {
        ++at_;
        if (!read_value(value)) return false;
      }
      const bool known = std::any_of(tag.attributes.begin(), tag.attributes.end(),
                                     [&](const auto& one) { return one.first == name; });
      if (!known && tag.attributes.size() < kMostAttributes)
        tag.attributes.emplace_back(std::move(name), std::move(value));
    }
  }

  bool read_value(std::string& value) {
    while (at_ < html_.size() && is_space(html_[at_])) ++at_;
    if (at_ >= html_.size()) return false;
    const char quote = html_[at_];
    if (quote == '"' || quote == '\'') {
      const auto end = html_.find(quote, at_ + 1);
      if (end == std::string_view::npos) {
        at_ = html_.size();
        return false;
      }
      value = html_.substr(at_ + 1, end - at_ - 1);
      at_ = end + 1;
      return true;
    }
    const auto begin = at_;
    while (at_ < html_.size() && !is_space(html_[at_]) && html_[at_] != '>') ++at_;
    value = html_.substr(begin, at_ - begin);
    return at_ < html_.size();
  }

  // To behind the end tag of the name; all the rest when there is none.
  void skip_content(std::string_view name) {
    for (auto from = html_.find("</", at_); from != std::string_view::npos;
         from = html_.find("</", from + 2)) {
      const auto rest = html_.substr(from + 2);
      if (rest.size() <= name.size() || !iequals(rest.substr(0, name.size()), name)) continue;
      const char after = rest[name.size()];
      if (!is_space(after) && after != '/' && after != '>') continue;
      const auto end = html_.find('>', from);
      at_ = end == std::string_view::npos ? html_.size() : end + 1;
      return;
    }
    at_ = html_.size();
  }

  void add_iframe(const Tag& tag) {
    std::string src;
    for (const auto& [name, value] : tag.attributes)
      if (name == "src") src = safe_address(value).value_or("");
    const bool shown = std::any_of(kVideos.begin(), kVideos.end(), [&](std::string_view start) {
      return src.starts_with(start) && stays_there(src.substr(start.size()));
    });
    skip_content("iframe");
    if (!shown) return;
    write_tag(tag);
    out_ += "</iframe>";
  }

  void add_start(const Tag& tag) {
    if (!open_.empty()) {
      const std::string& last = open_.back();
      const bool ends_last =
          (last == "p" && is_one_of(tag.name, kBlocks)) || (last == "li" && tag.name == "li") ||
          ((last == "td" || last == "th") && (tag.name == "td" || tag.name == "th" || tag.name == "tr"));
      if (ends_last) close();
      if (tag.name == "tr" && !open_.empty() && open_.back() == "tr") close();
    }
    if (is_void(tag.name)) return write_tag(tag);
    if (open_.size() >= kDeepest) return;
    write_tag(tag);
    open_.push_back(tag.name);
  }

  void add_end(const std::string& name) {
    if (std::find(open_.begin(), open_.end(), name) == open_.end()) return;
    while (open_.back() != name) close();
    close();
  }
  void close() {
    out_ += "</" + open_.back() + ">";
    open_.pop_back();
  }

  void write_tag(const Tag& tag) {
    out_ += "<" + tag.name;
    for (const auto& [name, raw] : tag.attributes) {
      if (!is_allowed(tag.name, name)) continue;
      const bool is_address = name == "href" || name == "src";
      const auto address = is_address ? safe_address(raw) : std::nullopt;
      if (is_address && !address) continue;
      out_ += " " + name + "=\"";
      append_escaped(out_, is_address ? *address : raw, is_address ? Place::address : Place::attribute);
      out_ += '"';
    }
    if (tag.name == "a") out_ += " rel=\"noopener noreferrer\"";
    out_ += ">";
  }

  const std::string_view html_;
  std::size_t at_ = 0;
  std::string out_;
  std::vector<std::string> open_;
};

}  // namespace

std::string sanitize(std::string_view html) {
  return Sanitizer(html).run();
}

std::string plain_text(std::string_view html, std::size_t most) {
  std::string text;
  for (std::size_t at = 0; at < html.size();) {
    const auto open = html.find('<', at);
    text += decoded(html.substr(at, open == std::string_view::npos ? open : open - at));
    if (open == std::string_view::npos) break;
    const auto end = html.find('>', open);
    at = end == std::string_view::npos ? html.size() : end + 1;
    // Words of two blocks are two words.
    text += ' ';
  }
  std::string out;
  std::size_t count = 0;
  for (std::size_t at = 0; at < text.size();) {
    const bool space = is_space(text[at]);
    const auto size = std::max<std::size_t>(1, first_character(std::string_view(text).substr(at)).second);
    if (!space || (!out.empty() && out.back() != ' ')) {
      // The last place is the mark's when more follows.
      if (count == most) {
        while (!out.empty() && (static_cast<unsigned char>(out.back()) & 0xC0) == 0x80) out.pop_back();
        if (!out.empty()) out.pop_back();
        while (!out.empty() && out.back() == ' ') out.pop_back();
        return out + "…";
      }
      out += space ? " " : text.substr(at, size);
      ++count;
    }
    at += size;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

}  // namespace agnes::html
