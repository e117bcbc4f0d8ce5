#include "cli/self_upgrade.h"

#include <map>
#include <thread>

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/config.h"
#include "cli/process.h"
#include "contract/client.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/ids.h"
#include "lib/base/signature.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

constexpr std::uint64_t kLargestPackage = 500u << 20;
constexpr std::chrono::seconds kTrial{20};
constexpr const char* kWorkPrefix = ".new-";

// As /cli/install.sh lays it out: LIB/<version>-<beginning of the hash>/agnes, and a link to it.
struct Installation {
  fs::path lib, release, link;
};

bool is_hex(std::string_view text) {
  return text.find_first_not_of("0123456789abcdef") == text.npos;
}
// What may be a file's name, and means nothing to anything else.
bool is_plain(std::string_view text) {
  return !text.empty() && text.size() <= 128 && text.front() != '.' && text.front() != '-' &&
         std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                  c == '_' || c == '+' || c == '-';
         });
}

Failure not_ours(const std::string& why, const std::string& server) {
  return {Cause::failed, why, fmt::format("curl -fsSL {}/cli/install.sh | bash", escape_control(server))};
}

Installation find_installation(const std::string& server) {
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  Installation out;
  out.release = program.parent_path();
  out.lib = out.release.parent_path();
  out.link = out.lib.parent_path().parent_path() / "bin" / "agnes";
  const std::string name = out.release.filename();
  if (out.lib.filename() != "agnes" || name.size() < 14 || name[name.size() - 13] != '-' ||
      !is_hex(name.substr(name.size() - 12)))
    throw not_ours(program.string() + " was not installed by a server's install.sh", server);
  if (fs::canonical(out.link, error) != program)
    throw not_ours(out.link.string() + " does not lead to " + program.string(), server);
  return out;
}

// The keys of servers, as this machine saw them first: KEYS of config/server_keys.json.
class SeenKeys {
 public:
  SeenKeys() : file_(config_folder() / "server_keys.json") {
    try {
      keys_ =
          json::from_json<std::map<std::string, std::string>>(json::parse(read_file(file_).value_or("{}")));
    } catch (const Error&) {
      throw Failure(Cause::failed, file_.string() + " makes no sense",
                    "remove it, and the keys that servers have now count");
    }
  }
  std::optional<std::string> find(const std::string& server) const {
    const auto found = keys_.find(server);
    return found == keys_.end() ? std::nullopt : std::optional(found->second);
  }
  void set(const std::string& server, const std::string& key) {
    keys_[server] = key;
    replace_file(file_, json::to_text(keys_) + "\n", 0600);
  }

 private:
  const fs::path file_;
  std::map<std::string, std::string> keys_;
};

void check_signature(const contract::ClientPackage& package, const std::string& server, bool force) {
  if (!is_signed_by(package.public_key, contract::signed_text(package), package.signature))
    throw Failure(Cause::server_fault, server + " does not sign the client that it offers as it should",
                  "tell its administrator");
  SeenKeys keys;
  const auto seen = keys.find(server);
  if (seen && *seen != package.public_key && !force)
    throw Failure(
        Cause::failed, "the client that " + server + " offers is signed with another key than before",
        "ask its administrator whether the server was set up anew; then agnes self-upgrade --force");
  if (seen != package.public_key) keys.set(server, package.public_key);
}

void fetch(Api& api, const contract::ClientPackage& package, const fs::path& file) {
  const UniqueFd fd(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) throw system_error("cannot write " + file.string(), errno);
  std::uint64_t size = 0;
  int status = 0;
  http_client::Request request;
  request.path = "/cli/package/" + package.filename;
  request.compressed = false;
  api.client().stream(
      request, [&](const http_client::Head& head) { status = head.status; },
      [&](std::string_view data) {
        size += data.size();
        if (size > package.size)
          throw Failure(Cause::server_fault, "the client is larger than the server said", "try again");
        write_or_throw(fd.get(), data, file);
      });
  if (status != 200)
    throw Failure(cause_of_status(status), fmt::format("the client cannot be fetched: HTTP {}", status),
                  "try again");
  if (size != package.size || sha256_hex(read_file(file).value_or("")) != package.sha256)
    throw Failure(Cause::server_fault, "what arrived is not what the server signed", "try again");
}

// What it prints; throws Failure when it fails or takes too long.
std::string run(const std::vector<std::string>& words) {
  const auto ended = run_program(words, true, kTrial);
  if (ended.exit == 0) return ended.output;
  throw Failure(
      Cause::failed,
      fmt::format("{} failed: {}", words[0], escape_control(ended.output.substr(0, ended.output.find('\n')))),
      "agnes stays as it is");
}

// A link in one step.
void turn(const fs::path& link, const fs::path& target) {
  const fs::path beside = link.parent_path() / (".agnes-" + random_hex(8));
  fs::create_symlink(target, beside);
  fs::rename(beside, link);
  sync_folder(link.parent_path());
}

void install(Api& api, const Installation& here, const contract::ClientPackage& package) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(here.lib, ignored))
    if (entry.path().filename().string().starts_with(kWorkPrefix)) fs::remove_all(entry.path(), ignored);
  const fs::path work = here.lib / (kWorkPrefix + random_hex(8));
  const fs::path release = here.lib / (package.version + "-" + package.sha256.substr(0, 12));
  fs::create_directories(work / "agnes");
  struct Guard {
    const fs::path& work;
    ~Guard() {
      std::error_code error;
      fs::remove_all(work, error);
    }
  } guard{work};
  fetch(api, package, work / "package");
  run({"tar", "-xzf", (work / "package").string(), "-C", (work / "agnes").string()});
  // It asks no server while it is tried.
  ::setenv("AGNES_SELF_UPGRADE_IN_PROGRESS", "1", 1);
  ::unsetenv("AGNES_TOKEN");
  const auto said = run({(work / "agnes" / "agnes").string(), "--version"});
  if (said.find(package.version) == said.npos)
    throw Failure(Cause::server_fault,
                  fmt::format("the fetched program says that it is {}, and not {}",
                              escape_control(trim(said)), package.version),
                  "agnes stays as it is; tell the server's administrator");
  for (const auto& entry : fs::directory_iterator(work / "agnes")) sync_file(entry.path());
  if (!fs::exists(release)) rename_synced(work / "agnes", release);
  turn(here.link, release / "agnes");
  try {
    run({here.link.string(), "--version"});
  } catch (const Error&) {
    turn(here.link, here.release / "agnes");
    throw;
  }
  // The one that runs stays for whoever else runs it.
  for (const auto& entry : fs::directory_iterator(here.lib, ignored))
    if (entry.is_directory(ignored) && entry.path() != release && entry.path() != here.release)
      fs::remove_all(entry.path(), ignored);
}

fs::path failures_file() {
  return config_folder() / "self_upgrade.json";
}

UpgradeResult upgrade(Api& api, const UpgradeOptions& options) {
  require_known(api.server());
  UpgradeResult out{AGNES_VERSION, std::nullopt, false, false};
  const auto response = api.get("/cli/package");
  if (response.status == 404) {
    if (!options.force) return out;
    throw Failure(Cause::not_found, api.server() + " has no client to offer", "ask its administrator");
  }
  expect(response, {200}, "ask which client " + api.server() + " has");
  const auto package = contract::read<contract::ClientPackage>(response.json());
  if (!is_plain(package.version) || !is_plain(package.filename) || package.sha256.size() != 64 ||
      !is_hex(package.sha256) || package.size > kLargestPackage)
    throw Failure(Cause::server_fault, api.server() + "/cli/package makes no sense",
                  "tell its administrator");
  out.latest = package.version;
  out.outdated = is_older(AGNES_VERSION, package.version);
  if (options.check_only || (!out.outdated && !options.force)) return out;

  const auto here = find_installation(api.server());
  check_signature(package, api.server(), options.force);
  const auto lock = FileLock::try_lock(here.lib / ".lock");
  if (!lock) throw Failure(Cause::failed, "another agnes self-upgrade is at work", "wait until it is done");
  install(api, here, package);
  out.upgraded = true;
  return out;
}

}  // namespace

UpgradeFailures upgrade_failures() {
  try {
    const auto text = read_file(failures_file());
    return text ? json::from_json<UpgradeFailures>(json::parse(*text)) : UpgradeFailures();
  } catch (const Error&) {
    return {};
  }
}

namespace {

// Nothing: it went well.
void note_outcome(const std::optional<std::string>& error) {
  const auto before = upgrade_failures();
  if (!error && before.count == 0) return;
  const UpgradeFailures now = error ? UpgradeFailures{before.count + 1, *error} : UpgradeFailures();
  replace_file(failures_file(), json::to_text(now) + "\n", 0600);
}

}  // namespace

UpgradeResult self_upgrade(Api& api, const UpgradeOptions& options) {
  if (options.check_only) return upgrade(api, options);
  try {
    const auto result = upgrade(api, options);
    note_outcome(std::nullopt);
    return result;
  } catch (const http_client::TransportError&) {
    throw;
  } catch (const http_client::Cancelled&) {
    throw;
  } catch (const Error& error) {
    note_outcome(error.what());
    throw;
  }
}

}  // namespace agnes::cli
