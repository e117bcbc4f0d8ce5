#pragma once

#include <string>

#include <boost/describe.hpp>

namespace agnes::extracts {

// An extension of DuckDB that remote attachments name.
struct ExtensionInstall {
  std::string name;    // an identifier
  std::string folder;  // DuckDB's extension_directory
  std::string
      repository;  // a folder, or an http address; empty: DuckDB's community repository, else its core one
  bool allow_unsigned = false;
};
BOOST_DESCRIBE_STRUCT(ExtensionInstall, (), (name, folder, repository, allow_unsigned))

// INSTALL, which does nothing when it is there, then LOAD: it is of this version of DuckDB, and signed. Loads
// untrusted code into the process, so it runs in a worker that ends with it. Throws Error (bad_gateway)
// with what DuckDB says.
void install_extension(const ExtensionInstall& wanted);

}  // namespace agnes::extracts
