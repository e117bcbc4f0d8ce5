#pragma once

#include <functional>
#include <memory>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/catalog/generation.h"
#include "core/identity/directory.h"
#include "lib/http/caller.h"

namespace agnes::catalog {

// The tables of one generation that some callers may read. Callers with the same rights share one.
struct VisibleSet {
  std::shared_ptr<const Generation> generation;
  std::vector<const Table*> tables;  // as sorted in the generation
  std::vector<const Table*> remote;  // those of them that live in an engine which an extract attaches
  std::string key;                   // "<generation>/<rights>": the same key, the same tables

  // By id or name; null when there is none that the caller may read.
  const Table* find(std::string_view id_or_name) const;
};

// Who may see what, at this moment: the current generation and the current grants. Thread-safe; a change of
// either is seen by the next call.
class Visible {
 public:
  Visible(const identity::Directory& directory, const Generations& generations)
      : directory_(directory), generations_(generations) {}

  // Waits for the first generation after a start.
  std::shared_ptr<const VisibleSet> of(const http::Caller& caller) const;
  // Tells, now and later, whether the caller may still read every table that they may read at this moment. Take it before
  // the set, for Response::still_allowed.
  std::function<bool()> still_readable(const http::Caller& caller) const;
  // Lets go of earlier generations, which callers who do not come back would hold on to.
  void forget() const;
  // The table when the caller may read it. Throws Error: not_found when an admin asks for what does not
  // exist, forbidden for everybody else, whether it exists or not.
  const Table& table(const VisibleSet& set, const http::Caller& caller, std::string_view id_or_name) const;

 private:
  struct Entry {
    std::uint64_t version, generation;
    std::shared_ptr<const VisibleSet> set;
  };
  std::shared_ptr<const VisibleSet> make(const http::Caller& caller,
                                         std::shared_ptr<const Generation> generation) const;

  const identity::Directory& directory_;
  const Generations& generations_;
  mutable std::shared_mutex mutex_;
  mutable std::unordered_map<std::string, Entry> by_user_;
  mutable std::unordered_map<std::string, std::weak_ptr<const VisibleSet>> by_key_;
};

}  // namespace agnes::catalog
