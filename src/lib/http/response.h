#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/http/request.h"

namespace agnes::http {

// A text that many answers share: sent without a copy, compressed once, when somebody first takes it so.
// Thread-safe.
class SharedText {
 public:
  explicit SharedText(std::string text) : plain_(std::move(text)) {}

  const std::string& plain() const { return plain_; }
  const std::string& etag() const;  // a strong one of the text, with quotes
  // The text with `tail` behind it as gzip is `compressed().bytes` and `compressed_end(tail)`. A tail has 64 KB at
  // most.
  struct Compressed {
    std::string bytes;
    unsigned long checksum = 0;
  };
  const Compressed& compressed() const;
  std::string compressed_end(std::string_view tail) const;

 private:
  const std::string plain_;
  mutable std::once_flag tagged_, packing_;
  mutable std::string etag_;
  mutable Compressed compressed_;
};

// A shared text, and what only this answer ends with.
struct SharedBody {
  std::shared_ptr<const SharedText> text;
  std::string tail = {};
};

// A file, sent by the kernel. ETag, If-None-Match, If-Modified-Since, Range, If-Range and HEAD are answered
// by the server. The file is opened when the response is made, so replacing it meanwhile is harmless.
struct FileBody {
  std::shared_ptr<UniqueFd> fd;
  std::uint64_t size = 0;
  std::int64_t modified = 0;  // seconds since 1970; 0: none is sent
  std::string etag;           // with its quotes; "" for none
  std::string content_type;
  std::string download_name;  // "" for none: shown, not saved
  // Throws Error `not_found` (naming only the file's last part) unless it is a regular file. Without `etag`,
  // one is made of size and time of change.
  static FileBody open(const std::filesystem::path& file, std::string content_type = {},
                       std::string etag = {});
  // The same of a descriptor; `filename` is for the type and for errors.
  static FileBody of(UniqueFd fd, std::string_view filename, std::string content_type = {},
                     std::string etag = {});
};

// Where a streaming handler writes to. `write` waits while the client is slower than the handler, and returns
// false once the client has gone: end then.
class Writer {
 public:
  virtual ~Writer() = default;
  virtual bool write(std::string_view data) = 0;
  // Whether `write` would not have to wait for the client.
  virtual bool has_room() const = 0;
  // Waits up to `time` until `has_room`, and answers that.
  virtual bool wait_for_room(std::chrono::milliseconds time) = 0;
  // What follows needs nothing of the executor any more (a query process): its place is free for others.
  virtual void free_place() = 0;
  // Whether a request of somebody could run if that place were free.
  virtual bool place_is_wanted() const = 0;
  // Whether the client has gone or the server is stopping.
  virtual bool gone() const = 0;
  // Waits for that long; false as soon as `gone`.
  virtual bool wait(std::chrono::milliseconds time) = 0;
};

// Writes server-sent events. Each call returns false once the client has gone.
class EventWriter {
 public:
  explicit EventWriter(Writer& writer) : writer_(writer) {}
  bool send(std::string_view data, std::string_view event = {}, std::string_view id = {});
  // A comment: one every 15 s or so, so that proxies keep the line and a dead client is noticed.
  bool heartbeat();
  bool gone() const { return writer_.gone(); }
  bool wait(std::chrono::milliseconds time) { return writer_.wait(time); }

 private:
  Writer& writer_;
};

// Runs on a thread of its own accord: a stream does not use up the handler threads. An exception ends the
// connection, so that the client sees that the answer is not whole.
using StreamBody = std::function<void(Writer&)>;

// A connection that speaks another protocol from now on.
struct UpgradedSocket {
  UniqueFd fd;           // blocking; the server shuts it down when it stops
  std::string received;  // what the client has sent already, behind its request
};

// Runs on a stream's thread of its own; the connection ends when it returns or throws.
struct UpgradeBody {
  std::string protocol;  // of the Upgrade header; empty: `run` sends the 101 itself
  std::function<void(UpgradedSocket)> run;
};

class Response {
 public:
  using Body = std::variant<std::string, SharedBody, FileBody, StreamBody, UpgradeBody>;

  Response() = default;
  explicit Response(int status) : status(status) {}

  static Response json(const boost::json::value& value, int status = 200);
  static Response json_text(std::string text, int status = 200);
  static Response shared_json(SharedBody body, std::string etag = {});
  static Response text(std::string text, int status = 200);
  static Response html(std::string html, int status = 200);
  static Response redirect(std::string_view location, int status = 302);
  static Response file(FileBody body);
  // A client that has not taken the whole after `limit` is cut off; 0: it may take as long as it takes
  // something.
  static Response stream(std::string content_type, StreamBody body, std::chrono::seconds limit = {});
  static Response events(std::function<void(EventWriter&)> body);
  // Answers 101 and hands the connection to `run`, see UpgradeBody. The handler checks that the client asked for it. A
  // client of HTTP/1.0 gets 426. For WebSockets see websocket.h.
  static Response upgrade(std::string protocol, std::function<void(UpgradedSocket)> run);
  static Response error(int status, const boost::json::value& detail);

  // Sets (replaces) a header. Line breaks and control characters are taken out of the value.
  Response& header(std::string_view name, std::string_view value);
  Response& add_header(std::string_view name, std::string_view value);  // beside others of the name
  const std::string* find_header(std::string_view name) const;

  struct Cookie {
    std::string name = {}, value = {};
    std::optional<std::int64_t> max_age = {};  // seconds; 0 deletes it; none: until the browser ends
    std::string path = "/", same_site = "lax";
    bool http_only = true, secure = false;
  };
  Response& cookie(const Cookie& cookie);

  int status = 200;
  Pairs headers;
  Body body;
  std::chrono::seconds stream_limit{0};
  // Asked before the answer is sent and now and then while it is, beside whether who asked may still use the route:
  // false cuts it. Called on the network thread, so it must not wait for anything.
  std::function<bool()> still_allowed;
};

// `attachment; filename=...` for any UTF-8 name (RFC 6266).
std::string content_disposition(std::string_view filename, bool inline_shown = false);
// By a file name's ending; "application/octet-stream" when unknown.
std::string_view content_type_of(std::string_view filename);
// Whether an If-None-Match header (a list, weak ones, or *) names `etag`.
bool etag_matches(std::string_view if_none_match, std::string_view etag);
// "Sun, 06 Nov 1994 08:49:37 GMT" and back.
std::string format_http_date(std::int64_t seconds);
std::optional<std::int64_t> parse_http_date(std::string_view text);
std::string gzip(std::string_view data, int level = 5);
// Throws Error (bad_request) when it is not gzip, `too_large` when it grows over `limit`.
std::string gunzip(std::string_view data, std::size_t limit);

}  // namespace agnes::http
