#include "lib/http/response.h"

#include <cerrno>
#include <ctime>

#include <fcntl.h>
#include <sys/stat.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::http {

namespace {

constexpr std::string_view kJson = "application/json";

// A header value in one line: what would end it is left out.
std::string clean(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (char c : trim(value))
    if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) out += c;
  return out;
}

Response with_body(std::string_view content_type, Response::Body body, int status) {
  Response response(status);
  response.headers.emplace_back("Content-Type", content_type);
  response.body = std::move(body);
  return response;
}

struct Type {
  std::string_view ending, type;
};
constexpr Type kTypes[] = {
    {"html", "text/html; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"xml", "application/xml"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"ico", "image/x-icon"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
    {"wasm", "application/wasm"},
    {"pdf", "application/pdf"},
    {"zip", "application/zip"},
    {"webmanifest", "application/manifest+json"},
};

std::string_view unquoted_tag(std::string_view tag) {
  tag = trim(tag);
  if (tag.starts_with("W/")) tag.remove_prefix(2);
  return tag;
}

}  // namespace

FileBody FileBody::open(const fs::path& file, std::string content_type, std::string etag) {
  UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fd && (errno == EMFILE || errno == ENFILE)) throw system_error("cannot open a file to send", errno);
  return of(std::move(fd), file.filename().string(), std::move(content_type), std::move(etag));
}
FileBody FileBody::of(UniqueFd fd, std::string_view filename, std::string content_type, std::string etag) {
  FileBody body;
  struct stat info {};
  if (!fd || ::fstat(fd.get(), &info) != 0 || !S_ISREG(info.st_mode))
    throw Error(ErrorKind::not_found, fmt::format("File not found: {}", filename));
  body.fd = std::make_shared<UniqueFd>(std::move(fd));
  body.size = static_cast<std::uint64_t>(info.st_size);
  body.modified = info.st_mtim.tv_sec;
  body.content_type = content_type.empty() ? std::string(content_type_of(filename)) : std::move(content_type);
  body.etag = std::move(etag);
  if (body.etag.empty())
    body.etag = fmt::format("\"{:x}-{:x}{:08x}\"", body.size, info.st_mtim.tv_sec, info.st_mtim.tv_nsec);
  return body;
}

bool EventWriter::send(std::string_view data, std::string_view event, std::string_view id) {
  std::string out;
  if (!event.empty()) out += fmt::format("event: {}\n", clean(event));
  if (!id.empty()) out += fmt::format("id: {}\n", clean(id));
  for (const auto& line : split(data, '\n'))
    out += fmt::format("data: {}\n", std::string_view(line).substr(0, line.find('\r')));
  out += '\n';
  return writer_.write(out);
}
bool EventWriter::heartbeat() {
  return writer_.write(": \n\n");
}

Response Response::json(const boost::json::value& value, int status) {
  return json_text(boost::json::serialize(value), status);
}
Response Response::json_text(std::string text, int status) {
  return with_body(kJson, std::move(text), status);
}
Response Response::shared_json(SharedBody body, std::string etag) {
  Response response = with_body(kJson, std::move(body), 200);
  if (!etag.empty()) response.headers.emplace_back("ETag", std::move(etag));
  return response;
}
Response Response::text(std::string text, int status) {
  return with_body("text/plain; charset=utf-8", std::move(text), status);
}
Response Response::html(std::string html, int status) {
  return with_body("text/html; charset=utf-8", std::move(html), status);
}
Response Response::redirect(std::string_view location, int status) {
  Response response(status);
  response.header("Location", location);
  return response;
}
Response Response::file(FileBody body) {
  Response response;
  response.header("Content-Type", body.content_type);
  if (!body.download_name.empty())
    response.header("Content-Disposition", content_disposition(body.download_name));
  response.body = std::move(body);
  return response;
}
Response Response::stream(std::string content_type, StreamBody body, std::chrono::seconds limit) {
  Response response = with_body(content_type, std::move(body), 200);
  response.stream_limit = limit;
  return response;
}
Response Response::events(std::function<void(EventWriter&)> body) {
  Response response = stream("text/event-stream", [body = std::move(body)](Writer& writer) {
    EventWriter events(writer);
    body(events);
  });
  response.headers.emplace_back("Cache-Control", "no-store");
  response.headers.emplace_back("X-Accel-Buffering", "no");
  return response;
}
Response Response::upgrade(std::string protocol, std::function<void(UpgradedSocket)> run) {
  Response response(101);
  response.body = UpgradeBody{std::move(protocol), std::move(run)};
  return response;
}
Response Response::error(int status, const boost::json::value& detail) {
  return json(boost::json::object{{"detail", detail}}, status);
}

Response& Response::header(std::string_view name, std::string_view value) {
  std::erase_if(headers, [&](const auto& h) { return iequals(h.first, name); });
  return add_header(name, value);
}
Response& Response::add_header(std::string_view name, std::string_view value) {
  headers.emplace_back(clean(name), clean(value));
  return *this;
}
const std::string* Response::find_header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (iequals(key, name)) return &value;
  return nullptr;
}

Response& Response::cookie(const Cookie& cookie) {
  std::string text = fmt::format("{}={}; Path={}", cookie.name, cookie.value, cookie.path);
  if (cookie.max_age) text += fmt::format("; Max-Age={}", *cookie.max_age);
  if (!cookie.same_site.empty()) text += fmt::format("; SameSite={}", cookie.same_site);
  if (cookie.http_only) text += "; HttpOnly";
  if (cookie.secure) text += "; Secure";
  return add_header("Set-Cookie", text);
}

std::string content_disposition(std::string_view filename, bool inline_shown) {
  const std::string_view kind = inline_shown ? "inline" : "attachment";
  std::string plain;
  bool exact = true;
  for (char c : filename) {
    const bool safe = c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '%';
    exact = exact && safe;
    if (safe)
      plain += c;
    else if ((c & 0xc0) != 0x80)
      plain += '_';  // one for each character, not for each byte of it
  }
  std::string out = fmt::format("{}; filename=\"{}\"", kind, plain);
  if (!exact) out += "; filename*=UTF-8''" + percent_encode(filename);
  return out;
}

std::string_view content_type_of(std::string_view filename) {
  const auto dot = filename.rfind('.');
  if (dot != std::string_view::npos)
    for (const auto& entry : kTypes)
      if (iequals(filename.substr(dot + 1), entry.ending)) return entry.type;
  return "application/octet-stream";
}

bool etag_matches(std::string_view if_none_match, std::string_view etag) {
  if (trim(if_none_match) == "*") return true;
  const std::string_view wanted = unquoted_tag(etag);
  std::string_view rest = if_none_match;
  while (!rest.empty()) {
    // A tag may hold a comma: it ends at its closing quote.
    rest = rest.substr(std::min(rest.size(), rest.find_first_not_of(" \t,")));
    const auto open = rest.find('"');
    const auto comma = rest.find(',');
    std::size_t end = comma;
    if (open != std::string_view::npos && (comma == std::string_view::npos || open < comma)) {
      end = rest.find('"', open + 1);
      if (end != std::string_view::npos) ++end;
    }
    if (unquoted_tag(rest.substr(0, end)) == wanted && !wanted.empty()) return true;
    rest = end == std::string_view::npos ? std::string_view() : rest.substr(end);
  }
  return false;
}

std::string format_http_date(std::int64_t seconds) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto time = static_cast<std::time_t>(seconds);
  std::tm t{};
  ::gmtime_r(&time, &t);
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[t.tm_wday], t.tm_mday,
                     kMonths[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  std::tm t{};
  const std::string copy(trim(text));
  const char* end = ::strptime(copy.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &t);
  if (end == nullptr || *end != '\0') return std::nullopt;
  return static_cast<std::int64_t>(::timegm(&t));
}

}  // namespace agnes::http
