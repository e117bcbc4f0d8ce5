#include "lib/duck/api.h"

#include <dlfcn.h>

#include "lib/base/error.h"

namespace agnes::duck {

namespace {
Api load() {
  // Beside the program, or where its run path ($ORIGIN) and the system look. By its full name first, because
  // under a sanitizer, which opens libraries on the program's behalf, the run path does not count.
  std::error_code error;
  const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
  void* library =
      error ? nullptr : ::dlopen((program.parent_path() / "libduckdb.so").c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) library = ::dlopen("libduckdb.so", RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr)
    throw Error(ErrorKind::internal,
                fmt::format("cannot load libduckdb.so: {}; it belongs beside the program", ::dlerror()));
  Api table{};
#define AGNES_RESOLVE(name)                                                               \
  table.name = reinterpret_cast<decltype(table.name)>(::dlsym(library, "duckdb_" #name)); \
  if (table.name == nullptr)                                                              \
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
