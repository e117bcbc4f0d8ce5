#include "lib/http_client/curl_api.h"

#include <dlfcn.h>
#include <unistd.h>

#include "lib/base/env.h"
#include "lib/base/error.h"

namespace agnes::http_client {

namespace {
CurlApi load() {
  // Lazily: of the libraries behind it, most functions are never called.
  void* library = ::dlopen("libcurl.so.4", RTLD_LAZY | RTLD_LOCAL);
  if (library == nullptr)
    throw Error(ErrorKind::internal,
                fmt::format("cannot load libcurl.so.4: {}; install libcurl4", ::dlerror()));
  CurlApi table{};
#define AGNES_RESOLVE(name)                                                             \
  table.name = reinterpret_cast<decltype(table.name)>(::dlsym(library, "curl_" #name)); \
  if (table.name == nullptr)                                                            \
    throw Error(ErrorKind::internal, "libcurl.so.4 lacks curl_" #name ": a newer version is needed");
  AGNES_CURL_FUNCTIONS(AGNES_RESOLVE)
#undef AGNES_RESOLVE
  table.global_init(CURL_GLOBAL_DEFAULT);
  return table;
}
}  // namespace

namespace {
std::optional<std::string> existing_file(const char* variable) {
  auto path = env(variable);
  // A pointer to a file that is gone would make every connection fail; the system's certificates do better.
  if (path && ::access(path->c_str(), R_OK) != 0) return std::nullopt;
  return path;
}
}  // namespace

TrustedCertificates trusted_certificates() {
  TrustedCertificates out{existing_file("CURL_CA_BUNDLE"), existing_file("SSL_CERT_DIR")};
  if (!out.file) out.file = existing_file("SSL_CERT_FILE");
  return out;
}

const CurlApi& curl() {
  static const CurlApi table = load();
  return table;
}

}  // namespace agnes::http_client
