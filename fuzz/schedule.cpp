// Schedules as they are registered, at times that the first eight bytes give.
#include "lib/jobs/schedule.h"

#include <cstring>

#include "fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agnes;
  std::uint64_t moment = 0;
  if (size < sizeof moment) return 0;
  std::memcpy(&moment, data, sizeof moment);
  const auto schedule = jobs::Schedule::parse(fuzz::text_of(data + sizeof moment, size - sizeof moment));
  if (!schedule) return 0;
  // The years 1970 to 3000.
  const Timestamp last{static_cast<std::int64_t>(moment % 32'503'680'000'000'000)};
  const auto next = schedule->next_after(last);
  fuzz::expect(last < next, "the next time is later");
  fuzz::expect(schedule->due(last, next) && !schedule->due(last, last),
               "it is due at that time and not before");
  fuzz::expect(schedule->due(std::nullopt, last), "what never ran is due");
  return 0;
}
