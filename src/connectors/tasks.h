#pragma once

#include "workers/task.h"

namespace agnes::connectors {

// The tasks of `extract` workers, by name, JSON in and out:
//
//   files.extract    files::Job                              files::Outcome
//   files.discover   {"job": files::Job, "rows": n}          files::Discovery
//   files.remove     {"job": files::Job, "table": name}      null
//   extracts.read    sync::ReadOptions                       sync::Catalogue
//   table.sample     sync::SampleRequest                     sync::Sample
//   table.columns    sync::SampleRequest                     [sync::Column]
const workers::TaskTable& tasks();

}  // namespace agnes::connectors
