// A DuckDB extension in place of `bigquery` and `keboola`, which cannot be fetched here: tables of a service
// on the network become an attached database. It takes what those take (ATTACH with TYPE, READ_ONLY and
// TOKEN; for bigquery a secret with an ACCESS_TOKEN) and asks its service, tests/fakes/engine.mjs, over HTTP
// with that token.
//
// It is written against DuckDB's C++ interface, as real extensions are; the headers here are of DuckDB 1.4.4.
// What it uses of them is the same in 1.5.6, or is called by name out of the library.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "duckdb/catalog/catalog.hpp"
#include "duckdb/common/exception.hpp"
#include "duckdb/main/attached_database.hpp"
#include "duckdb/main/config.hpp"
#include "duckdb/main/extension/extension_loader.hpp"
#include "duckdb/main/secret/secret.hpp"
#include "duckdb/parser/parsed_data/attach_info.hpp"
#include "duckdb/storage/storage_extension.hpp"
#include "duckdb/transaction/transaction_manager.hpp"

namespace duckdb {

// StorageExtension::Register of 1.5, and the functions of DuckDB's own storage extension for single files.
void register_storage(DBConfig& config, const string& name, shared_ptr<StorageExtension> extension) asm(
    "_ZN6duckdb16StorageExtension8RegisterERNS_8DBConfigERKNSt7__cxx1112basic_stringIcSt11char_"
    "traitsIcESaIcEEENS_"
    "10shared_ptrIS0_Lb1EEE");
unique_ptr<Catalog> OpenFileStorageAttach(optional_ptr<StorageExtensionInfo> storage, ClientContext& context,
                                          AttachedDatabase& db, const string& name, AttachInfo& info,
                                          AttachOptions& options);
unique_ptr<TransactionManager> OpenFileStorageTransactionManager(optional_ptr<StorageExtensionInfo> storage,
                                                                 AttachedDatabase& db, Catalog& catalog);

}  // namespace duckdb

namespace {

using duckdb::string;

// The latest secret's token; a worker has one.
string access_token;

// "key=value key=value".
string value_of(const string& text, const string& key) {
  const auto at = (" " + text).find(" " + key + "=");
  if (at == string::npos) throw duckdb::BinderException("the engine's url lacks " + key);
  const auto begin = at + key.size() + 1;
  return text.substr(begin, text.find(' ', begin) - begin);
}

// GET over HTTP/1.0; the body.
string fetch(const string& host, const string& path, const string& header) {
  const auto colon = host.find(':');
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(host.substr(colon + 1))));
  inet_pton(AF_INET, host.substr(0, colon).c_str(), &address.sin_addr);
  const int connection = ::socket(AF_INET, SOCK_STREAM, 0);
  struct Guard {
    int fd;
    ~Guard() { ::close(fd); }
  } guard{connection};
  if (::connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    throw duckdb::IOException("cannot connect to " + host);
  const string request = "GET " + path + " HTTP/1.0\r\nHost: " + host + "\r\n" + header + "\r\n\r\n";
  if (::write(connection, request.data(), request.size()) < 0)
    throw duckdb::IOException("cannot write to " + host);
  string answer;
  char part[65536];
  for (ssize_t n = 0; (n = ::read(connection, part, sizeof part)) > 0;)
    answer.append(part, static_cast<size_t>(n));
  const auto end = answer.find("\r\n\r\n");
  if (end == string::npos) throw duckdb::IOException(host + " broke off");
  const auto status = answer.substr(9, 3);
  if (status != "200")
    throw duckdb::IOException(host + " answered HTTP " + status + " to " +
                              header.substr(header.find(' ') + 1));
  return answer.substr(end + 4);
}

// What the service holds is a database file, kept in memory.
duckdb::unique_ptr<duckdb::Catalog> attach(duckdb::optional_ptr<duckdb::StorageExtensionInfo> storage,
                                           duckdb::ClientContext& context, duckdb::AttachedDatabase& db,
                                           const string& name, duckdb::AttachInfo& info,
                                           duckdb::AttachOptions& options, const string& what,
                                           const string& header) {
  const auto body =
      fetch(value_of(info.path, "api_endpoint"), "/" + what + "?" + value_of(info.path, "project"), header);
  const int file = ::memfd_create("engine", 0);
  for (size_t done = 0; done < body.size();) {
    const auto n = ::write(file, body.data() + done, body.size() - done);
    if (n <= 0) throw duckdb::IOException("no memory for the engine's tables");
    done += static_cast<size_t>(n);
  }
  options.options.erase("token");  // the rest is for the file
  auto catalog = duckdb::OpenFileStorageAttach(storage, context, db, name, info, options);
  info.path = "/proc/self/fd/" + std::to_string(file);
  return catalog;
}

duckdb::unique_ptr<duckdb::Catalog> attach_bigquery(
    duckdb::optional_ptr<duckdb::StorageExtensionInfo> storage, duckdb::ClientContext& context,
    duckdb::AttachedDatabase& db, const string& name, duckdb::AttachInfo& info,
    duckdb::AttachOptions& options) {
  if (access_token.empty()) throw duckdb::BinderException("there is no secret of type bigquery");
  return attach(storage, context, db, name, info, options, "bigquery",
                "Authorization: Bearer " + access_token);
}

duckdb::unique_ptr<duckdb::Catalog> attach_keboola(duckdb::optional_ptr<duckdb::StorageExtensionInfo> storage,
                                                   duckdb::ClientContext& context,
                                                   duckdb::AttachedDatabase& db, const string& name,
                                                   duckdb::AttachInfo& info, duckdb::AttachOptions& options) {
  const auto token = info.options.find("token");
  if (token == info.options.end()) throw duckdb::BinderException("TOKEN is missing");
  return attach(storage, context, db, name, info, options, "keboola",
                "X-StorageApi-Token: " + token->second.ToString());
}

duckdb::unique_ptr<duckdb::BaseSecret> make_secret(duckdb::ClientContext&, duckdb::CreateSecretInput& input) {
  auto secret =
      duckdb::make_uniq<duckdb::KeyValueSecret>(input.scope, input.type, input.provider, input.name);
  access_token = input.options.at("access_token").ToString();
  secret->secret_map["access_token"] = duckdb::Value(access_token);
  secret->redact_keys = {"access_token"};
  return secret;
}

void register_engine(duckdb::ExtensionLoader& loader, const string& name, duckdb::attach_function_t attach) {
  auto storage = duckdb::make_shared_ptr<duckdb::StorageExtension>();
  storage->attach = attach;
  storage->create_transaction_manager = duckdb::OpenFileStorageTransactionManager;
  duckdb::register_storage(duckdb::DBConfig::GetConfig(loader.GetDatabaseInstance()), name,
                           std::move(storage));
}

}  // namespace

extern "C" {

void bigquery_duckdb_cpp_init(duckdb::ExtensionLoader& loader) {
  duckdb::SecretType type;
  type.name = "bigquery";
  type.deserializer = nullptr;  // it is never written to a file
  type.default_provider = "config";
  type.extension = "bigquery";
  loader.RegisterSecretType(type);
  duckdb::CreateSecretFunction function;
  function.secret_type = "bigquery";
  function.provider = "config";
  function.function = make_secret;
  function.named_parameters["access_token"] = duckdb::LogicalType::VARCHAR;
  loader.RegisterFunction(function);
  register_engine(loader, "bigquery", attach_bigquery);
}

void keboola_duckdb_cpp_init(duckdb::ExtensionLoader& loader) {
  register_engine(loader, "keboola", attach_keboola);
}
}
