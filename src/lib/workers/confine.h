#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <boost/describe.hpp>

namespace agnes::workers {

// What a worker process may still do after it has confined itself. Everything not named is denied by the
// kernel.
struct Confinement {
  std::vector<std::string> readable;  // files, or folders with all below them
  std::vector<std::string> writable;  // folders: create, write, rename and remove below them, and read
  std::uint64_t memory_bytes = 0;     // private memory of the process; 0: no limit
  bool network = false;               // may open TCP connections (connectors to outside services)
};
BOOST_DESCRIBE_STRUCT(Confinement, (), (readable, writable, memory_bytes, network))

// The kernel's Landlock version; 0 when it has none. Health reports name a 0.
int landlock_version();

// Called by a worker before it reads anything untrusted and while it has one thread: no core dumps, no
// new privileges, the memory limit, then Landlock. Paths that do not exist are left out. Throws Error when
// the kernel has Landlock and refuses the rules, or when a second thread runs already (it would stay
// unconfined).
void confine(const Confinement& confinement);

}  // namespace agnes::workers
