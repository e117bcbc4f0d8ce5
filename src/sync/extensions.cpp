#include "sync/extensions.h"

#include "base/error.h"
#include "base/json.h"
#include "base/log.h"
#include "extracts/extension_install.h"
#include "workers/task.h"

namespace agnes::sync {

namespace {
constexpr const char* kJob = "install extensions";
// A repository that is not reached is tried again after the next sync.
constexpr std::chrono::minutes kLimit{2};
}  // namespace

Extensions::Extensions(const config::Config& config)
    : folder_(config.places().state / "duckdb_extensions"),
      repository_(config.text("extract.extension_repository")),
      allow_unsigned_(config.boolean("extract.unsigned_extensions")) {}

void Extensions::install(const std::vector<extracts::RemoteAttach>& attachments, jobs::Runner& runner) {
  std::set<std::string> wanted;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& attachment : attachments)
      if (!installed_.contains(attachment.extension)) wanted.insert(attachment.extension);
  }
  if (wanted.empty()) return;
  runner.start(kJob, [this, wanted](const jobs::Context& context) {
    for (const auto& name : wanted) install_one(name, context);
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
    const workers::TaskContext relay{
        [](const boost::json::value&) {},
        [&] { return context.cancelled() || std::chrono::steady_clock::now() > ends; }};
    workers::run_task("extension.install", confinement,
                      json::to_json(extracts::ExtensionInstall{name, folder_, repository_, allow_unsigned_}),
                      relay);
  } catch (const std::exception& error) {
    why = error.what();
    log::warn("the DuckDB extension {} was not installed: {}", name, why);
  }
  const std::lock_guard lock(mutex_);
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
