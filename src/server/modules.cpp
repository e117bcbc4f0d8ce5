#include "server/modules.h"

#ifndef AGNES_MORE_MODULES
#define AGNES_MORE_MODULES(X)  // the examples add theirs
#endif
#ifndef AGNES_MORE_CONNECTORS
#define AGNES_MORE_CONNECTORS(X)
#endif

// The list. A line names the namespace of a module, whose function module() makes its ModuleKind.
#define AGNES_MODULES(X)   \
  X(state)                 \
  X(identity)              \
  X(auth)                  \
  X(catalog)               \
  X(extracts)              \
  X(connectors::files)     \
  X(connectors::keboola)   \
  X(connectors::bigquery)  \
  AGNES_MORE_CONNECTORS(X) \
  X(sync)                  \
  X(connectors)            \
  X(query)                 \
  X(metrics)               \
  X(remote_tables)         \
  X(profiles)              \
  X(warm_up)               \
  X(operation)             \
  X(client)                \
  X(uploads)               \
  X(news)                  \
  X(prompts)               \
  X(snapshots)             \
  AGNES_MORE_MODULES(X)

#define AGNES_DECLARE(name) \
  namespace agnes::name {   \
  app::ModuleKind module(); \
  }
AGNES_MODULES(AGNES_DECLARE)

namespace agnes::server {

std::span<const app::ModuleKind> modules() {
#define AGNES_KIND(name) agnes::name::module(),
  static const app::ModuleKind kinds[] = {AGNES_MODULES(AGNES_KIND)};
  return kinds;
}

}  // namespace agnes::server
