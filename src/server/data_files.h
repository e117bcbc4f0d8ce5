#pragma once

#include <compare>
#include <string>
#include <vector>

#include "app/config/config.h"
#include "core/extracts/extract.h"

// The files that a data directory consists of, as `backup` takes them and `check` looks at them.
namespace agnes::server {

namespace fs = std::filesystem;

inline constexpr const char* kStateFile = "system.duckdb";
inline constexpr const char* kControlSocket = "control.sock";
// What a backup says of itself, at its top.
inline constexpr const char* kBackupNote = "backup.json";

struct DataFile {
  std::string name;  // within a backup: "extracts/crm/data/orders.parquet", "state/jobs.json"
  fs::path path;     // where it is
  extracts::FileStamp stamp;
  enum class Kind { file, folder, link } kind = Kind::file;
  auto operator<=>(const DataFile&) const = default;
};

// Links of an operator, DATA_DIR/<folder> and DATA_DIR/extracts/<source>, are followed unless they are to be kept as links.
enum class Links { followed, kept };

// Everything that a restored server needs, by name: what lies below the data directory, the state directory
// as "state" wherever it is, and config/instance.yaml as "config/instance.yaml". Left out is what a start
// makes anew (analytics/, tmp/, pins, caches, locks), what somebody is writing, and the state database with
// its log, which cannot be taken like another file. Links that stand for a folder of the data directory or
// for a source are followed; deeper ones are listed as links. Throws Error for a folder that cannot be read.
std::vector<DataFile> list_data(const config::Places& places, Links links = Links::followed);

}  // namespace agnes::server
