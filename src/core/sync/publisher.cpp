#include "core/sync/publisher.h"

#include <filesystem>

#include "core/sync/publication.h"

namespace agnes::sync {

void Publisher::publish(extracts::Catalogue catalogue) {
  {
    const std::lock_guard lock(mutex_);
    publish_locked(catalogue);
    catalogue_ = std::move(catalogue);
  }
  generations_.notify();
}

void Publisher::publish() {
  {
    const std::lock_guard lock(mutex_);
    publish_locked(catalogue_);
  }
  generations_.notify();
}

void Publisher::refresh() {
  {
    // With the lock: a first generation that is being made has read the registry already.
    const std::lock_guard lock(mutex_);
    if (generations_.peek() == nullptr) return;
    publish_locked(catalogue_);
  }
  generations_.notify();
}

void Publisher::publish_locked(const extracts::Catalogue& catalogue) {
  const auto registry = store_.read([](state::Tx& tx) { return RegistrySnapshot::read(tx); });
  std::erase_if(published_, [](const auto& old) { return old.expired(); });
  published_.push_back(generations_.publish(next_tables(catalogue, registry)));
}

std::vector<extracts::Problem> Publisher::problems() const {
  const std::lock_guard lock(mutex_);
  return catalogue_.problems;
}

std::vector<extracts::RemoteAttach> Publisher::remote_attaches() const {
  const std::lock_guard lock(mutex_);
  return catalogue_.remote_attaches;
}

std::vector<std::string> Publisher::pins_in_use() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& weak : published_)
    if (const auto generation = weak.lock())
      for (const auto& table : generation->tables()) {
        for (const auto& file : table.files) out.push_back(std::filesystem::path(file).filename());
        if (table.attach_file) out.push_back(std::filesystem::path(*table.attach_file).filename());
      }
  return out;
}

}  // namespace agnes::sync
