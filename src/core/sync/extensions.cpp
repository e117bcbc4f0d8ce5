#include "core/sync/extensions.h"

#include "core/catalog/source_kind.h"
#include "core/extracts/extension_install.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/workers/task.h"

namespace agnes::sync {

namespace {
constexpr const char* kJob = "install-extensions";
// A repository that is not reached is tried again after the next sync.
constexpr std::chrono::minutes kLimit{2};
constexpr std::uint64_t kMemory = 1ull << 30;

// DuckDB keeps what it has installed, wherever it came from: each repository has a folder of its own.
std::string repository_folder(const std::string& repository) {
  return repository.empty() ? "duckdb" : md5_hex(repository).substr(0, 12);
}
}  // namespace

extracts::RemoteRules remote_rules(const config::Config* config) {
  extracts::RemoteRules rules;
  for (const auto& kind : catalog::source_kinds()) {
    if (!kind.extension.empty()) rules.extensions.emplace_back(kind.extension);
    rules.token_envs.insert(rules.token_envs.end(), kind.token_variables.begin(), kind.token_variables.end());
    if (config == nullptr || kind.address == nullptr) continue;
    if (auto address = kind.address(*config); !address.empty()) rules.endpoints.push_back(std::move(address));
  }
  std::sort(rules.extensions.begin(), rules.extensions.end());
  return extracts::remote_rules(
      config != nullptr ? config->get<extracts::RemoteSettings>() : extracts::RemoteSettings(),
      std::move(rules));
}

Extensions::Extensions(const config::Config& config, jobs::Service& jobs)
    : Extensions(config.places(), config.get<extracts::ExtractSettings>(), jobs) {}

Extensions::Extensions(const config::Places& places, const extracts::ExtractSettings& settings,
                       jobs::Service& jobs)
    : jobs_(jobs),
      folder_(places.state / kExtensionFolder / repository_folder(settings.extension_repository)),
      repository_(settings.extension_repository),
      allow_unsigned_(settings.unsigned_extensions) {}

void Extensions::install(const std::vector<extracts::RemoteAttach>& attachments) {
  {
    const std::lock_guard lock(mutex_);
    for (const auto& attachment : attachments)
      if (!installed_.contains(attachment.extension)) wanted_.insert(attachment.extension);
    if (wanted_.empty()) return;
  }
  jobs_.enqueue(kJob);
}

jobs::Kind Extensions::kind() {
  return {.name = kJob,
          .description = "Installs what DuckDB needs for the attachments that extracts name",
          .follow_up = true,
          .work = jobs::work([this](const jobs::Context& context) -> jobs::Done {
            std::vector<std::string> failures;
            boost::json::array installed;
            while (true) {
              std::string name;
              {
                const std::lock_guard lock(mutex_);
                if (wanted_.empty()) break;
                name = *wanted_.begin();
              }
              context.throw_if_cancelled("the installation of extensions was cancelled");
              if (const auto why = install_one(name, context); !why.empty())
                failures.push_back(fmt::format("{}: {}", name, why));
              else
                installed.emplace_back(name);
            }
            if (installed.empty() && !failures.empty())
              throw Error(ErrorKind::bad_gateway, fmt::format("{}", fmt::join(failures, "; ")));
            return {boost::json::object{{"installed", installed}}, std::move(failures)};
          })};
}

std::string Extensions::install_one(const std::string& name, const jobs::Context& context) {
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
    const workers::TaskContext relay{[](const boost::json::value&) {}, context.stop().until(ends)};
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
  return why;
}

std::vector<extracts::Problem> Extensions::problems(
    const std::vector<extracts::RemoteAttach>& attachments) const {
  std::vector<extracts::Problem> out;
  const std::lock_guard lock(mutex_);
  for (const auto& attachment : attachments)
    if (const auto failed = failed_.find(attachment.extension); failed != failed_.end())
      out.push_back(
          {"extract",
           attachment.source,
           "",
           {},
           {},
           fmt::format("the remote attachment '{}' of '{}' cannot be used: its extension {} was not "
                       "installed: {}; it is tried again after the next sync",
                       attachment.alias, attachment.source, attachment.extension, failed->second)});
  return out;
}

}  // namespace agnes::sync
