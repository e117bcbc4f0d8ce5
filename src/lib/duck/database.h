#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <boost/json/value.hpp>

#include "lib/base/error.h"
#include "lib/base/time.h"
#include "lib/duck/api.h"

namespace agnes::duck {

// What DuckDB said of a statement. Its message may name tables and files: show it to callers only where that
// is safe.
class QueryError : public Error {
 public:
  QueryError(duckdb_error_type type, const std::string& message);
  duckdb_error_type type() const { return type_; }

 private:
  duckdb_error_type type_;
};

// A database file in a format that only a later DuckDB can read.
class NewerFormat : public Error {
 public:
  explicit NewerFormat(const std::filesystem::path& file);
};
// Whether an error of a statement says the same of a file that it attaches.
bool is_newer_format(const std::exception& error);
// Whether a database file was not opened because another process has it open for writing.
bool is_locked(const std::exception& error);
// Whether a file begins as DuckDB's databases do. One that cannot be read is not known to be anything else.
bool is_database(const std::filesystem::path& file);
// The DuckDB that wrote a database file, from its header: "v1.5.6". Empty when that says nothing
// of the kind.
std::string writer_of(const std::filesystem::path& file);

// A parameter of a statement, or one value of a row read without a struct. JSON values are bound as their
// text.
using TextList = std::vector<std::string>;
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Timestamp, TextList>;

namespace detail {
inline Value to_param(Value v) {
  return v;
}
inline Value to_param(std::nullptr_t) {
  return {};
}
inline Value to_param(std::nullopt_t) {
  return {};
}
inline Value to_param(bool v) {
  return v;
}
inline Value to_param(int v) {
  return std::int64_t{v};
}
inline Value to_param(std::int64_t v) {
  return v;
}
inline Value to_param(std::uint64_t v) {
  return static_cast<std::int64_t>(v);
}
inline Value to_param(double v) {
  return v;
}
inline Value to_param(const char* v) {
  return std::string(v);
}
inline Value to_param(std::string_view v) {
  return std::string(v);
}
inline Value to_param(std::string v) {
  return v;
}
inline Value to_param(Timestamp v) {
  return v;
}
inline Value to_param(TextList v) {
  return v;
}
Value to_param(const boost::json::value& v);
template <class T>
Value to_param(const std::optional<T>& v) {
  return v ? to_param(*v) : Value{};
}
}  // namespace detail

// One chunk of rows (2048 at most) of a result, column by column. Columns are DuckDB's own vectors.
class Chunk {
 public:
  explicit Chunk(duckdb_data_chunk handle) : handle_(handle) {}
  Chunk(Chunk&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Chunk& operator=(Chunk&& other) noexcept;
  ~Chunk();
  explicit operator bool() const { return handle_ != nullptr; }
  std::size_t size() const;
  duckdb_vector column(std::size_t index) const;
  duckdb_data_chunk handle() const { return handle_; }

 private:
  duckdb_data_chunk handle_;
};

// The answer of one statement; rows are read once, forwards.
class Result {
 public:
  explicit Result(duckdb_result handle) : handle_(handle) {}
  Result(Result&& other) noexcept : handle_(other.handle_) { other.handle_ = {}; }
  Result(const Result&) = delete;
  Result& operator=(const Result&) = delete;
  ~Result();

  std::size_t column_count();
  std::string column_name(std::size_t index);
  duckdb_type column_type(std::size_t index);
  std::int64_t rows_changed();
  duckdb_result* handle() { return &handle_; }
  // The next chunk; one that is false at the end. Throws QueryError when a streamed statement fails half way.
  Chunk fetch();
  // The rest of the rows as values: booleans, whole numbers up to BIGINT, floats, DECIMAL (as double), text,
  // JSON, UUID-free types that the state database uses, timestamps, VARCHAR[]; anything else throws.
  std::vector<std::vector<Value>> rows();

 private:
  duckdb_result handle_;
};

// One session. Not for two threads at once, but `interrupt` may come from any.
class Connection {
 public:
  explicit Connection(duckdb_connection handle) : handle_(handle) {}
  Connection(Connection&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  Connection& operator=(Connection&& other) noexcept;
  ~Connection();

  // Runs `sql`, which may hold several statements when it has no parameters; the last one's answer.
  template <class... Args>
  Result execute(const std::string& sql, Args&&... args) {
    if constexpr (sizeof...(Args) == 0)
      return execute_all(sql);
    else
      return execute_bound(sql, {detail::to_param(std::forward<Args>(args))...});
  }
  Result execute_bound(const std::string& sql, const std::vector<Value>& params);
  // Answers row by row while it runs, in bounded memory. One statement.
  Result stream(const std::string& sql, const std::vector<Value>& params = {});

  // Makes the running statement end with QueryError of type INTERRUPT, as soon as DuckDB looks.
  void interrupt();
  duckdb_connection handle() const { return handle_; }

 private:
  Result execute_all(const std::string& sql);
  Result run(const std::string& sql, const std::vector<Value>& params, bool streaming);
  duckdb_connection handle_;
};

struct DatabaseOptions {
  std::filesystem::path file;  // empty: in memory
  std::map<std::string, std::string>
      settings;  // DuckDB settings at open: access_mode, threads, memory_limit, ...
};

// An open database. Thread-safe; connections keep it alive as long as it lives.
class Database {
 public:
  explicit Database(const DatabaseOptions& options);
  Database(Database&& other) noexcept : handle_(other.handle_) { other.handle_ = nullptr; }
  ~Database();
  Connection connect();

 private:
  duckdb_database handle_;
};

// BEGIN now; ROLLBACK when it goes without `commit`.
class Transaction {
 public:
  explicit Transaction(Connection& connection);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  void commit();

 private:
  Connection& connection_;
  bool open_ = true;
};

// The only places where SQL is made from text.
std::string quote_identifier(std::string_view name);  // "na""me"
std::string quote_literal(std::string_view text);     // 'te''xt'

}  // namespace agnes::duck
