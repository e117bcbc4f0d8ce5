#include "lib/http/wire.h"

#include <ctime>

#include "lib/base/ids.h"
#include "lib/base/text.h"

namespace agnes::http {

namespace {

constexpr std::size_t kCompressFrom = 1024, kCompressUpTo = 64 << 20;
constexpr std::size_t kMaxRanges = 16;
constexpr int kCompressionLevel = 4;

std::string_view reason(int status) {
  switch (status) {
    case 101:
      return "Switching Protocols";
    case 200:
      return "OK";
    case 201:
      return "Created";
    case 202:
      return "Accepted";
    case 204:
      return "No Content";
    case 206:
      return "Partial Content";
    case 301:
      return "Moved Permanently";
    case 302:
      return "Found";
    case 303:
      return "See Other";
    case 304:
      return "Not Modified";
    case 307:
      return "Temporary Redirect";
    case 308:
      return "Permanent Redirect";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 406:
      return "Not Acceptable";
    case 408:
      return "Request Timeout";
    case 409:
      return "Conflict";
    case 410:
      return "Gone";
    case 412:
      return "Precondition Failed";
    case 413:
      return "Content Too Large";
    case 415:
      return "Unsupported Media Type";
    case 416:
      return "Range Not Satisfiable";
    case 422:
      return "Unprocessable Content";
    case 426:
      return "Upgrade Required";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 502:
      return "Bad Gateway";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 507:
      return "Insufficient Storage";
    default:
      return "Status";
  }
}

std::string_view date_now() {
  thread_local std::time_t at = 0;
  thread_local std::string text;
  const std::time_t now = ::time(nullptr);
  if (now != at) {
    at = now;
    text = format_http_date(now);
  }
  return text;
}

bool is_compressible(const Response& response) {
  const std::string* type = response.find_header("content-type");
  if (type == nullptr || response.find_header("content-encoding") != nullptr) return false;
  const std::string_view name = std::string_view(*type).substr(0, type->find(';'));
  return name.starts_with("text/") || name.find("json") != std::string_view::npos ||
         name.find("xml") != std::string_view::npos || name.find("javascript") != std::string_view::npos;
}

void drop_header(Response& response, std::string_view name) {
  std::erase_if(response.headers, [&](const auto& h) { return iequals(h.first, name); });
}

void vary_by_encoding(Response& response) {
  const std::string* vary = response.find_header("vary");
  if (vary == nullptr)
    response.headers.emplace_back("Vary", "Accept-Encoding");
  else if (to_lower(*vary).find("accept-encoding") == std::string::npos)
    response.header("Vary", *vary + ", Accept-Encoding");
}

// The same content in another encoding is equal in meaning, not byte by byte.
void weaken_etag(Response& response) {
  for (auto& [name, value] : response.headers)
    if (iequals(name, "etag") && value.starts_with('"')) value.insert(0, "W/");
}

class Preparation {
 public:
  Preparation(const Request& request, Response& response, const SendOptions& options)
      : request_(request), response_(response), options_(options), is_head_(request.method() == "HEAD") {}

  Outgoing make() {
    out_.still_allowed = std::move(response_.still_allowed);
    if (auto* upgrade = std::get_if<UpgradeBody>(&response_.body)) {
      if (!options_.is_http10) return switch_protocols(*upgrade);
      response_ =
          Response::error(426, "Another protocol is spoken here: upgrade the connection with HTTP/1.1");
    }
    if (auto* file = std::get_if<FileBody>(&response_.body)) {
      add_file(*file);
    } else if (auto* stream = std::get_if<StreamBody>(&response_.body)) {
      add_stream(*stream);
    } else if (!not_modified({}, 0)) {
      if (auto* shared = std::get_if<SharedBody>(&response_.body))
        add_shared(*shared);
      else
        add_text(std::get<std::string>(response_.body));
    }
    write_head();
    if (is_head_) out_.pieces.clear();
    return std::move(out_);
  }

 private:
  bool is_read() const { return is_head_ || request_.method() == "GET"; }

  // Answers 304 or 412 if the request's conditions say so.
  bool not_modified(std::string_view etag, std::int64_t modified) {
    if (response_.status != 200 || !is_read()) return false;
    if (etag.empty())
      if (const std::string* given = response_.find_header("etag")) etag = *given;
    if (const auto wanted = request_.header("if-match");
        !wanted.empty() && !etag.empty() && !etag_matches(wanted, etag)) {
      response_.status = 412;
      drop_header(response_, "content-disposition");
      drop_header(response_, "content-encoding");
      response_.header("Content-Type", "application/json");
      std::string text = R"({"detail":"It has changed: what is there is not what If-Match names"})";
      add_text(text);
      return true;
    }
    bool same = false;
    if (const auto known = request_.header("if-none-match"); !known.empty()) {
      same = !etag.empty() && etag_matches(known, etag);
    } else if (const auto since = request_.header("if-modified-since"); !since.empty() && modified > 0) {
      const auto date = parse_http_date(since);
      same = date && modified <= *date;
    }
    if (!same) return false;
    response_.status = 304;
    for (std::string_view name : {"content-type", "content-disposition", "content-encoding"})
      drop_header(response_, name);
    return true;
  }

  void add_piece(Piece piece) {
    out_.length += piece.file ? piece.length : piece.shared ? piece.shared->size() : piece.text.size();
    out_.pieces.push_back(std::move(piece));
  }

  bool worth_compressing(std::size_t size) {
    if (size < kCompressFrom || size > kCompressUpTo || !is_compressible(response_)) return false;
    vary_by_encoding(response_);
    return accepts_gzip(request_.header("accept-encoding"));
  }
  void mark_gzip() {
    response_.headers.emplace_back("Content-Encoding", "gzip");
    weaken_etag(response_);
  }

  void add_text(std::string& text) {
    Piece piece;
    if (options_.compress && worth_compressing(text.size())) {
      piece.text = gzip(text, kCompressionLevel);
      mark_gzip();
    } else {
      piece.text = std::move(text);
    }
    add_piece(std::move(piece));
  }

  void add_shared(SharedBody& body) {
    if (body.text == nullptr) return;
    const auto& text = body.text;
    Piece piece, end;
    if (worth_compressing(text->plain().size())) {
      piece.shared = {text, &text->compressed().bytes};
      end.text = text->compressed_end(body.tail);
      mark_gzip();
    } else {
      piece.shared = {text, &text->plain()};
      end.text = std::move(body.tail);
    }
    add_piece(std::move(piece));
    if (!end.text.empty()) add_piece(std::move(end));
  }

  void add_stream(StreamBody& stream) {
    const std::string* type = response_.find_header("content-type");
    out_.is_events = type != nullptr && type->starts_with("text/event-stream");
    out_.chunked = !options_.is_http10;
    streams_ = true;
    out_.stream_limit = response_.stream_limit;
    if (!is_head_) out_.stream = std::move(stream);
  }

  Outgoing switch_protocols(UpgradeBody& upgrade) {
    out_.status = 101;
    out_.close = true;
    if (!upgrade.protocol.empty()) {
      out_.head = fmt::format("HTTP/1.1 101 {}\r\nConnection: Upgrade\r\nUpgrade: {}\r\n", reason(101),
                              upgrade.protocol);
      for (const auto& [name, value] : response_.headers)
        if (!iequals(name, "connection") && !iequals(name, "upgrade") && !iequals(name, "content-type"))
          out_.head.append(name).append(": ").append(value).append("\r\n");
      out_.head += "\r\n";
    }
    out_.upgrade = std::move(upgrade);
    return std::move(out_);
  }

  void add_file(FileBody& file) {
    response_.header("Accept-Ranges", "bytes");
    if (!file.etag.empty()) response_.header("ETag", file.etag);
    if (file.modified > 0) response_.header("Last-Modified", format_http_date(file.modified));
    if (not_modified(file.etag, file.modified)) return;
    std::vector<ByteRange> ranges;
    const std::string_view wanted = request_.header("range");
    auto result = RangeResult::whole;
    if (!wanted.empty() && request_.method() == "GET" && response_.status == 200 && is_same_file(file))
      result = parse_range(wanted, file.size, ranges);
    if (result == RangeResult::unsatisfiable) {
      const std::uint64_t size = file.size;  // the next line ends `file`
      response_ = Response::error(416, "The range lies outside the file");
      response_.header("Content-Range", fmt::format("bytes */{}", size));
      add_text(std::get<std::string>(response_.body));
    } else if (result == RangeResult::whole) {
      if (file.size > 0) add_piece({{}, {}, file.fd, 0, file.size});
    } else if (ranges.size() == 1) {
      response_.status = 206;
      response_.header("Content-Range",
                       fmt::format("bytes {}-{}/{}", ranges[0].first, ranges[0].last, file.size));
      add_piece({{}, {}, file.fd, ranges[0].first, ranges[0].last - ranges[0].first + 1});
    } else {
      add_parts(file, ranges);
    }
  }

  // If-Range: the range is of the version that the client has, else it gets the whole file.
  bool is_same_file(const FileBody& file) const {
    const std::string_view condition = trim(request_.header("if-range"));
    if (condition.empty()) return true;
    if (condition.ends_with('"')) return condition == file.etag && !condition.starts_with("W/");
    return parse_http_date(condition) == file.modified && file.modified > 0;
  }

  void add_parts(const FileBody& file, const std::vector<ByteRange>& ranges) {
    const std::string boundary = random_hex(16);
    const std::string* type = response_.find_header("content-type");
    const std::string part_type = type != nullptr ? *type : "application/octet-stream";
    response_.status = 206;
    response_.header("Content-Type", "multipart/byteranges; boundary=" + boundary);
    for (const auto& range : ranges) {
      add_piece({fmt::format("\r\n--{}\r\nContent-Type: {}\r\nContent-Range: bytes {}-{}/{}\r\n\r\n",
                             boundary, part_type, range.first, range.last, file.size),
                 {},
                 {},
                 0,
                 0});
      add_piece({{}, {}, file.fd, range.first, range.last - range.first + 1});
    }
    add_piece({fmt::format("\r\n--{}--\r\n", boundary), {}, {}, 0, 0});
  }

  void write_head() {
    const int status = response_.status;
    out_.status = status;
    out_.close = !options_.keep_alive || (streams_ && !out_.chunked);
    std::string& head = out_.head;
    head.reserve(512);
    head.append("HTTP/1.1 ").append(std::to_string(status)).append(" ").append(reason(status));
    head.append("\r\nDate: ").append(date_now()).append("\r\n");
    for (const auto& [name, value] : response_.headers) {
      // The framing is the server's own business.
      if (iequals(name, "content-length") || iequals(name, "transfer-encoding") ||
          iequals(name, "connection"))
        continue;
      head.append(name).append(": ").append(value).append("\r\n");
    }
    const bool may_have_body = status >= 200 && status != 204 && status != 304;
    if (!may_have_body) {
      out_.pieces.clear();
      out_.stream = nullptr;
    } else if (!streams_) {
      head.append("Content-Length: ").append(std::to_string(out_.length)).append("\r\n");
    } else if (out_.chunked) {
      head.append("Transfer-Encoding: chunked\r\n");
    }
    if (out_.close)
      head.append("Connection: close\r\n");
    else if (options_.is_http10)
      head.append("Connection: keep-alive\r\n");
    head.append("\r\n");
  }

  const Request& request_;
  Response& response_;
  const SendOptions& options_;
  const bool is_head_;
  bool streams_ = false;
  Outgoing out_;
};

}  // namespace

Outgoing prepare(const Request& request, Response response, const SendOptions& options) {
  return Preparation(request, response, options).make();
}

bool accepts_gzip(std::string_view accept_encoding) {
  bool any = false;
  for (const auto& entry : split(accept_encoding, ',')) {
    const std::string_view text = entry;
    const std::string_view name = trim(text.substr(0, text.find(';')));
    const bool is_gzip = iequals(name, "gzip") || iequals(name, "x-gzip");
    if (!is_gzip && name != "*") continue;
    const auto quality = text.find("q=");
    const bool accepted =
        quality == std::string_view::npos || parse_double(trim(text.substr(quality + 2))) > 0.0;
    if (is_gzip) return accepted;
    any = accepted;
  }
  return any;
}

RangeResult parse_range(std::string_view header, std::uint64_t size, std::vector<ByteRange>& out) {
  header = trim(header);
  if (!iequals(header.substr(0, 6), "bytes=")) return RangeResult::whole;
  out.clear();
  std::size_t count = 0;
  std::uint64_t total = 0;
  for (const auto& part : split(header.substr(6), ',')) {
    const std::string_view text = trim(part);
    if (text.empty()) continue;
    const auto dash = text.find('-');
    if (dash == std::string_view::npos || ++count > kMaxRanges) return RangeResult::whole;
    const std::string_view first = trim(text.substr(0, dash)), last = trim(text.substr(dash + 1));
    const auto is_number = [](std::string_view digits) {
      return !digits.empty() && digits.size() <= 18 &&
             digits.find_first_not_of("0123456789") == std::string_view::npos;
    };
    ByteRange range{};
    if (first.empty()) {
      if (!is_number(last)) return RangeResult::whole;
      const auto wanted = static_cast<std::uint64_t>(*parse_int(last));
      if (wanted == 0 || size == 0) continue;
      range = {wanted >= size ? 0 : size - wanted, size - 1};
    } else {
      if (!is_number(first) || (!last.empty() && !is_number(last))) return RangeResult::whole;
      range.first = static_cast<std::uint64_t>(*parse_int(first));
      range.last = last.empty() ? size : static_cast<std::uint64_t>(*parse_int(last));
      if (range.last < range.first && !last.empty()) return RangeResult::whole;
      if (range.first >= size) continue;
      range.last = std::min(range.last, size - 1);
    }
    total += range.last - range.first + 1;
    out.push_back(range);
  }
  if (count == 0) return RangeResult::whole;
  if (out.empty()) return RangeResult::unsatisfiable;
  // Overlapping parts would make the answer larger than the file.
  if (total > size) return RangeResult::whole;
  return RangeResult::parts;
}

}  // namespace agnes::http
