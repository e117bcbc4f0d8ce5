#include "lib/duck/database.h"

#include <algorithm>
#include <cctype>
#include <cstring>
#include <exception>
#include <fstream>
#include <system_error>
#include <thread>

#include <boost/json/serialize.hpp>

namespace agnes::duck {

namespace {

ErrorKind kind_of(duckdb_error_type type, std::string_view message) {
  if (type == DUCKDB_ERROR_INTERRUPT) return ErrorKind::timeout;
  if (type == DUCKDB_ERROR_OUT_OF_MEMORY) return ErrorKind::insufficient_storage;
  if (type == DUCKDB_ERROR_IO && message.find("No space left") != std::string_view::npos)
    return ErrorKind::insufficient_storage;
  if (type == DUCKDB_ERROR_IO || type == DUCKDB_ERROR_INTERNAL || type == DUCKDB_ERROR_FATAL)
    return ErrorKind::internal;
  return ErrorKind::bad_request;
}

// How DuckDB begins to say so (src/storage/single_file_block_manager.cpp).
constexpr std::string_view kNewerFormat = "Trying to read a database file with version number";

class Prepared {
 public:
  Prepared(duckdb_connection connection, const std::string& sql) {
    if (api().prepare(connection, sql.c_str(), &handle_) == DuckDBError) {
      const char* said = handle_ != nullptr ? api().prepare_error(handle_) : nullptr;
      const std::string message = said != nullptr ? said : "the statement cannot be prepared";
      api().destroy_prepare(&handle_);
      throw QueryError(DUCKDB_ERROR_INVALID_INPUT, message);
    }
  }
  ~Prepared() { api().destroy_prepare(&handle_); }
  Prepared(const Prepared&) = delete;
  Prepared& operator=(const Prepared&) = delete;
  duckdb_prepared_statement get() const { return handle_; }

  void bind(idx_t index, const Value& value) {
    const auto state = std::visit([&](const auto& v) { return bind_one(index, v); }, value);
    if (state == DuckDBError)
      throw QueryError(DUCKDB_ERROR_PARAMETER_NOT_RESOLVED, fmt::format("parameter {} does not fit", index));
  }

 private:
  duckdb_state bind_one(idx_t i, std::monostate) { return api().bind_null(handle_, i); }
  duckdb_state bind_one(idx_t i, bool v) { return api().bind_boolean(handle_, i, v); }
  duckdb_state bind_one(idx_t i, std::int64_t v) { return api().bind_int64(handle_, i, v); }
  duckdb_state bind_one(idx_t i, double v) { return api().bind_double(handle_, i, v); }
  duckdb_state bind_one(idx_t i, const std::string& v) {
    return api().bind_varchar_length(handle_, i, v.data(), v.size());
  }
  duckdb_state bind_one(idx_t i, Timestamp v) { return api().bind_timestamp(handle_, i, {v.micros}); }
  duckdb_state bind_one(idx_t i, const TextList& list) {
    std::vector<duckdb_value> items;
    for (const auto& text : list) items.push_back(api().create_varchar_length(text.data(), text.size()));
    auto type = api().create_logical_type(DUCKDB_TYPE_VARCHAR);
    duckdb_value none = nullptr;  // DuckDB wants a pointer for an empty list too
    auto value = api().create_list_value(type, items.empty() ? &none : items.data(), items.size());
    const auto state = api().bind_value(handle_, i, value);
    api().destroy_value(&value);
    for (auto& item : items) api().destroy_value(&item);
    api().destroy_logical_type(&type);
    return state;
  }

  duckdb_prepared_statement handle_ = nullptr;
};

[[noreturn]] void throw_result_error(duckdb_result& result) {
  const char* said = api().result_error(&result);
  const std::string message = said != nullptr ? said : "the statement failed";
  const auto type = api().result_error_type(&result);
  api().destroy_result(&result);
  throw QueryError(type, message);
}

std::string text_at(void* data, std::size_t row) {
  auto& text = static_cast<duckdb_string_t*>(data)[row];
  // Short texts live in the value itself, long ones behind a pointer (duckdb.h, duckdb_string_t).
  return text.value.inlined.length <= 12 ? std::string(text.value.inlined.inlined, text.value.inlined.length)
                                         : std::string(text.value.pointer.ptr, text.value.pointer.length);
}

Value value_at(duckdb_vector vector, duckdb_type type, duckdb_logical_type logical, std::size_t row) {
  auto* validity = api().vector_get_validity(vector);
  if (validity != nullptr && !api().validity_row_is_valid(validity, row)) return {};
  void* data = api().vector_get_data(vector);
  const auto at = [&]<class T>(T) { return static_cast<std::int64_t>(static_cast<T*>(data)[row]); };
  switch (type) {
    case DUCKDB_TYPE_BOOLEAN:
      return static_cast<bool*>(data)[row];
    case DUCKDB_TYPE_TINYINT:
      return at(std::int8_t{});
    case DUCKDB_TYPE_SMALLINT:
      return at(std::int16_t{});
    case DUCKDB_TYPE_INTEGER:
      return at(std::int32_t{});
    case DUCKDB_TYPE_BIGINT:
      return at(std::int64_t{});
    case DUCKDB_TYPE_UTINYINT:
      return at(std::uint8_t{});
    case DUCKDB_TYPE_USMALLINT:
      return at(std::uint16_t{});
    case DUCKDB_TYPE_UINTEGER:
      return at(std::uint32_t{});
    case DUCKDB_TYPE_UBIGINT:
      return at(std::uint64_t{});
    case DUCKDB_TYPE_HUGEINT: {
      const auto& huge = static_cast<duckdb_hugeint*>(data)[row];
      return static_cast<std::int64_t>(huge.lower);  // sums and counts of ours fit
    }
    case DUCKDB_TYPE_FLOAT:
      return static_cast<double>(static_cast<float*>(data)[row]);
    case DUCKDB_TYPE_DOUBLE:
      return static_cast<double*>(data)[row];
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_BLOB:
      return text_at(data, row);
    case DUCKDB_TYPE_TIMESTAMP:
    case DUCKDB_TYPE_TIMESTAMP_TZ:
      return Timestamp{static_cast<duckdb_timestamp*>(data)[row].micros};
    case DUCKDB_TYPE_LIST: {
      const auto entry = static_cast<duckdb_list_entry*>(data)[row];
      auto child = api().list_vector_get_child(vector);
      auto child_type = api().list_type_child_type(logical);
      const auto child_id = api().get_type_id(child_type);
      TextList out;
      for (idx_t i = 0; i < entry.length; ++i) {
        Value item = value_at(child, child_id, child_type, entry.offset + i);
        if (auto* text = std::get_if<std::string>(&item)) out.push_back(std::move(*text));
      }
      api().destroy_logical_type(&child_type);
      return out;
    }
    default:
      throw Error(ErrorKind::internal,
                  fmt::format("a column of DuckDB type {} cannot be read as a value", int{type}));
  }
}

}  // namespace

QueryError::QueryError(duckdb_error_type type, const std::string& message)
    : Error(kind_of(type, message), message), type_(type) {}

Value detail::to_param(const boost::json::value& v) {
  return v.is_null() ? Value{} : Value{boost::json::serialize(v)};
}

Chunk& Chunk::operator=(Chunk&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}
Chunk::~Chunk() {
  if (handle_ != nullptr) api().destroy_data_chunk(&handle_);
}
std::size_t Chunk::size() const {
  return api().data_chunk_get_size(handle_);
}
duckdb_vector Chunk::column(std::size_t index) const {
  return api().data_chunk_get_vector(handle_, index);
}

Result::~Result() {
  if (handle_.internal_data != nullptr) api().destroy_result(&handle_);
}
std::size_t Result::column_count() {
  return api().column_count(&handle_);
}
std::string Result::column_name(std::size_t index) {
  return api().column_name(&handle_, index);
}
duckdb_type Result::column_type(std::size_t index) {
  return api().column_type(&handle_, index);
}
std::int64_t Result::rows_changed() {
  return static_cast<std::int64_t>(api().rows_changed(&handle_));
}

Chunk Result::fetch() {
  Chunk chunk(api().fetch_chunk(handle_));
  if (!chunk) {
    const char* said = api().result_error(&handle_);
    if (said != nullptr && *said != '\0') throw QueryError(api().result_error_type(&handle_), said);
  }
  return chunk;
}

std::vector<std::vector<Value>> Result::rows() {
  std::vector<std::vector<Value>> out;
  const std::size_t columns = column_count();
  std::vector<duckdb_logical_type> types;
  for (std::size_t c = 0; c < columns; ++c) types.push_back(api().column_logical_type(&handle_, c));
  struct Guard {
    std::vector<duckdb_logical_type>& types;
    ~Guard() {
      for (auto& type : types) api().destroy_logical_type(&type);
    }
  } guard{types};
  while (Chunk chunk = fetch()) {
    const std::size_t count = chunk.size();
    if (count == 0) continue;
    const std::size_t first = out.size();
    out.resize(first + count, std::vector<Value>(columns));
    for (std::size_t c = 0; c < columns; ++c) {
      const auto vector = chunk.column(c);
      const auto type = api().get_type_id(types[c]);
      for (std::size_t r = 0; r < count; ++r) out[first + r][c] = value_at(vector, type, types[c], r);
    }
  }
  return out;
}

Connection& Connection::operator=(Connection&& other) noexcept {
  std::swap(handle_, other.handle_);
  return *this;
}
Connection::~Connection() {
  if (handle_ == nullptr) return;
  // While an exception unwinds the stack, DuckDB lets go of a connection without ending its statement, whose
  // tasks then read freed memory (ClientContext::~ClientContext). What unwinds is a matter of one thread, so
  // that another ends it properly.
  if (std::uncaught_exceptions() > 0) {
    try {
      std::thread([this] { api().disconnect(&handle_); }).join();
      return;
    } catch (const std::system_error&) {
      // No thread is to be had; the unclean end is all that is left.
    }
  }
  api().disconnect(&handle_);
}
void Connection::interrupt() {
  api().interrupt(handle_);
}

Result Connection::execute_all(const std::string& sql) {
  duckdb_result result{};
  if (api().query(handle_, sql.c_str(), &result) == DuckDBError) throw_result_error(result);
  return Result(result);
}

Result Connection::execute_bound(const std::string& sql, const std::vector<Value>& params) {
  return run(sql, params, false);
}
Result Connection::stream(const std::string& sql, const std::vector<Value>& params) {
  return run(sql, params, true);
}

Result Connection::run(const std::string& sql, const std::vector<Value>& params, bool streaming) {
  Prepared statement(handle_, sql);
  for (std::size_t i = 0; i < params.size(); ++i) statement.bind(i + 1, params[i]);
  duckdb_result result{};
  const auto state = streaming ? api().execute_prepared_streaming(statement.get(), &result)
                               : api().execute_prepared(statement.get(), &result);
  if (state == DuckDBError) throw_result_error(result);
  return Result(result);
}

namespace {
// After a checksum of 8 bytes: "DUCK", 8 bytes of format version, 32 of flags, then the writer's version in
// 32 (MainHeader in DuckDB's src/include/duckdb/storage/storage_info.hpp).
constexpr std::size_t kMagic = 8, kWriter = 52, kLength = 32;

std::string read_header(const std::filesystem::path& file) {
  std::string header(kWriter + kLength, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(header.data(), static_cast<std::streamsize>(header.size()));
  header.resize(static_cast<std::size_t>(in.gcount()));
  return header;
}
bool has_magic(const std::string& header) {
  return header.compare(std::min(kMagic, header.size()), 4, "DUCK") == 0;
}
}  // namespace

bool is_database(const std::filesystem::path& file) {
  std::error_code unknown;
  const auto header = read_header(file);
  return header.empty() ? std::filesystem::file_size(file, unknown) > 0 : has_magic(header);
}

std::string writer_of(const std::filesystem::path& file) {
  auto header = read_header(file);
  if (!has_magic(header)) return {};
  header.resize(kWriter + kLength);
  const std::string_view writer(header.data() + kWriter, kLength);
  const auto version = writer.substr(0, writer.find('\0'));
  const bool is_version = std::all_of(version.begin(), version.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '-';
  });
  return is_version ? std::string(version) : std::string();
}

NewerFormat::NewerFormat(const std::filesystem::path& file)
    : Error(ErrorKind::internal,
            fmt::format("{} is in a format of DuckDB {} that DuckDB {}, which is here, cannot read",
                        file.string(), writer_of(file), api().library_version())) {}

bool is_newer_format(const std::exception& error) {
  return dynamic_cast<const NewerFormat*>(&error) != nullptr ||
         std::string_view(error.what()).find(kNewerFormat) != std::string_view::npos;
}

bool is_locked(const std::exception& error) {
  return std::string_view(error.what()).find("Could not set lock") != std::string_view::npos;
}

Database::Database(const DatabaseOptions& options) : handle_(nullptr) {
  duckdb_config config = nullptr;
  api().create_config(&config);
  struct Guard {
    duckdb_config& config;
    ~Guard() { api().destroy_config(&config); }
  } guard{config};
  for (const auto& [name, value] : options.settings)
    if (api().set_config(config, name.c_str(), value.c_str()) == DuckDBError)
      throw Error(ErrorKind::internal, fmt::format("DuckDB has no setting {} = {}", name, value));
  char* said = nullptr;
  const std::string file = options.file.string();
  if (api().open_ext(file.empty() ? nullptr : file.c_str(), &handle_, config, &said) == DuckDBError) {
    std::string message = said != nullptr ? said : "unknown reason";
    api().free(said);
    if (message.find(kNewerFormat) != std::string::npos) throw NewerFormat(options.file);
    message.erase(std::min(message.find('\n'), message.size()));
    throw Error(ErrorKind::internal,
                fmt::format("cannot open {}: {}", file.empty() ? "a database" : file, message));
  }
}
Database::~Database() {
  if (handle_ != nullptr) api().close(&handle_);
}
Connection Database::connect() {
  duckdb_connection connection = nullptr;
  if (api().connect(handle_, &connection) == DuckDBError)
    throw Error(ErrorKind::internal, "cannot connect to the database");
  return Connection(connection);
}

Transaction::Transaction(Connection& connection) : connection_(connection) {
  connection_.execute("BEGIN TRANSACTION");
}
Transaction::~Transaction() {
  if (!open_) return;
  try {
    connection_.execute("ROLLBACK");
  } catch (const std::exception&) {
    // The transaction is gone already when the statement that failed aborted it.
  }
}
void Transaction::commit() {
  connection_.execute("COMMIT");
  open_ = false;
}

namespace {
std::string quote(std::string_view text, char mark) {
  std::string out(1, mark);
  for (char c : text) {
    if (c == mark) out += mark;
    out += c;
  }
  return out + mark;
}
}  // namespace

std::string quote_identifier(std::string_view name) {
  return quote(name, '"');
}
std::string quote_literal(std::string_view text) {
  return quote(text, '\'');
}

}  // namespace agnes::duck
