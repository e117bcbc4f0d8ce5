#include "lib/http/request.h"

#include <cstring>
#include <limits>

#include <poll.h>

#include "lib/base/ids.h"
#include "lib/base/text.h"
#include "lib/http/addresses.h"
#include "lib/http/upload.h"

namespace agnes::http {

namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// "[::1]:80" and "1.2.3.4:80" without the port.
std::string_view without_port(std::string_view address) {
  if (address.starts_with('[')) return address.substr(1, address.find(']') - 1);
  if (std::count(address.begin(), address.end(), ':') == 1) return address.substr(0, address.find(':'));
  return address;
}

bool is_request_id(std::string_view text) {
  return !text.empty() && text.size() <= 128 && std::all_of(text.begin(), text.end(), [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  });
}

// Unique among servers and within this one, without asking the system each time.
std::string make_request_id() {
  static const std::string prefix = random_hex(6);
  static std::atomic<std::uint64_t> next{1};
  return fmt::format("{}-{:06x}", prefix, next.fetch_add(1, std::memory_order_relaxed));
}

std::string_view media_type(const Request& request) {
  const std::string_view type = request.header("content-type");
  return trim(type.substr(0, type.find(';')));
}

std::size_t find_bytes(std::string_view text, std::string_view wanted, std::size_t from) {
  if (from > text.size()) return std::string_view::npos;
  const void* at = ::memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  return at == nullptr ? std::string_view::npos
                       : static_cast<std::size_t>(static_cast<const char*>(at) - text.data());
}

std::string utf8_or_throw(std::string_view text, std::string_view what) {
  if (!is_utf8(text)) throw malformed_form(fmt::format("{} is not UTF-8", what));
  return std::string(text);
}

// Throws Error (too_large) at the first pair over `most`: a pair takes many times the memory of its text.
Pairs parse_pairs(std::string_view text, std::size_t most) {
  Pairs out;
  while (!text.empty()) {
    const auto end = text.find('&');
    const std::string_view pair = text.substr(0, end);
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
    if (pair.empty()) continue;
    if (out.size() >= most)
      throw Error(ErrorKind::too_large, fmt::format("The form has more than {} fields", most));
    const auto equals = pair.find('=');
    const auto decode = [](std::string_view part) {
      return percent_decode(part, true).value_or(std::string(part));
    };
    out.emplace_back(decode(pair.substr(0, equals)),
                     equals == std::string_view::npos ? std::string() : decode(pair.substr(equals + 1)));
  }
  return out;
}

FormData parse_multipart(std::string_view body, const std::string& boundary, const FormLimits& limits) {
  if (boundary.empty() || boundary.size() > 200) throw malformed_form("no boundary in its content type");
  const std::string mark = "--" + boundary, delimiter = "\r\n" + mark;
  FormData form;
  std::size_t at = body.starts_with(mark) ? mark.size() : find_bytes(body, delimiter, 0);
  if (at == std::string_view::npos) throw malformed_form("its boundary is not in the body");
  if (!body.starts_with(mark)) at += delimiter.size();
  while (true) {
    if (body.substr(at, 2) == "--") return form;
    if (body.substr(at, 2) != "\r\n") throw malformed_form("a boundary is not followed by a line break");
    at += 2;
    const std::size_t head_end = find_bytes(body, "\r\n\r\n", at);
    const std::size_t end =
        head_end == std::string_view::npos ? head_end : find_bytes(body, delimiter, head_end + 2);
    if (end == std::string_view::npos) throw malformed_form("it ends before its last boundary");
    if (head_end - at > 16384) throw malformed_form("a part's header is too long");
    PartHead part = parse_part_head(body.substr(at, head_end - at));
    const std::string_view data =
        head_end + 4 <= end ? body.substr(head_end + 4, end - head_end - 4) : std::string_view();
    if (part.is_file) {
      if (form.files.size() >= limits.files)
        throw Error(ErrorKind::too_large, fmt::format("The form has more than {} files", limits.files));
      form.files.emplace_back(std::move(part.name),
                              File{std::move(part.filename), std::move(part.type), data});
    } else {
      if (form.fields.size() >= limits.fields || data.size() > limits.field_bytes)
        throw Error(ErrorKind::too_large, "The form has too many fields or one that is too long");
      form.fields.emplace_back(std::move(part.name), utf8_or_throw(data, "a field"));
    }
    at = end + delimiter.size();
  }
}

}  // namespace

Request::Request(std::string method, std::string target)
    : method_(std::move(method)), target_(std::move(target)) {
  std::string_view rest = target_;
  // The absolute form, as a proxy gets it.
  if (rest.starts_with("http://") || rest.starts_with("https://")) {
    const auto end = rest.find_first_of("/?#", rest.find("//") + 2);
    if (end != std::string_view::npos && rest[end] != '/')
      throw Error(ErrorKind::bad_request, "The address has a host and no path");
    rest = end == std::string_view::npos ? "/" : rest.substr(end);
  }
  rest = rest.substr(0, rest.find('#'));
  const auto mark = rest.find('?');
  auto path = percent_decode(rest.substr(0, mark), false);
  if (!path || path->find('\0') != std::string::npos || !is_utf8(*path))
    throw Error(ErrorKind::bad_request, "The path is not valid percent-encoded UTF-8");
  path_ = std::move(*path);
  if (mark != std::string_view::npos) queries_ = parse_query(rest.substr(mark + 1));
  for (const auto& [name, value] : queries_)
    if (!is_utf8(name) || !is_utf8(value))
      throw Error(ErrorKind::bad_request, "The query string is not UTF-8");
}

std::string_view Request::header(std::string_view name) const {
  for (const auto& [key, value] : headers_)
    if (iequals(key, name)) return value;
  return {};
}
bool Request::has_header(std::string_view name) const {
  return std::any_of(headers_.begin(), headers_.end(), [&](const auto& h) { return iequals(h.first, name); });
}

std::string_view Request::cookie(std::string_view name) const {
  for (const auto& [key, value] : headers_) {
    if (!iequals(key, "cookie")) continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const auto end = rest.find(';');
      const std::string_view pair = trim(rest.substr(0, end));
      rest = end == std::string_view::npos ? std::string_view() : rest.substr(end + 1);
      const auto equals = pair.find('=');
      if (equals == std::string_view::npos || trim(pair.substr(0, equals)) != name) continue;
      std::string_view found = trim(pair.substr(equals + 1));
      if (found.size() >= 2 && found.front() == '"' && found.back() == '"')
        found = found.substr(1, found.size() - 2);
      return found;
    }
  }
  return {};
}

std::optional<std::string> Request::query(std::string_view name) const {
  const auto found =
      std::find_if(queries_.rbegin(), queries_.rend(), [&](const auto& q) { return q.first == name; });
  if (found == queries_.rend()) return std::nullopt;
  return found->second;
}
std::vector<std::string> Request::query_all(std::string_view name) const {
  std::vector<std::string> out;
  for (const auto& [key, value] : queries_)
    if (key == name) out.push_back(value);
  return out;
}

const std::string& Request::param(std::string_view name) const {
  for (const auto& [key, value] : params_)
    if (key == name) return value;
  throw std::out_of_range(fmt::format("the route has no {{{}}}", name));
}

bool Request::is_json() const {
  const std::string_view type = media_type(*this);
  return type.empty() || iequals(type, "application/json") ||
         (type.size() > 5 && iequals(type.substr(type.size() - 5), "+json"));
}
bool Request::is_form() const {
  const std::string_view type = media_type(*this);
  return iequals(type, "application/x-www-form-urlencoded") || iequals(type, "multipart/form-data");
}
bool Request::wants_html() const {
  return header("accept").find("text/html") != std::string_view::npos;
}

FormData Request::form(const FormLimits& limits) const {
  if (iequals(media_type(*this), "multipart/form-data"))
    return parse_multipart(body_, header_parameter(header("content-type"), "boundary"), limits);
  if (!is_form()) throw Error(ErrorKind::invalid, "A form is expected: multipart/form-data or urlencoded");
  FormData form;
  form.fields = parse_pairs(body_, limits.fields);
  for (const auto& [name, value] : form.fields)
    if (!is_utf8(name) || !is_utf8(value)) throw malformed_form("it is not UTF-8");
  return form;
}

bool Request::client_gone() const {
  if (socket_ < 0) return false;
  pollfd state{socket_, 0, 0};
  return ::poll(&state, 1, 0) > 0 && (state.revents & (POLLERR | POLLHUP)) != 0;
}

void Request::add_header(std::string name, std::string value) {
  headers_.emplace_back(std::move(name), std::move(value));
}

void Request::set_peer(std::string address, const std::vector<std::string>& trusted_proxies) {
  remote_address_ = client_address_ = std::move(address);
  host_ = header("host");
  const std::string_view given = header("x-request-id");
  id_ = is_request_id(given) ? std::string(given) : make_request_id();
  if (trusted_proxies.empty() || !is_trusted_proxy(remote_address_, trusted_proxies)) return;
  // From the right, as each proxy appends: the first that is not a proxy of ours is the client.
  std::vector<std::string> hops;
  for (const auto& [key, value] : headers_)
    if (iequals(key, "x-forwarded-for"))
      for (const auto& hop : split(value, ',')) hops.emplace_back(without_port(trim(hop)));
  for (auto hop = hops.rbegin(); hop != hops.rend(); ++hop) {
    if (!is_address(*hop)) break;
    client_address_ = *hop;
    if (!is_trusted_proxy(*hop, trusted_proxies)) break;
  }
  const auto first_of = [&](std::string_view name) {
    const std::string_view all = header(name);
    return trim(all.substr(0, all.find(',')));
  };
  if (const auto proto = first_of("x-forwarded-proto"); proto == "https" || proto == "http") scheme_ = proto;
  if (const auto host = first_of("x-forwarded-host"); !host.empty()) host_ = host;
}

std::optional<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '%') {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0) return std::nullopt;
      out += static_cast<char>(high * 16 + low);
      i += 2;
    } else {
      out += plus_is_space && text[i] == '+' ? ' ' : text[i];
    }
  }
  return out;
}

std::string percent_encode(std::string_view text, bool keep_slash) {
  std::string out;
  for (char c : text) {
    if (std::isalnum(static_cast<unsigned char>(c)) ||
        std::string_view("-._~").find(c) != std::string_view::npos || (keep_slash && c == '/'))
      out += c;
    else
      out += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return out;
}

Pairs parse_query(std::string_view text) {
  return parse_pairs(text, std::numeric_limits<std::size_t>::max());
}

std::string header_parameter(std::string_view header, std::string_view name) {
  std::size_t at = header.find(';');
  while (at < header.size()) {
    ++at;
    const std::size_t equals = header.find_first_of("=;", at);
    if (equals == std::string_view::npos) return {};
    const std::string_view key = trim(header.substr(at, equals - at));
    at = equals;
    if (header[equals] == ';') continue;
    std::string value;
    ++at;
    while (at < header.size() && (header[at] == ' ' || header[at] == '\t')) ++at;
    if (at < header.size() && header[at] == '"') {
      for (++at; at < header.size() && header[at] != '"'; ++at) {
        // Browsers escape only the quote; a lone backslash belongs to a Windows path.
        if (header[at] == '\\' && at + 1 < header.size() && (header[at + 1] == '"' || header[at + 1] == '\\'))
          ++at;
        value += header[at];
      }
      at = header.find(';', at);
    } else {
      const std::size_t end = header.find(';', at);
      value = trim(header.substr(at, end == std::string_view::npos ? end : end - at));
      at = end;
    }
    if (iequals(key, name)) return value;
  }
  return {};
}

}  // namespace agnes::http

namespace agnes::json {

bool Codec<http::File>::read(Reader& reader, const boost::json::value& value, http::File& out) {
  // A form gives the file's position in the form; anything else is a plain field where a file belongs.
  const auto* form = static_cast<const http::FormData*>(reader.context);
  if (form == nullptr || !value.is_uint64() || value.get_uint64() >= form->files.size()) {
    reader.fail("value_error", "A file is expected here", value, {{"error", boost::json::object()}});
    return false;
  }
  out = form->files[value.get_uint64()].second;
  return true;
}
boost::json::value Codec<http::File>::write(const http::File& file) {
  return boost::json::string(file.filename);
}
boost::json::object Codec<http::File>::schema(Components&) {
  return {{"type", "string"}, {"format", "binary"}, {"contentMediaType", "application/octet-stream"}};
}

}  // namespace agnes::json
