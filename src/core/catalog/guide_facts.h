#pragma once

#include <functional>
#include <string>

#include <boost/json/value.hpp>

#include "core/state/tx.h"
#include "lib/http/caller.h"

namespace agnes::catalog {

// What a feature tells the texts that administrators write for analysts (features/prompts), under a name of its own:
// {{ metrics.count }}. A module adds its own: services.extend(catalog::GuideFact{...}).
struct GuideFact {
  std::string name;
  // What the caller may know of it. Called within a read.
  std::function<boost::json::value(state::Tx&, const http::Caller&)> value;
};

}  // namespace agnes::catalog
