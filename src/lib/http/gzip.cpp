#include <zlib.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/http/response.h"

namespace agnes::http {

namespace {
constexpr int kGzipWindow = 15 + 16;  // the largest window, with gzip's header and checksum

struct Deflater {
  z_stream stream{};
  int level;
  explicit Deflater(int level) : level(level) {
    if (deflateInit2(&stream, level, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~Deflater() { deflateEnd(&stream); }
};

std::string deflated(std::string_view data, int level, int flush) {
  // Setting one up costs more than a small answer takes to compress, so each thread keeps its own.
  thread_local std::unique_ptr<Deflater> kept;
  if (kept == nullptr || kept->level != level) kept = std::make_unique<Deflater>(level);
  z_stream& stream = kept->stream;
  deflateReset(&stream);
  // The end of a flush may be longer than the one that it stands for.
  std::string out(deflateBound(&stream, data.size()) + 16, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, flush);
  out.resize(stream.total_out);
  return out;
}
}  // namespace

std::string gzip(std::string_view data, int level) {
  return deflated(data, level, Z_FINISH);
}

std::string gunzip(std::string_view data, std::size_t limit) {
  z_stream stream{};
  if (inflateInit2(&stream, kGzipWindow) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, int (*)(z_stream*)> guard(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  std::string out;
  char buffer[1 << 15];
  while (true) {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    const int result = inflate(&stream, Z_NO_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
    if (out.size() > limit)
      throw Error(ErrorKind::too_large, fmt::format("The body unpacks to more than {} bytes", limit));
    if (result == Z_STREAM_END && stream.avail_in == 0) return out;
    if (result != Z_OK) throw Error(ErrorKind::bad_request, "The body is not valid gzip");
  }
}

const std::string& SharedText::etag() const {
  std::call_once(tagged_, [&] { etag_ = '"' + md5_hex(plain_) + '"'; });
  return etag_;
}

// Without its last block (RFC 1951), but up to a whole byte, so that another can follow.
const SharedText::Compressed& SharedText::compressed() const {
  std::call_once(packing_, [&] {
    compressed_.bytes = deflated(plain_, 6, Z_SYNC_FLUSH);
    compressed_.checksum =
        crc32(0, reinterpret_cast<const Bytef*>(plain_.data()), static_cast<uInt>(plain_.size()));
  });
  return compressed_;
}

// A last block that is not compressed, then gzip's checksum and length (RFC 1952).
std::string SharedText::compressed_end(std::string_view tail) const {
  std::string out;
  const auto put = [&out](std::uint64_t value, int bytes) {
    for (; bytes > 0; --bytes, value >>= 8) out += static_cast<char>(value & 0xff);
  };
  const auto length = static_cast<std::uint16_t>(tail.size());
  put(1, 1);
  put(length, 2);
  put(static_cast<std::uint16_t>(~length), 2);
  out += tail;
  const auto checksum = crc32(0, reinterpret_cast<const Bytef*>(tail.data()), length);
  put(crc32_combine(compressed().checksum, checksum, length), 4);
  put(plain_.size() + length, 4);
  return out;
}

}  // namespace agnes::http
