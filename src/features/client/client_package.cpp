#include "features/client/client_package.h"

#include <fcntl.h>
#include <link.h>
#include <sys/utsname.h>
#include <unistd.h>
#include <zlib.h>

#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

namespace agnes::client {

namespace {

constexpr std::size_t kBlock = 512, kBuffer = 1 << 20;
constexpr const char* kFilePrefix = "agnes-client-";

// Shared libraries that the client needs and that few machines have; both programs are linked with them. What
// every distribution has (libc, libstdc++, libcrypto) is taken there: libraries of the system that the
// client loads may need theirs.
constexpr std::string_view kBundled[] = {"libboost_", "libfmt.", "libyaml-cpp."};

std::vector<fs::path> bundled_libraries() {
  std::vector<fs::path> out;
  ::dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* found) {
        const fs::path file = info->dlpi_name;
        for (const auto& prefix : kBundled)
          if (file.filename().string().starts_with(prefix))
            static_cast<std::vector<fs::path>*>(found)->push_back(file);
        return 0;
      },
      &out);
  return out;
}

// A gzipped tar archive (POSIX ustar) of plain files, written as they are added.
class Archive {
 public:
  explicit Archive(const fs::path& file) : name_(file) {
    UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
    if (!fd) throw system_error("cannot create " + file.string(), errno);
    out_ = ::gzdopen(fd.get(), "wb6");
    if (out_ == nullptr) throw Error(ErrorKind::internal, "cannot compress " + file.string());
    fd.release();
    ::gzbuffer(out_, kBuffer);
  }
  ~Archive() {
    if (out_ != nullptr) ::gzclose(out_);
  }
  Archive(const Archive&) = delete;
  Archive& operator=(const Archive&) = delete;

  // A file that anybody may run, under its last name.
  void add(const fs::path& file) {
    UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) throw system_error("cannot open " + file.string(), errno);
    const std::uint64_t size = fs::file_size(file);
    write(header(file.filename(), size));
    std::string buffer(kBuffer, '\0');
    for (std::uint64_t left = size; left > 0;) {
      const auto got = ::read(fd.get(), buffer.data(), std::min<std::uint64_t>(left, buffer.size()));
      if (got <= 0) throw system_error("cannot read " + file.string(), got < 0 ? errno : EIO);
      write({buffer.data(), static_cast<std::size_t>(got)});
      left -= static_cast<std::uint64_t>(got);
    }
    write(std::string((kBlock - size % kBlock) % kBlock, '\0'));
  }
  void finish() {
    write(std::string(2 * kBlock, '\0'));
    const int ended = ::gzclose(std::exchange(out_, nullptr));
    if (ended != Z_OK) throw system_error("cannot write " + name_.string(), ended == Z_ERRNO ? errno : EIO);
  }

 private:
  static std::string header(const std::string& name, std::uint64_t size) {
    std::string block(kBlock, '\0');
    const auto put = [&](std::size_t at, std::string_view text) { text.copy(&block[at], text.size()); };
    put(0, name);
    put(100, "0000755");
    put(108, "0000000");
    put(116, "0000000");
    put(124, fmt::format("{:011o}", size));
    put(136, "00000000000");
    put(148, "        ");
    put(156, "0");
    put(257, std::string_view("ustar\00000", 8));
    unsigned sum = 0;
    for (const unsigned char c : block) sum += c;
    put(148, fmt::format("{:06o}", sum));
    block[154] = '\0';
    return block;
  }
  void write(std::string_view data) {
    if (!data.empty() && ::gzwrite(out_, data.data(), static_cast<unsigned>(data.size())) <= 0)
      throw system_error("cannot write " + name_.string(), errno);
  }

  const fs::path name_;
  gzFile out_ = nullptr;
};

}  // namespace

std::string platform_name() {
  utsname names{};
  ::uname(&names);
  return to_lower(names.sysname) + "-" + names.machine;
}

std::vector<ClientPackages::Part> ClientPackages::parts() const {
  std::vector<Part> out;
  std::vector<fs::path> files{programs_ / "agnes", programs_ / "libduckdb.so"};
  for (auto& library : bundled_libraries()) files.push_back(std::move(library));
  for (auto& file : files) {
    const auto stamp = extracts::stamp_of(file);
    if (!stamp) return {};
    out.push_back({std::move(file), *stamp});
  }
  return out;
}

bool ClientPackages::available() const {
  return !parts().empty();
}

std::optional<ClientPackage> ClientPackages::current() {
  std::lock_guard one_at_a_time(mutex_);
  auto now = parts();
  if (now.empty()) return std::nullopt;
  if (package_ && now == packed_ && fs::exists(package_->file)) return package_;
  package_.reset();
  fs::create_directories(scratch_);
  std::error_code ignored;
  for (const auto& old : fs::directory_iterator(scratch_, ignored))
    if (old.path().filename().string().starts_with(kFilePrefix)) fs::remove(old.path(), ignored);
  ClientPackage made{AGNES_VERSION, platform_name(), "", "", 0, ""};
  made.filename = fmt::format("agnes-{}-{}.tar.gz", made.version, made.platform);
  made.file = scratch_ / (kFilePrefix + made.filename.substr(6));
  PendingFile pending(made.file);
  {
    Archive archive(pending.temporary());
    for (const auto& part : now) archive.add(part.file);
    archive.finish();
  }
  pending.commit();
  made.size = fs::file_size(made.file);
  made.sha256 = sha256_hex(read_file(made.file).value());
  packed_ = std::move(now);
  package_ = made;
  return made;
}

}  // namespace agnes::client
