#pragma once

#include <boost/json/object.hpp>

#include "access/email_outbox.h"
#include "catalog/generation.h"
#include "config/config.h"
#include "jobs/scheduler.h"
#include "query/pool.h"

// The parts of a running server that only its operators need to know about, each with its own verdict: ok,
// info (worth knowing), unknown, warning (should be looked at), error (something does not work).
namespace agnes::server {

// Data older than this is told of as stale.
inline constexpr std::int64_t kStaleAfterSeconds = 24 * 3600;

struct HealthSources {
  const catalog::Generations& generations;
  const jobs::Scheduler& scheduler;
  const query::Pool& pool;
  const access::EmailOutbox& outbox;
  const config::Places& places;
};

// extracts, analytics, scheduler, workers, disk, configuration, mail, confinement.
boost::json::object operator_parts(const HealthSources& sources);

}  // namespace agnes::server
