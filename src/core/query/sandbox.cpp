#include "core/query/sandbox.h"

#include "core/query/messages.h"
#include "core/query/view_body.h"
#include "lib/base/ids.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/duck/attach.h"

namespace agnes::query {

namespace {

std::string list_literal(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const auto& item : items) out += (out.size() > 1 ? ", " : "") + duck::quote_literal(item);
  return out + "]";
}

duck::DatabaseOptions options(const EngineSetup& setup) {
  return {.file = {},
          .settings = {
              {"threads", std::to_string(std::max(1, setup.threads))},
              {"memory_limit", fmt::format("{}B", setup.memory_limit_bytes)},
              {"autoinstall_known_extensions", "false"},
              {"autoload_known_extensions", "false"},
              // Some are loaded where engines are attached; afterwards none is, since nothing outside can be
              // opened.
              {"allow_community_extensions", setup.attachments.empty() ? "false" : "true"},
              {"allow_unsigned_extensions",
               !setup.attachments.empty() && setup.unsigned_extensions ? "true" : "false"},
              {"allow_persistent_secrets", "false"},
          }};
}

}  // namespace

Sandbox::Sandbox(const EngineSetup& setup) : database_(options(setup)) {
  std::vector<std::string> paths;
  for (const auto& table : setup.tables) {
    tables_.emplace(to_lower(table.name), Entry{table});
    for (const auto& file : table.files) paths.push_back(file);
    if (table.attach_file && attached_.emplace(*table.attach_file, "").second) {
      paths.push_back(*table.attach_file);
      paths.push_back(*table.attach_file + ".wal");  // DuckDB looks for it
    }
  }
  for (const auto& path : paths) folders_.insert(std::filesystem::path(path).parent_path().string());
  folders_.insert(setup.spill_folder);
  folders_.erase("");
  folders_.erase("/");

  duck::Connection connection = database_.connect();
  const auto set = [&](std::string_view name, const std::string& value) {
    connection.execute(fmt::format("SET GLOBAL {} = {}", name, value));
  };
  set("temp_directory", duck::quote_literal(setup.spill_folder));
  set("max_temp_directory_size", duck::quote_literal(fmt::format("{}B", setup.max_spill_bytes)));
  set("TimeZone", "'UTC'");
  // Planning time grows with the cube of an expression's depth: 900 deep take 12 s, 300 deep half a second.
  set("max_expression_depth", "300");
  if (!setup.attachments.empty()) {
    set("extension_directory", duck::quote_literal(setup.extension_folder));
    // A worker has no HOME, where DuckDB would look for secrets.
    set("home_directory", duck::quote_literal(setup.extension_folder));
  }
  for (const auto& attachment : setup.attachments) attach(attachment, connection);
  set("allowed_paths", list_literal(paths));
  set("enable_external_access", "false");
  set("lock_configuration", "true");
}

// The extension's name and the alias are identifiers, by the rules for extracts.
void Sandbox::attach(const Attachment& attachment, duck::Connection& connection) {
  for (const auto& secret : {attachment.token, attachment.url})
    if (!secret.empty()) secrets_.push_back(secret);
  const auto reached = [&](const duck::QueryError& error) {
    return Error(ErrorKind::bad_gateway,
                 fmt::format("The engine {} ({}) cannot be reached: {}", attachment.alias,
                             attachment.extension, first_line(hide(error.what()))));
  };
  try {
    connection.execute("LOAD " + attachment.extension);
  } catch (const duck::QueryError& error) {
    log::error("the extension {} cannot be loaded: {}", attachment.extension, first_line(hide(error.what())));
    throw Error(
        ErrorKind::bad_gateway,
        fmt::format("The engine {} ({}) cannot be used: its extension is not installed on the server; "
                    "administrators see why in /api/health/detailed",
                    attachment.alias, attachment.extension));
  }
  std::string options = "TYPE " + attachment.extension;
  const bool inline_token = !attachment.token.empty() && !attachment.secret;
  options += inline_token ? ", TOKEN " + duck::quote_literal(attachment.token) : ", READ_ONLY";
  try {
    if (attachment.secret)
      connection.execute(fmt::format("CREATE SECRET {} (TYPE {}, ACCESS_TOKEN {})",
                                     duck::quote_identifier("secret_of_" + attachment.alias),
                                     attachment.extension, duck::quote_literal(attachment.token)));
    connection.execute(fmt::format("ATTACH {} AS {} ({})", duck::quote_literal(attachment.url),
                                   duck::quote_identifier(attachment.alias), options));
  } catch (const duck::QueryError& error) {
    throw reached(error);
  }
}

duck::Connection Sandbox::connect() {
  return database_.connect();
}

std::string Sandbox::source_of(const ReadableTable& table, duck::Connection& connection) {
  if (!table.remote_view.empty()) return view_body(table.remote_view);
  if (!table.attach_file)
    return fmt::format("read_parquet({}, hive_partitioning = false, union_by_name = {})",
                       list_literal(table.files), table.union_by_name);
  std::string& alias = attached_.at(*table.attach_file);
  if (alias.empty()) {
    const std::string attached = "extract_" + random_hex(8);
    duck::attach_read_only(connection, *table.attach_file, attached);
    alias = attached;
  }
  const auto name = table.attach_table.value_or(table.name);
  duck::check_plain_table(connection, alias, name);
  return fmt::format("{}.main.{}", alias, duck::quote_identifier(name));
}

void Sandbox::make_visible(const std::string& name, duck::Connection& connection) {
  Entry& entry = tables_.at(name);
  if (entry.visible) return;
  if (!entry.table.missing.empty()) throw Error(ErrorKind::bad_request, entry.table.missing);
  try {
    connection.execute(fmt::format("CREATE VIEW main.{} AS SELECT * FROM {}",
                                   duck::quote_identifier(entry.table.name),
                                   source_of(entry.table, connection)));
  } catch (const Error& failure) {
    const auto* error = dynamic_cast<const duck::QueryError*>(&failure);
    if (error != nullptr && error->type() == DUCKDB_ERROR_INTERRUPT) throw;
    if (!entry.table.remote_view.empty())
      throw Error(ErrorKind::bad_gateway, fmt::format("The table \"{}\" cannot be read where it lives: {}",
                                                      entry.table.name, first_line(hide(failure.what()))));
    throw Error(
        ErrorKind::unavailable,
        fmt::format("The data of table \"{}\" cannot be read at the moment; try again after its next sync.",
                    entry.table.name));
  }
  entry.visible = true;
}

std::vector<std::string> Sandbox::table_names() const {
  std::vector<std::string> out;
  for (const auto& [name, entry] : tables_) out.push_back(name);
  return out;
}

const ReadableTable* Sandbox::unmade_view(const std::string& name) const {
  const auto& entry = tables_.at(name);
  return entry.visible || entry.table.remote_view.empty() ? nullptr : &entry.table;
}

std::string Sandbox::hide(std::string text) const {
  for (const auto& secret : secrets_) text = replaced(std::move(text), secret, "...");
  for (const auto& folder : folders_) {
    for (auto at = text.find(folder); at != std::string::npos; at = text.find(folder, at)) {
      const auto end = std::min(text.find_first_of("\"'` \t\r\n()[],;", at + folder.size()), text.size());
      text.replace(at, end - at, "...");
      at += 3;
    }
  }
  for (const auto& [file, alias] : attached_)
    if (!alias.empty()) text = replaced(std::move(text), alias, "extract");
  return text;
}

}  // namespace agnes::query
