#include "connectors/files/ledger.h"

#include "lib/base/files.h"
#include "lib/base/hash.h"

namespace agnes::connectors::files {

namespace {
// Raised when the same files would make a different table: everything is read anew then.
constexpr int kRules = 4;
}  // namespace

Ledger::Ledger(const fs::path& extract_dir) : file_(extract_dir / ".agnes-sources.json") {
  try {
    if (const auto text = read_file(file_))
      entries_ = json::from_json<std::map<std::string, LedgerEntry>>(boost::json::parse(*text));
  } catch (const std::exception&) {
    entries_.clear();
  }
  // Said of an engine that another file broke: no file is to blame, and all are read again.
  std::erase_if(entries_, [](const auto& entry) {
    return entry.second.error.find("database has been invalidated") != std::string::npos;
  });
}

const LedgerEntry* Ledger::find(const std::string& table) const {
  const auto found = entries_.find(table);
  return found == entries_.end() ? nullptr : &found->second;
}
void Ledger::set(const std::string& table, LedgerEntry entry) {
  entries_[table] = std::move(entry);
  changed_ = true;
}
void Ledger::erase(const std::string& table) {
  changed_ = entries_.erase(table) > 0 || changed_;
}
void Ledger::save() {
  if (!changed_) return;
  replace_file(file_, json::to_text(entries_));
  changed_ = false;
}

LedgerEntry expected_entry(const Candidate& candidate) {
  LedgerEntry out;
  TableSpec spec = candidate.spec != nullptr ? *candidate.spec : TableSpec{};
  // A new description alone does not need the rows again.
  spec.description.clear();
  out.settings = md5_hex(fmt::format("{} {} {}", kRules, candidate.folder, json::to_text(spec)));
  for (const auto& file : candidate.files) out.files.push_back({file.relative, file.stamp, file.ctime_ns});
  return out;
}

}  // namespace agnes::connectors::files
