#include "core/state/tx.h"

#include <algorithm>
#include <mutex>
#include <unordered_set>

#include "core/state/duck_tx.h"
#include "lib/base/log.h"

namespace agnes::state {

namespace {

// LOG_LEVEL=debug tells each different statement once; tests/api/postgres.test.mjs has PostgreSQL prepare them.
void log_once(const std::string& sql) {
  constexpr std::size_t kLongest = 4000, kMost = 10'000;
  if (!log::enabled(log::Level::debug) || sql.size() > kLongest) return;
  static std::mutex mutex;
  static std::unordered_set<std::string> known;
  const std::lock_guard lock(mutex);
  if (known.size() < kMost && known.insert(sql).second) log::debug("state statement: {}", sql);
}

}  // namespace

std::int64_t Tx::execute_for(const std::string& sql, const std::vector<std::string>& values) {
  constexpr std::size_t kBatch = 1000;
  std::int64_t changed = 0;
  for (std::size_t first = 0; first < values.size(); first += kBatch) {
    const auto last = std::min(values.size(), first + kBatch);
    std::string marks;
    for (auto i = first; i < last; ++i) marks += marks.empty() ? "?" : ", ?";
    changed +=
        run(fmt::format("{} ({})", sql, marks), {values.begin() + first, values.begin() + last}).changed;
  }
  return changed;
}

Tx::Answer DuckTx::run(const std::string& sql, const std::vector<Value>& params) {
  log_once(sql);
  auto result = params.empty() ? connection_.execute(sql) : connection_.execute_bound(sql, params);
  Answer answer;
  answer.changed = result.rows_changed();
  for (std::size_t c = 0; c < result.column_count(); ++c) answer.columns.push_back(result.column_name(c));
  answer.rows = result.rows();
  return answer;
}

}  // namespace agnes::state
