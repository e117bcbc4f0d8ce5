#include "connectors/files/compression.h"

#include <cstring>
#include <fstream>

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include "connectors/files/source_error.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

enum class Compression { none, gzip, zstd };

Compression by_name(const SourceFile& file) {
  const std::string lower = to_lower(file.relative);
  return lower.ends_with(".gz")    ? Compression::gzip
         : lower.ends_with(".zst") ? Compression::zstd
                                   : Compression::none;
}

constexpr std::string_view to_text(Compression compression) {
  return compression == Compression::gzip ? "gzip" : "zstd";
}

Compression by_content(std::string_view begin) {
  if (begin.starts_with("\x1f\x8b")) return Compression::gzip;
  if (begin.size() < 4) return Compression::none;
  std::uint32_t magic = 0;
  for (std::size_t i = 0; i < 4; ++i) magic |= std::uint32_t{static_cast<unsigned char>(begin[i])} << (8 * i);
  const bool skippable = magic >= ZSTD_MAGIC_SKIPPABLE_START && magic <= ZSTD_MAGIC_SKIPPABLE_START + 15;
  return magic == ZSTD_MAGICNUMBER || skippable ? Compression::zstd : Compression::none;
}

}  // namespace

struct Contents::Impl {
  explicit Impl(const SourceFile& source)
      : file(source), in(source.path, std::ios::binary), named(by_name(source)) {
    if (!in) wrong("cannot be opened");
    fill();
    const std::string_view begin(input.data(), std::min<std::size_t>(end, 4));
    const Compression found = by_content(begin);
    if (named == Compression::none) {
      if (found != Compression::none)
        wrong(fmt::format("is compressed with {0}: end its name in .{1}", to_text(found),
                          found == Compression::gzip ? "gz" : "zst"));
      return;
    }
    if (begin.empty()) wrong("is empty: copy it again");
    if (found == Compression::none && begin.size() >= 4)
      wrong(fmt::format("is not compressed with {}, as its name says: rename it, or copy it again",
                        to_text(named)));
    if (found == Compression::none) cut_off();
    if (found != named)
      wrong(fmt::format("is compressed with {}, not with {} as its name says: rename it", to_text(found),
                        to_text(named)));
    if (named == Compression::zstd) {
      zstd.reset(::ZSTD_createDStream());
      if (!zstd) throw std::bad_alloc();
    } else {
      if (::inflateInit2(&gzip, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
      inflating.reset(&gzip);
    }
  }

  [[noreturn]] void wrong(const std::string& what) const {
    throw SourceError("damaged", file.relative, std::nullopt,
                      fmt::format("{} {}", shown(file.relative), what));
  }
  [[noreturn]] void cut_off() const { wrong("is cut off: copy it again"); }
  [[noreturn]] void damaged() const {
    wrong("is damaged: its compressed contents do not fit their checksum: copy it again");
  }

  [[noreturn]] void goes_on() const {
    wrong(fmt::format("has something behind its compressed contents that is not {}: copy it again",
                      to_text(named)));
  }

  // False at the end of the file.
  bool fill() {
    if (at < end) return true;
    in.read(input.data(), static_cast<std::streamsize>(input.size()));
    if (in.bad()) wrong("cannot be read to its end");
    at = 0;
    end = static_cast<std::size_t>(in.gcount());
    return end > 0;
  }

  std::size_t read(char* to, std::size_t size) {
    if (named == Compression::gzip) return read_gzip(to, size);
    if (named == Compression::zstd) return read_zstd(to, size);
    if (!fill()) return 0;
    const std::size_t count = std::min(size, end - at);
    std::copy_n(input.data() + at, count, to);
    at += count;
    return count;
  }

  std::size_t read_gzip(char* to, std::size_t size) {
    gzip.next_out = reinterpret_cast<unsigned char*>(to);
    gzip.avail_out = static_cast<unsigned>(size);
    while (gzip.avail_out == size) {
      if (!fill()) {
        if (within) cut_off();
        return 0;
      }
      // Members may be padded with zeros.
      if (!within && input[at] == '\0') {
        ++at;
        continue;
      }
      if (!within && begun && input[at] != '\x1f') goes_on();
      begun = true;
      if (!within) ::inflateReset(&gzip);
      gzip.next_in = reinterpret_cast<unsigned char*>(input.data()) + at;
      gzip.avail_in = static_cast<unsigned>(end - at);
      const int said = ::inflate(&gzip, Z_NO_FLUSH);
      at = end - gzip.avail_in;
      within = said != Z_STREAM_END;
      if (within && said != Z_OK && said != Z_BUF_ERROR) damaged();
    }
    return size - gzip.avail_out;
  }

  std::size_t read_zstd(char* to, std::size_t size) {
    ZSTD_outBuffer out{to, size, 0};
    while (out.pos == 0) {
      if (!fill() && !held_back) {
        if (within) cut_off();
        return 0;
      }
      ZSTD_inBuffer from{input.data(), end, at};
      const std::size_t said = ::ZSTD_decompressStream(zstd.get(), &out, &from);
      if (::ZSTD_isError(said) != 0) {
        if (begun && ::ZSTD_getErrorCode(said) == ZSTD_error_prefix_unknown) goes_on();
        damaged();
      }
      begun = true;
      at = from.pos;
      within = said != 0;
      held_back = out.pos == size && within;
    }
    return out.pos;
  }

  const SourceFile file;
  std::ifstream in;
  const Compression named;
  std::vector<char> input = std::vector<char>(1 << 18);
  std::size_t at = 0, end = 0;
  bool within = true;      // a member or frame that has not ended
  bool begun = false;      // something was unpacked
  bool held_back = false;  // zstd has more of what it was given
  z_stream gzip{};
  std::unique_ptr<z_stream, int (*)(z_stream*)> inflating{nullptr, ::inflateEnd};
  std::unique_ptr<ZSTD_DStream, std::size_t (*)(ZSTD_DStream*)> zstd{nullptr, ::ZSTD_freeDStream};
};

Contents::Contents(const SourceFile& file) : impl_(std::make_unique<Impl>(file)) {}
Contents::Contents(Contents&& other) noexcept = default;
Contents::~Contents() = default;

std::size_t Contents::read(char* to, std::size_t size) {
  return impl_->read(to, size);
}

void check_contents(SourceFile& file) {
  // A reader of JSON goes to the end by itself.
  if (file.format != Format::csv && file.format != Format::tsv) return;
  Contents contents(file);
  std::vector<char> buffer(1 << 18);
  while (const auto size = contents.read(buffer.data(), buffer.size()))
    file.has_zeros = file.has_zeros || std::memchr(buffer.data(), 0, size) != nullptr;
}

}  // namespace agnes::connectors::files
