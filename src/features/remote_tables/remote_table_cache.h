#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <string>

#include <boost/json/array.hpp>

#include "features/remote_tables/remote_metadata.h"

namespace agnes::remote_tables {

using catalog::FetchRows;

// What engines say of their tables to somebody who waits for it: columns and first rows, each kept for ten
// minutes, so that agents that ask again and again cost no engine's time. Thread-safe; what is asked at the
// same moment is asked twice.
class RemoteTableCache {
 public:
  RemoteTableCache(FetchFacts facts, FetchRows rows)
      : fetch_facts_(std::move(facts)), fetch_rows_(std::move(rows)) {}

  // Throws Error: not_found when the engine does not know the table, and what it says else, in the contract's
  // form
  // {"error": kind, "message", "details"}.
  RemoteFacts facts(const Registration& row);
  boost::json::array rows(const Registration& row, int rows);  // 1 to 100

 private:
  template <class T>
  struct CacheEntry {
    T value;
    std::chrono::steady_clock::time_point at;
  };
  template <class T>
  using Cache = std::map<std::string, CacheEntry<T>>;
  template <class T, class Fetch>
  T kept(Cache<T>& cache, const std::string& key, const Fetch& fetch);

  const FetchFacts fetch_facts_;
  const FetchRows fetch_rows_;
  std::mutex mutex_;  // guards what follows
  Cache<RemoteFacts> facts_;
  Cache<boost::json::array> rows_;
};

}  // namespace agnes::remote_tables
