#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "core/catalog/generation.h"
#include "core/extracts/extract_reader.h"
#include "core/state/store.h"

namespace agnes::sync {

// Makes generations of what the extracts hold and what the registry says, one after the other: a later one never knows
// less of the registry than an earlier one. Subscribers of the generations are told without any lock held. Thread-safe.
class Publisher {
 public:
  Publisher(state::Store& store, catalog::Generations& generations)
      : store_(store), generations_(generations) {}

  // A generation of what was read now. When it cannot be made, the one before stays.
  void publish(extracts::Catalogue catalogue);
  // A generation of what was read last; of the registry alone before anything was read.
  void publish();
  // The same, but for nothing before the first generation: that one will see the registry as it is then.
  void refresh();

  // What the served generation was made of.
  std::vector<extracts::Problem> problems() const;
  std::vector<extracts::RemoteAttach> remote_attaches() const;
  // File names in the folder of pins that a generation still names which somebody holds on to.
  std::vector<std::string> pins_in_use() const;

 private:
  void publish_locked(const extracts::Catalogue& catalogue);

  state::Store& store_;
  catalog::Generations& generations_;
  mutable std::mutex
      mutex_;  // held from reading the registry until the generation is current; guards what follows
  extracts::Catalogue catalogue_;
  std::vector<std::weak_ptr<const catalog::Generation>>
      published_;  // those that may live; the current one does
};

}  // namespace agnes::sync
