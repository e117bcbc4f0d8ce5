#include "core/catalog/source_kind.h"

#include <algorithm>

namespace agnes::catalog {

namespace {

std::vector<SourceKind>& declared() {
  static std::vector<SourceKind> kinds;
  return kinds;
}

template <class Is>
const SourceKind* find_kind(Is is) {
  const auto& kinds = declared();
  const auto found = std::find_if(kinds.begin(), kinds.end(), is);
  return found == kinds.end() ? nullptr : &*found;
}

}  // namespace

void declare_source(config::Schema& settings, SourceKind kind) {
  if (!kind.settings_help.empty())
    settings.add_source(kind.type == kFilesType ? "files" : kind.type, kind.settings_help);
  auto& kinds = declared();
  const auto known = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const SourceKind& other) { return other.type == kind.type; });
  if (known != kinds.end())
    *known = std::move(kind);
  else
    kinds.push_back(std::move(kind));
}

std::span<const SourceKind> source_kinds() {
  return declared();
}

const SourceKind* source_kind(std::string_view type) {
  return find_kind([&](const SourceKind& kind) { return kind.type == type; });
}

const SourceKind* source_kind(const Registration& row) {
  return source_kind(row.source_type.value_or(""));
}

const SourceKind* source_of_extension(std::string_view extension) {
  return find_kind([&](const SourceKind& kind) { return !extension.empty() && kind.extension == extension; });
}

bool is_at_engine(const Registration& row) {
  const auto* kind = source_kind(row);
  return is_remote(row) && kind != nullptr && kind->remote_tables;
}

}  // namespace agnes::catalog
