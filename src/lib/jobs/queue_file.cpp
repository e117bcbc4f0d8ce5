#include "lib/jobs/queue_file.h"

#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/base/log.h"

namespace agnes::jobs {

namespace {
struct Content {
  int format = 1;
  std::vector<QueuedRun> runs;
  static constexpr json::Rule rules[] = {{.field = "format", .ge = 1, .le = 1}};
};
BOOST_DESCRIBE_STRUCT(Content, (), (format, runs))
}  // namespace

std::vector<QueuedRun> read_queue(const std::filesystem::path& file) {
  try {
    const auto text = read_file(file);
    return text ? json::from_json<Content>(json::parse(*text)).runs : std::vector<QueuedRun>();
  } catch (const std::exception& error) {
    auto aside = file;
    aside += ".unreadable";
    std::error_code failed;
    std::filesystem::rename(file, aside, failed);
    log::error("{} cannot be read ({}): background work that waited is not done; the file is now {}",
               file.string(), error.what(), failed ? file.string() : aside.string());
    return {};
  }
}

void write_queue(const std::filesystem::path& file, const std::vector<QueuedRun>& runs) {
  replace_file(file, boost::json::serialize(json::to_json(Content{1, runs})) + '\n', 0600);
}

}  // namespace agnes::jobs
