#pragma once

#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "lib/base/text.h"

namespace agnes::sync {

// Which tables a run brings: all; those of these names, in any case; or those and the ones that are new in the source.
class TableSelection {
 public:
  static TableSelection all() { return {Kind::all, {}}; }
  static TableSelection named(const std::vector<std::string>& names) { return {Kind::named, names}; }
  static TableSelection named_and_new(const std::vector<std::string>& names) {
    return {Kind::named_and_new, names};
  }

  bool is_all() const { return kind_ == Kind::all; }
  bool includes_new() const { return kind_ != Kind::named; }
  bool includes(std::string_view name) const { return is_all() || names_.contains(to_lower(name)); }

 private:
  enum class Kind { all, named, named_and_new };
  TableSelection(Kind kind, const std::vector<std::string>& names) : kind_(kind) {
    for (const auto& name : names) names_.insert(to_lower(name));
  }

  Kind kind_;
  std::unordered_set<std::string> names_;  // in lower case
};

}  // namespace agnes::sync
