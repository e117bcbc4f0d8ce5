#include "lib/http_client/download.h"

#include <cerrno>
#include <cstring>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/http_client/retry.h"

namespace agnes::http_client {

namespace json = boost::json;

namespace {
constexpr std::uint64_t kUnknown = ~std::uint64_t{0};
// How much may have to be fetched again after a kill: the record is written once in so many bytes.
constexpr std::uint64_t kRecordEvery = 4u << 20;
// A stretch that brought this much counts as working: the count of failures starts anew.
constexpr std::uint64_t kWorthwhile = 64u << 10;
// A file may have grown since its size was told, but not without bounds.
constexpr std::uint64_t kMoreThanAnnounced = 16u << 20;
constexpr std::size_t kMostOfRefusal = 64 << 10;

// One stretch of the file, [begin, end), of which `done` bytes have arrived.
struct Segment {
  std::uint64_t begin = 0, end = kUnknown;
  std::atomic<std::uint64_t> done = 0;
  std::uint64_t length() const { return end == kUnknown ? kUnknown : end - begin; }
  bool complete() const { return done == length(); }
};

// The server's file is not the one that the partial file belongs to: begin again.
struct StartOver {};
// A sibling segment failed; its error is the one that counts.
struct Abandoned {};

struct ContentRange {
  std::uint64_t begin, end, total;
};
// "bytes 0-99/1234"
std::optional<ContentRange> parse_content_range(std::string_view text) {
  if (!text.starts_with("bytes ")) return std::nullopt;
  text.remove_prefix(6);
  const auto dash = text.find('-'), slash = text.find('/');
  if (dash == text.npos || slash == text.npos || dash > slash) return std::nullopt;
  const auto begin = parse_int(text.substr(0, dash)),
             last = parse_int(text.substr(dash + 1, slash - dash - 1)),
             total = parse_int(text.substr(slash + 1));
  if (!begin || !last || !total || *begin < 0 || *last < *begin || *total <= *last) return std::nullopt;
  return ContentRange{static_cast<std::uint64_t>(*begin), static_cast<std::uint64_t>(*last) + 1,
                      static_cast<std::uint64_t>(*total)};
}

class Job {
 public:
  Job(Client& client, const Download& wanted, const DownloadOptions& options,
      const std::function<void(std::int64_t)>& progress, Stop cancelled)
      : client_(client),
        wanted_(wanted),
        options_(options),
        progress_(progress),
        cancelled_(std::move(cancelled)),
        part_(partial_name(wanted)),
        record_(part_.string() + ".json") {}

  void run() {
    bool started_over = false;
    while (true) {
      try {
        open();
        fetch();
        break;
      } catch (const StartOver&) {
        discard();
        if (started_over)
          throw Error(ErrorKind::bad_gateway,
                      fmt::format("{} kept changing while it was downloaded; try again later", wanted_.path));
        started_over = true;
      } catch (const Error& error) {
        if (error.kind() == ErrorKind::insufficient_storage || error.kind() == ErrorKind::too_large)
          discard();
        else
          save_record();
        throw;
      }
    }
    verify();
    fd_.reset();
    sync_file(part_);
    rename_synced(part_, wanted_.target);
    ::unlink(record_.c_str());
  }

 private:
  // Takes up what an earlier attempt left, when it can be told what that is.
  void open() {
    segments_.clear();
    etag_.clear();
    hash_.reset();
    abandoned_ = false;
    const bool kept = load_record();
    fd_ = UniqueFd(
        ::open(part_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (kept ? 0 : O_TRUNC), 0644));
    if (!fd_) throw system_error("cannot write " + part_.string(), errno);
    if (kept) {
      std::uint64_t arrived = 0;
      for (const auto& segment : segments_) arrived += segment->done;
      report(static_cast<std::int64_t>(arrived));
    } else {
      segments_.push_back(std::make_unique<Segment>());
      hash_.emplace();
    }
  }

  bool load_record() {
    const auto text = read_file(record_);
    struct stat info {};
    if (!text || ::lstat(part_.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) return false;
    try {
      const auto record = json::parse(*text).as_object();
      etag_ = record.at("etag").as_string();
      // Without a hash to check it against, half a file is worth something only if the server can say that it
      // still has the same one.
      if (wanted_.md5.empty() && etag_.empty()) return false;
      for (const auto& item : record.at("segments").as_array()) {
        auto segment = std::make_unique<Segment>();
        segment->begin = item.at(0).to_number<std::uint64_t>();
        segment->end = item.at(1).to_number<std::uint64_t>();
        segment->done = item.at(2).to_number<std::uint64_t>();
        const std::uint64_t expected_begin = segments_.empty() ? 0 : segments_.back()->end;
        if (segment->begin != expected_begin || segment->end < segment->begin ||
            segment->done > segment->length() ||
            (segment->done > 0 && segment->begin + segment->done > static_cast<std::uint64_t>(info.st_size)))
          throw std::out_of_range("segment");
        segments_.push_back(std::move(segment));
      }
      if (!segments_.empty()) return true;
    } catch (const std::exception&) {
      // A record that makes no sense is worth as much as none.
    }
    segments_.clear();
    etag_.clear();
    return false;
  }

  // Not synced: after a power cut the hash tells what is missing.
  void save_record() noexcept {
    try {
      const std::lock_guard lock(mutex_);
      if (segments_.empty() || segments_.front()->end == kUnknown) return;
      json::array list;
      for (const auto& segment : segments_)
        list.push_back(json::array{segment->begin, segment->end, segment->done.load()});
      const std::string text = json::serialize(json::object{{"etag", etag_}, {"segments", std::move(list)}});
      const std::string beside = record_.string() + ".new";
      UniqueFd fd(::open(beside.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644));
      if (!fd) return;
      write_or_throw(fd.get(), text, record_);
      ::rename(beside.c_str(), record_.c_str());
    } catch (const std::exception&) {
      // Then the rest is fetched again.
    }
  }

  void discard() {
    std::int64_t arrived = 0;
    for (const auto& segment : segments_) arrived += static_cast<std::int64_t>(segment->done);
    report(-arrived);
    fd_.reset();
    ::unlink(part_.c_str());
    ::unlink(record_.c_str());
  }

  void fetch() {
    std::vector<std::thread> helpers;
    struct Join {
      std::vector<std::thread>& threads;
      ~Join() {
        for (auto& thread : threads) thread.join();
      }
    };
    const auto help = [&](Segment& segment) {
      helpers.emplace_back([this, &segment] { note_failure([&] { fetch_segment(segment, [] {}); }); });
    };
    {
      const Join join{helpers};
      if (segments_.size() > 1) {
        for (std::size_t i = 1; i < segments_.size(); ++i) help(*segments_[i]);
        note_failure([&] { fetch_segment(*segments_[0], [] {}); });
      } else {
        // The first answer tells how long the file is and whether it can be had in parts; then the others
        // join in.
        note_failure([&] {
          fetch_segment(*segments_[0], [&] {
            for (std::size_t i = 1; i < segments_.size(); ++i) help(*segments_[i]);
          });
        });
      }
    }
    if (failure_) std::rethrow_exception(std::exchange(failure_, nullptr));
  }

  template <class F>
  void note_failure(F&& call) {
    try {
      call();
    } catch (const Abandoned&) {
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!failure_) failure_ = std::current_exception();
      abandoned_ = true;
    }
  }

  // Runs until the segment is complete, through failures that may pass.
  void fetch_segment(Segment& segment, const std::function<void()>& on_split) {
    int failures = 0;
    while (!segment.complete()) {
      const std::uint64_t before = segment.done;
      std::optional<std::chrono::milliseconds> pause;
      std::exception_ptr why;
      try {
        request(segment, on_split);
        continue;
      } catch (const StatusError& error) {
        if (error.response().status == 412 && match_) {
          settle_precondition(error.response());
          continue;
        }
        if (!is_retryable_status(error.response().status)) throw;
        if (const auto after = error.response().header("retry-after")) pause = parse_retry_after(*after);
        why = std::current_exception();
      } catch (const TransportError& error) {
        if (!is_retryable(error)) throw;
        why = std::current_exception();
      }
      save_record();
      failures = segment.done - before >= kWorthwhile ? 1 : failures + 1;
      if (failures > options_.retries) std::rethrow_exception(why);
      wait(pause.value_or(backoff(failures)), cancelled_);
    }
  }

  // The server has another content, or its ETags are not hashes: then nothing is to be compared before it is here.
  void settle_precondition(const Response& response) {
    const auto etag = response.header("etag").value_or("");
    constexpr std::size_t kHashInQuotes = 34;
    if (etag.size() == kHashInQuotes &&
        etag.find_first_not_of("0123456789abcdefABCDEF", 1) == kHashInQuotes - 1)
      throw HashMismatch(ErrorKind::bad_gateway,
                         "the server has other data than it announced; the copy from before stays");
    match_ = false;
  }

  // One request for what the segment lacks.
  void request(Segment& segment, const std::function<void()>& on_split) {
    Request request{.method = "GET", .path = wanted_.path, .headers = {}, .body = {}};
    request.compressed = false;
    request.timeout = std::chrono::seconds(60);
    const std::uint64_t from = segment.begin + segment.done;
    const bool whole = from == 0 && segment.end == kUnknown;
    if (segment.end == kUnknown && !whole) throw StartOver{};
    // A first request for a file that is worth splitting asks for its first part only; a server that knows no
    // ranges answers with all of it, which does as well.
    const bool split = whole && options_.segments > 1 && wanted_.size > options_.segment_threshold;
    if (split) {
      request.headers.emplace_back("Range", fmt::format("bytes=0-{}", wanted_.size / options_.segments - 1));
    } else if (!whole) {
      request.headers.emplace_back("Range", fmt::format("bytes={}-{}", from, segment.end - 1));
      if (!etag_.empty() && !etag_.starts_with("W/")) request.headers.emplace_back("If-Range", etag_);
    }
    if (match_) request.headers.emplace_back("If-Match", '"' + to_lower(wanted_.md5) + '"');
    Response refusal;
    bool refused = false;
    client_.stream(
        request,
        [&](const Head& head) {
          if (head.status == 416) throw StartOver{};
          if (head.status != 200 && head.status != 206) {
            refused = true;
            static_cast<Head&>(refusal) = head;
            return;
          }
          if (head.status == 200)
            accept_whole(head, whole);
          else
            accept_part(head, segment, from, split, on_split);
        },
        [&](std::string_view data) {
          if (refused) {
            refusal.body.append(data.substr(0, kMostOfRefusal - refusal.body.size()));
            if (refusal.body.size() == kMostOfRefusal) throw StatusError(std::move(refusal));
            return;
          }
          if (abandoned_) throw Abandoned{};
          take(segment, data);
        });
    if (refused) throw StatusError(std::move(refusal));
    if (segment.end == kUnknown) segment.end = segment.begin + segment.done;
  }

  void accept_whole(const Head& head, bool asked_for) {
    // The part that was asked for is no longer to be had.
    if (!asked_for) throw StartOver{};
    etag_ = head.header("etag").value_or("");
    if (const auto length = head.header("content-length"))
      if (const auto bytes = parse_int(*length); bytes && *bytes >= 0)
        segments_.front()->end = static_cast<std::uint64_t>(*bytes);
    if (segments_.front()->end != kUnknown) refuse_beyond_announced(segments_.front()->end);
  }

  // What a server sends without an end fills no disk.
  void refuse_beyond_announced(std::uint64_t size) const {
    if (wanted_.size > 0 && size > 2 * wanted_.size + kMoreThanAnnounced)
      throw Error(ErrorKind::too_large,
                  "the server sends far more than it announced; the copy from before stays");
  }

  void accept_part(const Head& head, Segment& segment, std::uint64_t from, bool split,
                   const std::function<void()>& on_split) {
    const auto range = parse_content_range(head.header("content-range").value_or(""));
    if (!range || range->begin != from) throw StartOver{};
    const std::string etag(head.header("etag").value_or(""));
    if (!split) {
      if (range->end > segment.end || (!etag_.empty() && etag != etag_)) throw StartOver{};
      return;
    }
    // Now the true length is known: the first segment is what is coming, the rest is shared out.
    refuse_beyond_announced(range->total);
    etag_ = etag;
    segment.end = range->end;
    const std::uint64_t rest = range->total - range->end;
    const std::uint64_t helpers = rest == 0 ? 0 : static_cast<std::uint64_t>(options_.segments - 1);
    std::uint64_t begin = range->end;
    for (std::uint64_t i = 1; i <= helpers; ++i) {
      const std::uint64_t end = range->end + rest * i / helpers;
      if (end == begin) continue;
      auto next = std::make_unique<Segment>();
      next->begin = begin;
      next->end = end;
      begin = end;
      segments_.push_back(std::move(next));
    }
    if (segments_.size() > 1) hash_.reset();
    on_split();
  }

  void take(Segment& segment, std::string_view data) {
    if (segment.done + data.size() > segment.length()) throw StartOver{};
    refuse_beyond_announced(segment.begin + segment.done + data.size());
    std::uint64_t at = segment.begin + segment.done;
    if (hash_) hash_->update(data);
    report(static_cast<std::int64_t>(data.size()));
    const std::uint64_t before = segment.done;
    while (!data.empty()) {
      const auto put = ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(at));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) throw system_error("cannot write " + wanted_.target.string(), put < 0 ? errno : ENOSPC);
      data.remove_prefix(static_cast<std::size_t>(put));
      at += static_cast<std::uint64_t>(put);
      segment.done += static_cast<std::uint64_t>(put);
    }
    if (segment.done / kRecordEvery != before / kRecordEvery) save_record();
  }

  void verify() {
    if (wanted_.md5.empty()) {
      // The least that a Parquet file must have: its mark at both ends.
      char head[4], tail[4];
      const auto size = ::lseek(fd_.get(), 0, SEEK_END);
      const bool good = size >= 12 && ::pread(fd_.get(), head, 4, 0) == 4 &&
                        ::pread(fd_.get(), tail, 4, size - 4) == 4 && std::memcmp(head, "PAR1", 4) == 0 &&
                        std::memcmp(tail, "PAR1", 4) == 0;
      if (good) return;
      discard();
      throw HashMismatch(ErrorKind::bad_gateway,
                         "what arrived is not a Parquet file; the copy from before stays");
    }
    const std::string found = hash_ ? hash_->hex() : md5_file(part_);
    if (iequals(found, wanted_.md5)) return;
    discard();
    throw HashMismatch(ErrorKind::bad_gateway,
                       fmt::format("hash mismatch: {} announced, {} arrived; the copy from before stays",
                                   wanted_.md5.substr(0, 12), found.substr(0, 12)));
  }

  void report(std::int64_t bytes) {
    if (progress_ && bytes != 0) progress_(bytes);
  }

  Client& client_;
  const Download& wanted_;
  const DownloadOptions& options_;
  const std::function<void(std::int64_t)>& progress_;
  const Stop cancelled_;
  const std::filesystem::path part_, record_;
  UniqueFd fd_;
  std::vector<std::unique_ptr<Segment>> segments_;
  std::string etag_;
  std::optional<Md5> hash_;  // while one segment arrives from its beginning
  std::mutex mutex_;         // the record, the failure
  std::exception_ptr failure_;
  std::atomic<bool> abandoned_ = false;
  std::atomic<bool> match_ = !wanted_.md5.empty();  // ask for exactly this content
};
}  // namespace

StatusError::StatusError(Response response)
    : Error(error_kind(response.status), fmt::format("HTTP {}", response.status)),
      response_(std::move(response)) {}

std::filesystem::path partial_name(const Download& wanted) {
  return wanted.target.parent_path() /
         ("." + wanted.target.filename().string() + "." +
          (wanted.md5.empty() ? "new" : md5_hex(wanted.md5).substr(0, 16)) + ".part");
}
bool is_partial_name(std::string_view file_name) {
  return file_name.starts_with('.') && (file_name.ends_with(".part") || file_name.ends_with(".part.json") ||
                                        file_name.ends_with(".part.json.new"));
}

void download(Client& client, const Download& wanted, const DownloadOptions& options,
              const std::function<void(std::int64_t)>& progress, Stop cancelled) {
  Job(client, wanted, options, progress, std::move(cancelled)).run();
}

}  // namespace agnes::http_client
