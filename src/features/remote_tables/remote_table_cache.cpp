#include "features/remote_tables/remote_table_cache.h"

#include "lib/base/error.h"
#include "lib/base/log.h"

namespace agnes::remote_tables {

namespace {

constexpr std::chrono::minutes kKeep{10};
constexpr std::size_t kMostKept = 1000;
// As many as may be asked for: another number costs no engine anything.
constexpr int kMostRows = 100;

// Another place at the source is another table.
std::string key_of(const Registration& row) {
  return row.id + '\n' + row.bucket.value_or("") + '\n' + row.source_table.value_or("");
}

// The contract's form of an engine's error here.
[[noreturn]] void rethrow(const Error& error) {
  const auto* said = error.detail().if_object();
  if (said == nullptr || !said->contains("kind")) throw error;
  // Who the account is and where its key lies concern operators.
  if (said->at("kind") == "auth_failed") {
    log::warn("an engine of remote tables gives no access: {}", error.what());
    const char* message = "the table's engine gives the server no access; its log says why";
    throw Error(error.kind(), message,
                boost::json::object{
                    {"error", "auth_failed"}, {"message", message}, {"details", boost::json::object{}}});
  }
  auto details = *said;
  boost::json::object detail{{"error", details.at("kind")}, {"message", error.what()}};
  details.erase("kind");
  details.erase("message");
  detail["details"] = std::move(details);
  throw Error(error.kind(), error.what(), std::move(detail));
}

}  // namespace

template <class T, class Fetch>
T RemoteTableCache::kept(Cache<T>& cache, const std::string& key, const Fetch& fetch) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = cache.find(key);
    if (found != cache.end() && std::chrono::steady_clock::now() - found->second.at < kKeep)
      return found->second.value;
  }
  try {
    T value = fetch();
    const std::lock_guard lock(mutex_);
    if (cache.size() >= kMostKept) cache.clear();
    cache.insert_or_assign(key, CacheEntry<T>{value, std::chrono::steady_clock::now()});
    return value;
  } catch (const Error& error) {
    rethrow(error);
  }
}

RemoteFacts RemoteTableCache::facts(const Registration& row) {
  return kept(facts_, key_of(row), [&] {
    auto facts = fetch_facts_(row);
    if (!facts)
      throw Error(ErrorKind::not_found,
                  fmt::format("the table {} is not there where it was registered: {}.{}", row.name,
                              row.bucket.value_or(""), row.source_table.value_or("")));
    return std::move(*facts);
  });
}

boost::json::array RemoteTableCache::rows(const Registration& row, int rows) {
  auto out = kept(rows_, key_of(row), [&] { return fetch_rows_(row, kMostRows); });
  if (out.size() > static_cast<std::size_t>(rows)) out.resize(static_cast<std::size_t>(rows));
  return out;
}

}  // namespace agnes::remote_tables
