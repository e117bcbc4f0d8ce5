#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/api.h"
#include "cli/config.h"
#include "cli/workspace.h"
#include "contract/catalogue.h"
#include "contract/metrics.h"

// What a pull leaves of the catalogue and the metrics beside the tables, so that both can be looked at without the server.
namespace agnes::cli {

struct Facts {
  std::string server;
  Timestamp fetched = {};
  contract::Catalogue catalogue = {};
  contract::MetricList metrics = {};
};
BOOST_DESCRIBE_STRUCT(Facts, (), (server, fetched, catalogue, metrics))

// Fetches them when `changed` says that the tables are others, and once a day. What a server does not tell stays away:
// the tables are there all the same. Throws Cancelled, Failure.
void renew_facts(Api& api, const Workspace& workspace, bool changed);

// Of the workspace that this folder is in, when they are the configured server's.
std::optional<Facts> load_facts();
// The same, said on standard error with its age and why, which is `error`; throws that when there are none.
Facts recall(const http_client::TransportError& error);

// "3 h": how long ago, for people.
std::string age_text(Timestamp moment);

}  // namespace agnes::cli
