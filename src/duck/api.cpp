#include "duck/api.h"

#include <dlfcn.h>

#include "base/error.h"

namespace agnes::duck {

namespace {
Api load() {
  // The executable's run path ($ORIGIN) says where to look.
  void* library = ::dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw Error(ErrorKind::internal, fmt::format("cannot load libduckdb.so: {}; it belongs beside the program", ::dlerror()));
  Api table{};
#define AGNES_RESOLVE(name)                                                                              \
  table.name = reinterpret_cast<decltype(table.name)>(::dlsym(library, "duckdb_" #name));                \
  if (table.name == nullptr)                                                                             \
    throw Error(ErrorKind::internal, "libduckdb.so lacks duckdb_" #name ": a newer version is needed");
  AGNES_DUCKDB_FUNCTIONS(AGNES_RESOLVE)
#undef AGNES_RESOLVE
  return table;
}
}  // namespace

const Api& api() {
  static const Api table = load();
  return table;
}

}  // namespace agnes::duck
