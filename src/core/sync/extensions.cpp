#include "core/sync/extensions.h"

#include "core/extracts/extension_install.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/workers/task.h"

namespace agnes::sync {

namespace {
constexpr const char* kJob = "install extensions";
// A repository that is not reached is tried again after the next sync.
constexpr std::chrono::minutes kLimit{2};
constexpr std::uint64_t kMemory = 1ull << 30;

// DuckDB keeps what it has installed, wherever it came from: each repository has a folder of its own.
std::string repository_folder(const std::string& repository) {
  return repository.empty() ? "duckdb" : md5_hex(repository).substr(0, 12);
}
}  // namespace

Extensions::Extensions(const config::Config& config)
    : Extensions(config.places(), config.get<extracts::ExtractSettings>()) {}

Extensions::Extensions(const config::Places& places, const extracts::ExtractSettings& settings)
    : folder_(places.state / kExtensionFolder / repository_folder(settings.extension_repository)),
      repository_(settings.extension_repository),
      allow_unsigned_(settings.unsigned_extensions) {}

void Extensions::install(const std::vector<extracts::RemoteAttach>& attachments, jobs::Runner& runner) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& attachment : attachments)
      if (!installed_.contains(attachment.extension)) wanted_.insert(attachment.extension);
    if (wanted_.empty()) return;
  }
  // A job that runs already takes what has been added meanwhile.
  runner.start(kJob, [this](const jobs::Context& context) {
    while (!context.cancelled()) {
      std::string name;
      {
        const std::lock_guard lock(mutex_);
        if (wanted_.empty()) break;
        name = *wanted_.begin();
      }
      install_one(name, context);
    }
    return boost::json::value(nullptr);
  });
}

void Extensions::install_one(const std::string& name, const jobs::Context& context) {
  const auto ends = std::chrono::steady_clock::now() + kLimit;
  std::string why;
  try {
    std::filesystem::create_directories(folder_);
    workers::Confinement confinement;
    confinement.writable = {folder_};
    confinement.readable = {"/lib", "/usr/lib", "/lib64"};  // what it was linked with
    if (repository_.starts_with('/')) confinement.readable.push_back(repository_);
    confinement.network = true;
    confinement.memory_bytes = kMemory;
    const workers::TaskContext relay{
        [](const boost::json::value&) {},
        [&] { return context.cancelled() || std::chrono::steady_clock::now() > ends; }};
    workers::run_task("extension.install", confinement,
                      json::to_json(extracts::ExtensionInstall{name, folder_, repository_, allow_unsigned_}),
                      relay);
  } catch (const std::exception& error) {
    why = replaced(error.what(), folder_.string() + "/", "");
    if (std::chrono::steady_clock::now() > ends)
      why = fmt::format("it took longer than {} minutes", kLimit.count());
    log::warn("the DuckDB extension {} was not installed: {}", name, why);
  }
  const std::lock_guard lock(mutex_);
  wanted_.erase(name);
  failed_.erase(name);
  if (why.empty())
    installed_.insert(name);
  else
    failed_[name] = why;
}

std::vector<extracts::ReadProblem> Extensions::problems(
    const std::vector<extracts::RemoteAttach>& attachments) const {
  std::vector<extracts::ReadProblem> out;
  const std::lock_guard lock(mutex_);
  for (const auto& attachment : attachments)
    if (const auto failed = failed_.find(attachment.extension); failed != failed_.end())
      out.push_back(
          {attachment.source, "",
           fmt::format("the remote attachment '{}' of '{}' cannot be used: its extension {} was not "
                       "installed: {}; it is tried again after the next sync",
                       attachment.alias, attachment.source, attachment.extension, failed->second)});
  return out;
}

}  // namespace agnes::sync
