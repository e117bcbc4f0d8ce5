#include "core/catalog/generation.h"

#include <algorithm>

#include "core/catalog/source_kind.h"
#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::catalog {

std::string Table::why_no_data() const {
  if (!is_remote(*this))
    return fmt::format("the table {} has no data yet; it comes with its next sync", name);
  const auto* kind = remote != nullptr ? source_of_extension(remote->extension) : source_kind(source_type);
  const std::string_view engine = kind != nullptr     ? kind->name
                                  : remote != nullptr ? std::string_view(remote->extension)
                                                      : source_type;
  const std::string_view place = engine.empty() ? "another engine" : engine;
  return remote != nullptr
             ? fmt::format("the table {} lives in {}: only a SELECT reads it there (agnes query --remote)",
                           name, place)
             : fmt::format("the table {} lives in {}, which this server is not configured to query", name,
                           place);
}

Generation::Generation(std::uint64_t number, std::vector<Table> tables)
    : number_(number), tables_(std::move(tables)) {
  std::sort(tables_.begin(), tables_.end(), [](const Table& a, const Table& b) {
    const auto x = to_lower(a.name), y = to_lower(b.name);
    return x != y ? x < y : a.id < b.id;
  });
  // A table's id wins over another one's name.
  for (const auto& table : tables_) by_key_.insert_or_assign(table.id, &table);
  for (const auto& table : tables_) by_key_.emplace(table.name, &table);
}

const Table* Generation::find(std::string_view id_or_name) const {
  const auto found = by_key_.find(id_or_name);
  return found == by_key_.end() ? nullptr : found->second;
}

std::shared_ptr<const Generation> Generations::current() const {
  constexpr std::chrono::seconds kWaitLimit{10};
  auto found = peek(kWaitLimit);
  if (found == nullptr)
    throw Error(ErrorKind::unavailable, "the server is still reading its tables; try again in a moment");
  return found;
}

std::shared_ptr<const Generation> Generations::peek(std::chrono::milliseconds timeout) const {
  std::unique_lock lock(mutex_);
  published_.wait_for(lock, timeout, [&] { return current_ != nullptr; });
  return current_;
}

std::shared_ptr<const Generation> Generations::publish(std::vector<Table> tables) {
  std::lock_guard lock(mutex_);
  current_ =
      std::make_shared<const Generation>(current_ != nullptr ? current_->number() + 1 : 1, std::move(tables));
  unannounced_.push_back(current_);
  published_.notify_all();
  return current_;
}

void Generations::notify() {
  std::unique_lock lock(mutex_);
  if (notifying_) return;
  notifying_ = true;
  while (!unannounced_.empty()) {
    const auto next = std::move(unannounced_.front());
    unannounced_.pop_front();
    const auto subscribers = subscribers_;
    lock.unlock();
    for (const auto& subscriber : subscribers) try {
        subscriber(*next);
      } catch (const std::exception& error) {
        log::error("a subscriber of generation {} failed: {}", next->number(), error.what());
      }
    lock.lock();
  }
  notifying_ = false;
}

void Generations::on_publish(std::function<void(const Generation&)> subscriber) {
  std::lock_guard lock(mutex_);
  subscribers_.push_back(std::move(subscriber));
}

}  // namespace agnes::catalog
