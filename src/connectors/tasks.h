#pragma once

#include "workers/task.h"

namespace agnes::connectors {

// The tasks of `extract` workers, by name, JSON in and out:
//
//   files.extract    files::Job                              files::Outcome
//   files.discover   {"job": files::Job, "rows": n}          files::Discovery
//   extract.store    StagedTable                             its number of rows
//   extract.take_out {"extract_dir": folder, "table": name}  null
//   files.remove     {"job": files::Job, "table": name}      null
//   extension.install  extracts::ExtensionInstall            null
//   extracts.read    extracts::ReadOptions                       extracts::Catalogue
//   table.sample     extracts::SampleRequest                     extracts::Sample
//   table.columns    extracts::SampleRequest                     [extracts::Column]
//   table.profile    extracts::ProfileRequest                    the profile
const workers::TaskTable& tasks();

}  // namespace agnes::connectors
