#include "connectors/files/compression.h"

#include <fstream>

#include <zlib.h>

#include "connectors/files/read.h"
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

std::uint32_t little_endian(std::string_view bytes) {
  std::uint32_t out = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i)
    out |= std::uint32_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return out;
}

constexpr std::uint32_t kZstdMagic = 0xFD2FB528;
bool is_skippable(std::uint32_t magic) {
  return magic >= 0x184D2A50 && magic <= 0x184D2A5F;
}

Compression by_content(std::string_view begin) {
  if (begin.starts_with("\x1f\x8b")) return Compression::gzip;
  if (begin.size() < 4) return Compression::none;
  const auto magic = little_endian(begin.substr(0, 4));
  return magic == kZstdMagic || is_skippable(magic) ? Compression::zstd : Compression::none;
}

class Checker {
 public:
  explicit Checker(const SourceFile& file) : file_(file), in_(file.path, std::ios::binary) {}

  void run() {
    const Compression named = by_name(file_);
    const std::string begin = look(4);
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
    if (named == Compression::gzip)
      check_gzip();
    else
      check_zstd();
  }

 private:
  [[noreturn]] void wrong(const std::string& what) const {
    throw SourceError("damaged", file_.relative, std::nullopt,
                      fmt::format("{} {}", shown(file_.relative), what));
  }
  [[noreturn]] void cut_off() const { wrong("is cut off: copy it again"); }
  [[noreturn]] void damaged() const {
    wrong("is damaged: its compressed contents do not fit their checksum: copy it again");
  }

  std::string look(std::size_t bytes) {
    std::string out = take(bytes);
    in_.clear();
    in_.seekg(0);
    return out;
  }
  // Fewer at the end of the file.
  std::string take(std::size_t bytes) {
    std::string out(bytes, '\0');
    in_.read(out.data(), static_cast<std::streamsize>(bytes));
    out.resize(static_cast<std::size_t>(in_.gcount()));
    return out;
  }
  std::string take_all(std::size_t bytes) {
    auto out = take(bytes);
    if (out.size() < bytes) cut_off();
    return out;
  }
  void skip(std::size_t bytes) {
    for (constexpr std::size_t step = 1 << 16; bytes > 0; bytes -= std::min(bytes, step))
      take_all(std::min(bytes, step));
  }

  void check_gzip() {
    z_stream stream{};
    if (::inflateInit2(&stream, 16 + MAX_WBITS) != Z_OK) throw std::bad_alloc();
    const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, ::inflateEnd);
    std::vector<unsigned char> out(1 << 18);
    bool within = true;
    for (std::string in; !(in = take(1 << 18)).empty();) {
      stream.next_in = reinterpret_cast<unsigned char*>(in.data());
      stream.avail_in = static_cast<unsigned>(in.size());
      while (stream.avail_in > 0) {
        if (!within) {
          if (*stream.next_in == 0) {
            ++stream.next_in;
            --stream.avail_in;
            continue;
          }
          ::inflateReset(&stream);
          within = true;
        }
        stream.next_out = out.data();
        stream.avail_out = static_cast<unsigned>(out.size());
        const int said = ::inflate(&stream, Z_NO_FLUSH);
        if (said == Z_STREAM_END)
          within = false;
        else if (said != Z_OK && said != Z_BUF_ERROR)
          damaged();
      }
    }
    if (within) cut_off();
  }

  // RFC 8878: frames one after the other, each of blocks that say how long they are.
  void check_zstd() {
    for (std::string magic; !(magic = take(4)).empty();) {
      if (magic.size() < 4) cut_off();
      const auto number = little_endian(magic);
      if (is_skippable(number)) {
        skip(little_endian(take_all(4)));
        continue;
      }
      if (number != kZstdMagic) damaged();
      const auto flags = little_endian(take_all(1));
      const bool single_segment = (flags & 0x20) != 0;
      constexpr std::size_t dictionary_bytes[] = {0, 1, 2, 4};
      const std::size_t size_bytes[] = {single_segment ? 1u : 0u, 2, 4, 8};
      take_all((single_segment ? 0 : 1) + dictionary_bytes[flags & 3] + size_bytes[flags >> 6]);
      for (bool last = false; !last;) {
        const auto header = little_endian(take_all(3));
        last = (header & 1) != 0;
        const auto type = (header >> 1) & 3;
        if (type == 3) damaged();
        skip(type == 1 ? 1 : header >> 3);
      }
      if ((flags & 4) != 0) take_all(4);
    }
  }

  const SourceFile& file_;
  std::ifstream in_;
};

}  // namespace

void check_compression(const SourceFile& file) {
  if (file.format != Format::parquet) Checker(file).run();
}

}  // namespace agnes::connectors::files
