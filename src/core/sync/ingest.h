#pragma once

#include <memory>
#include <vector>

#include "core/sync/connector.h"
#include "core/sync/run_ledger.h"

namespace agnes::sync {

// The first one is that of the server's own source.
using Connectors = std::vector<std::unique_ptr<Connector>>;

// Asks each connector for the selected tables. One that throws stops no other: what the first of them threw is the
// run's failure. Once `context` is cancelled no more are asked.
RunLedger ingest(const Connectors& connectors, const RegistrySnapshot& registry,
                 const TableSelection& selection, const jobs::Context& context);

// Takes a table out of the extract of its source. Nothing happens when no connector is of that source.
void take_out(const Connectors& connectors, std::string_view source_type, const std::string& table,
              const jobs::Context& context);

}  // namespace agnes::sync
