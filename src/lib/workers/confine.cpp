#include "lib/workers/confine.h"

#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/files.h"

namespace agnes::workers {

namespace {

// Debian 12's headers know Landlock version 2 at most; the rest is from the kernel's documentation
// (Documentation/userspace-api/landlock.rst).
constexpr std::uint64_t kTruncate = 1ULL << 14;         // version 3
constexpr std::uint64_t kIoctlDevice = 1ULL << 15;      // version 5
constexpr std::uint64_t kBindTcp = 1ULL << 0;           // version 4
constexpr std::uint64_t kConnectTcp = 1ULL << 1;        // version 4
constexpr std::uint64_t kScopeAbstractSocket = 1 << 0;  // version 6
constexpr std::uint64_t kScopeSignal = 1 << 1;          // version 6
constexpr std::uint64_t kRefer = 1ULL << 13;            // version 2

// A sanitizer's shadow of the whole address space would count as the process's memory.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kLimitsMemory = false;
#else
constexpr bool kLimitsMemory = true;
#endif

struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;
  std::uint64_t scoped;
};

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE;
constexpr std::uint64_t kReadFolder = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
constexpr std::uint64_t kAllVersion1 = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;

std::uint64_t all_access(int version) {
  std::uint64_t access = kAllVersion1;
  if (version >= 2) access |= kRefer;
  if (version >= 3) access |= kTruncate;
  if (version >= 5) access |= kIoctlDevice;
  return access;
}

void allow(int ruleset, const std::string& path, std::uint64_t access) {
  UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!fd) return;
  struct stat info {};
  if (::fstat(fd.get(), &info) != 0) return;
  // A rule on a file may only hold what a file can do.
  if (!S_ISDIR(info.st_mode)) access &= kReadFile | LANDLOCK_ACCESS_FS_WRITE_FILE | kTruncate;
  landlock_path_beneath_attr rule{};
  rule.allowed_access = access;
  rule.parent_fd = fd.get();
  if (::syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
    throw system_error("cannot confine a worker to " + path, errno);
}

std::size_t thread_count() {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator("/proc/self/task"), fs::directory_iterator()));
}

void limit(int resource, std::uint64_t value) {
  const rlimit both{value, value};
  ::setrlimit(static_cast<__rlimit_resource>(resource), &both);
}

}  // namespace

int landlock_version() {
  const auto version = ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return version < 0 ? 0 : static_cast<int>(version);
}

void confine(const Confinement& confinement) {
  if (thread_count() != 1)
    throw Error(ErrorKind::internal, "a worker must confine itself before it starts threads");
  ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  limit(RLIMIT_CORE, 0);
  if (kLimitsMemory && confinement.memory_bytes > 0) limit(RLIMIT_DATA, confinement.memory_bytes);

  const int version = landlock_version();
  if (version == 0) return;
  const std::uint64_t everything = all_access(version);
  RulesetAttributes attributes{};
  attributes.handled_access_fs = everything;
  std::size_t size = sizeof attributes.handled_access_fs;
  if (version >= 4) {
    attributes.handled_access_net = confinement.network ? kBindTcp : kBindTcp | kConnectTcp;
    size = offsetof(RulesetAttributes, scoped);
  }
  if (version >= 6) {
    attributes.scoped = kScopeAbstractSocket | kScopeSignal;
    size = sizeof attributes;
  }
  UniqueFd ruleset(static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset) throw system_error("cannot confine a worker", errno);
  // DuckDB reads its process's limits from these when it opens a database.
  for (const char* path : {"/proc/self", "/sys/fs/cgroup"}) allow(ruleset.get(), path, kReadFolder);
  // Names of hosts and trusted certificates, and nothing else of /etc.
  if (confinement.network)
    for (const char* path :
         {"/etc/resolv.conf", "/etc/hosts", "/etc/host.conf", "/etc/nsswitch.conf", "/etc/gai.conf",
          "/etc/services", "/etc/protocols", "/etc/ssl/certs", "/etc/ssl/openssl.cnf", "/etc/pki/tls",
          "/etc/ca-certificates", "/etc/ld.so.cache", "/etc/localtime", "/usr/share/ca-certificates",
          "/usr/lib/ssl", "/run/systemd/resolve"})
      allow(ruleset.get(), path, kReadFolder);
  for (const auto& path : confinement.readable) allow(ruleset.get(), path, kReadFolder);
  for (const auto& path : confinement.writable) allow(ruleset.get(), path, everything);
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    throw system_error("cannot confine a worker", errno);
}

}  // namespace agnes::workers
