#pragma once

#include <functional>
#include <string>
#include <vector>

#include <boost/describe.hpp>

#include "core/catalog/generation.h"

namespace agnes::query {

// An engine that one of DuckDB's extensions reaches, as an engine of ours attaches it. Goes to the worker
// over its channel and is written nowhere.
struct Attachment {
  std::string alias, extension, url;
  std::string token;    // empty: none is needed
  bool secret = false;  // the token is given as a secret of the extension's type, not with ATTACH
};
BOOST_DESCRIBE_STRUCT(Attachment, (), (alias, extension, url, token, secret))

// A remote table of a statement, and how often the statement reads it; infinity in a recursion.
struct RemoteUse {
  const catalog::Table* table = nullptr;
  double readings = 1;
};

// What the rest of the program knows of remote engines. Its functions are called by several threads.
struct RemoteAccess {
  // How to attach it now, with a token that is good for the longest statement and more. Throws Error with the
  // reason why not, without a secret.
  std::function<Attachment(const catalog::RemoteEngine&)> attachment;
  // Throws Error when the statement over these remote tables would cost more than it may.
  std::function<void(const std::vector<RemoteUse>&, const std::string& sql)> check_cost;
  std::string extension_folder;      // where extensions are installed
  bool unsigned_extensions = false;  // those without DuckDB's signature are loaded too
};

}  // namespace agnes::query
