#include "connectors/files/bytes.h"

#include <fstream>

#include <zlib.h>
#include <zstd.h>

#include "connectors/files/read.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

constexpr std::size_t kPackedBytes = 1 << 18;

class PlainBytes : public ByteSource {
 public:
  explicit PlainBytes(const SourceFile& file) : file_(file), in_(file.path, std::ios::binary) {
    if (!in_) wrong("cannot be opened");
  }

  std::size_t read(char* to, std::size_t most) override {
    in_.read(to, static_cast<std::streamsize>(most));
    if (in_.bad()) wrong("cannot be read");
    return static_cast<std::size_t>(in_.gcount());
  }

  [[noreturn]] void wrong(std::string_view what) const {
    throw SourceError("malformed", file_.relative, std::nullopt,
                      fmt::format("{} {}", shown(file_.relative), what));
  }

 private:
  const SourceFile& file_;
  std::ifstream in_;
};

// Calls `unpack` until it has given `most` bytes or there are no more.
class PackedBytes : public ByteSource {
 public:
  explicit PackedBytes(const SourceFile& file) : packed_(file), buffer_(kPackedBytes) {}

  std::size_t read(char* to, std::size_t most) override {
    std::size_t done = 0;
    while (done < most) {
      if (begin_ == end_ && !at_end_) {
        begin_ = 0;
        end_ = packed_.read(buffer_.data(), buffer_.size());
        at_end_ = end_ == 0;
      }
      const auto got = unpack(to + done, most - done);
      done += got;
      if (got > 0 || begin_ < end_) continue;
      if (!at_end_) continue;
      if (within_) packed_.wrong("is cut off: copy it again");
      break;
    }
    return done;
  }

 protected:
  // Unpacks some of the bytes from `begin_` to `end_`, which it moves on; none are left at the file's end, where it
  // gives what it still holds.
  virtual std::size_t unpack(char* to, std::size_t most) = 0;
  [[noreturn]] void damaged() const {
    packed_.wrong("is damaged: its compressed contents do not fit their checksum");
  }

  PlainBytes packed_;
  std::vector<char> buffer_;
  std::size_t begin_ = 0, end_ = 0;
  bool at_end_ = false;
  bool within_ = true;  // a member or frame has begun and not ended
};

class GzipBytes : public PackedBytes {
 public:
  explicit GzipBytes(const SourceFile& file) : PackedBytes(file) {
    if (::inflateInit2(&stream_, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  ~GzipBytes() override { ::inflateEnd(&stream_); }

 protected:
  std::size_t unpack(char* to, std::size_t most) override {
    if (!within_) {
      while (begin_ < end_ && buffer_[begin_] == '\0') ++begin_;
      if (begin_ == end_) return 0;
      ::inflateReset(&stream_);
      within_ = true;
    }
    stream_.next_in = reinterpret_cast<unsigned char*>(buffer_.data() + begin_);
    stream_.avail_in = static_cast<unsigned>(end_ - begin_);
    stream_.next_out = reinterpret_cast<unsigned char*>(to);
    stream_.avail_out = static_cast<unsigned>(most);
    const int said = ::inflate(&stream_, Z_NO_FLUSH);
    begin_ = end_ - stream_.avail_in;
    if (said == Z_STREAM_END)
      within_ = false;
    else if (said != Z_OK && said != Z_BUF_ERROR)
      damaged();
    return most - stream_.avail_out;
  }

 private:
  z_stream stream_{};
};

class ZstdBytes : public PackedBytes {
 public:
  explicit ZstdBytes(const SourceFile& file)
      : PackedBytes(file), stream_(::ZSTD_createDCtx(), ::ZSTD_freeDCtx) {
    if (!stream_) throw std::bad_alloc();
  }

 protected:
  std::size_t unpack(char* to, std::size_t most) override {
    if (!within_ && begin_ == end_) return 0;
    ZSTD_inBuffer in{buffer_.data() + begin_, end_ - begin_, 0};
    ZSTD_outBuffer out{to, most, 0};
    const auto left = ::ZSTD_decompressStream(stream_.get(), &out, &in);
    if (::ZSTD_isError(left) != 0) damaged();
    begin_ += in.pos;
    within_ = left != 0;
    return out.pos;
  }

 private:
  std::unique_ptr<ZSTD_DCtx, std::size_t (*)(ZSTD_DCtx*)> stream_;
};

}  // namespace

std::unique_ptr<ByteSource> open_bytes(const SourceFile& file) {
  const std::string name = to_lower(file.relative);
  if (name.ends_with(".gz")) return std::make_unique<GzipBytes>(file);
  if (name.ends_with(".zst")) return std::make_unique<ZstdBytes>(file);
  return std::make_unique<PlainBytes>(file);
}

}  // namespace agnes::connectors::files
