// Runs many scheduled jobs that do nothing, and tells what that costs.
//
// usage: bench_jobs COUNT SECONDS FOLDER
//
// COUNT jobs "every 15m", whose last runs lie spread over the last quarter of an hour, for SECONDS of real
// time; what is remembered of them is written to FOLDER. Prints one JSON object: `cpu_seconds` (of the
// process, once all is set up), `seconds`, `runs`.
#include <ctime>
#include <iostream>

#include "lib/base/files.h"
#include "lib/base/json.h"
#include "lib/jobs/service.h"

namespace {

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  using namespace agnes;
  if (argc != 4) {
    std::cerr << "usage: bench_jobs COUNT SECONDS FOLDER\n";
    return 2;
  }
  const int count = std::atoi(argv[1]), seconds = std::atoi(argv[2]);
  const fs::path memory = fs::path(argv[3]) / "jobs.json";
  constexpr int kInterval = 15 * 60;
  boost::json::object last;
  for (int i = 0; i < count; ++i) {
    const auto ended = format_iso(plus_seconds(now(), -(i % kInterval)));
    last[std::to_string(i)] = {{"started", ended}, {"ended", ended}, {"outcome", "ok"}, {"error", nullptr}};
  }
  replace_file(memory, boost::json::serialize(last));

  std::atomic<std::int64_t> runs = 0;
  jobs::Service::Options options;
  options.timetable.grace_seconds = 0;
  options.memory = memory;
  jobs::Service service(options);
  for (int i = 0; i < count; ++i)
    service.add({.name = std::to_string(i),
                 .description = "",
                 .schedule = "every 15m",
                 .work = jobs::work([&](const jobs::Context&) {
                   ++runs;
                   return jobs::Done();
                 })});
  service.start();
  const double before = cpu_seconds();
  std::this_thread::sleep_for(std::chrono::seconds(seconds));
  const double spent = cpu_seconds() - before;
  service.stop();
  std::cout << boost::json::serialize(
                   boost::json::value{{"cpu_seconds", spent}, {"seconds", seconds}, {"runs", runs.load()}})
            << '\n';
  return 0;
}
