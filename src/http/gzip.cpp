#include <zlib.h>

#include "base/error.h"
#include "http/response.h"

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
}  // namespace

std::string gzip(std::string_view data, int level) {
  // Setting one up costs more than a small answer takes to compress, so each thread keeps its own.
  thread_local std::unique_ptr<Deflater> kept;
  if (kept == nullptr || kept->level != level) kept = std::make_unique<Deflater>(level);
  z_stream& stream = kept->stream;
  deflateReset(&stream);
  std::string out(deflateBound(&stream, data.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
  stream.avail_in = static_cast<uInt>(data.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  out.resize(stream.total_out);
  return out;
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
    if (result != Z_OK) throw Error(ErrorKind::bad_request, "The body is no valid gzip");
  }
}

SharedBody::SharedBody(std::string text, bool compress)
    : plain(std::make_shared<const std::string>(std::move(text))) {
  if (!compress) return;
  std::string packed = http::gzip(*plain, 6);
  if (packed.size() < plain->size()) gzip = std::make_shared<const std::string>(std::move(packed));
}

}  // namespace agnes::http
