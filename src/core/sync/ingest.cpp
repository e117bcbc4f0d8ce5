#include "core/sync/ingest.h"

#include "lib/base/log.h"

namespace agnes::sync {

RunLedger ingest(const Connectors& connectors, const RegistrySnapshot& registry,
                 const TableSelection& selection, const jobs::Context& context) {
  RunLedger run{.started = now(), .selection = selection};
  for (const auto& connector : connectors) {
    if (context.cancelled()) break;
    const auto source = connector->source_type();
    try {
      auto extraction = connector->extract(registry.tables(), selection, context);
      for (auto& problem : extraction.problems) {
        if (!problem.is_note()) log::warn("source {}: {}", source, problem.message);
        problem.source = source;
      }
      run.problems[source] = std::move(extraction.problems);
      for (auto& outcome : extraction.tables) {
        if (outcome.failed) log::warn("sync of {} failed: {}", outcome.name, outcome.error);
        outcome.source_type = source;
        // Others may know better what is registered: a name is registered once.
        outcome.is_new = outcome.is_new && registry.find(outcome.name) == nullptr;
        run.outcomes.push_back(std::move(outcome));
      }
    } catch (const std::exception& error) {
      log::warn("sync of the source {} failed: {}", source, error.what());
      // Who cancels a run learns nothing of the source.
      if (!context.cancelled()) run.problems[source] = {{"source", source, "", {}, {}, error.what()}};
      if (!run.failure) run.failure = std::current_exception();
    }
  }
  return run;
}

void take_out(const Connectors& connectors, std::string_view source_type, const std::string& table,
              const jobs::Context& context) {
  for (const auto& connector : connectors)
    if (connector->source_type() == source_type) connector->remove(table, context);
}

}  // namespace agnes::sync
