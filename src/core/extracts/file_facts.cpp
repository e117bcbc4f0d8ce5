#include "core/extracts/file_facts.h"

#include "lib/base/files.h"

namespace agnes::extracts {

namespace {
// Of the file's form; another one is ignored.
constexpr std::int64_t kVersion = 1;

struct Stored {
  std::int64_t version = kVersion;
  std::string analytics;
  std::map<std::string, FileFacts> files;
  std::map<std::string, ExtractFacts> extracts;
};
BOOST_DESCRIBE_STRUCT(Stored, (), (version, analytics, files, extracts))
}  // namespace

static fs::path facts_file(const fs::path& extract_folder) {
  return extract_folder / ".agnes-facts.json";
}

std::map<std::string, FileFacts> read_facts(const fs::path& extract_folder) {
  try {
    if (const auto text = read_file(facts_file(extract_folder)))
      return json::from_json<std::map<std::string, FileFacts>>(boost::json::parse(*text));
  } catch (const std::exception&) {
    // Only a note: what it would have told is found again.
  }
  return {};
}
void write_facts(const fs::path& extract_folder, const std::map<std::string, FileFacts>& facts) {
  replace_file(facts_file(extract_folder), json::to_text(facts));
}

FactsCache::FactsCache(std::string file) : path_(std::move(file)) {
  if (path_.empty()) return;
  const auto text = read_file(path_);
  if (!text) return;
  try {
    auto stored = json::from_json<Stored>(boost::json::parse(*text));
    if (stored.version != kVersion) return;
    old_ = {std::move(stored.files), std::move(stored.extracts)};
    analytics = std::move(stored.analytics);
    loaded_ = *text;
  } catch (const std::exception&) {
    // Written by another version or cut: everything is read again.
  }
}

template <class T>
static std::optional<T> look_up(const std::map<std::string, T>& old, std::map<std::string, T>& used,
                                const std::string& path, const FileStamp& stamp) {
  const auto found = old.find(path);
  if (found == old.end() || found->second.stamp != stamp) return std::nullopt;
  used.insert(*found);
  return found->second;
}

std::optional<FileFacts> FactsCache::file(const std::string& path, const FileStamp& stamp) {
  const std::scoped_lock lock(mutex_);
  return look_up(old_.files, used_.files, path, stamp);
}
std::optional<ExtractFacts> FactsCache::extract(const std::string& path, const FileStamp& stamp) {
  const std::scoped_lock lock(mutex_);
  return look_up(old_.extracts, used_.extracts, path, stamp);
}
void FactsCache::keep(const std::string& path, const FileFacts& facts) {
  const std::scoped_lock lock(mutex_);
  used_.files[path] = facts;
}
void FactsCache::keep(const std::string& path, const ExtractFacts& facts) {
  const std::scoped_lock lock(mutex_);
  used_.extracts[path] = facts;
}

void FactsCache::keep_below(const std::string& folder) {
  const std::scoped_lock lock(mutex_);
  const auto keep = [&](const auto& old, auto& used) {
    for (auto at = old.lower_bound(folder + '/'); at != old.end() && at->first.starts_with(folder + '/');
         ++at)
      used.insert(*at);
  };
  keep(old_.files, used_.files);
  keep(old_.extracts, used_.extracts);
}

void FactsCache::save() {
  const std::scoped_lock lock(mutex_);
  if (path_.empty()) return;
  const std::string text = json::to_text(Stored{kVersion, analytics, used_.files, used_.extracts});
  if (text == loaded_) return;
  replace_file(path_, text);
  loaded_ = text;
}

}  // namespace agnes::extracts
