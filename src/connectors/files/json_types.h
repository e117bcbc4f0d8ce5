#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/files/json_text.h"

namespace agnes::connectors::files {

// Bound of a column that has types for what is in it, as kMaxNesting; beyond, the column is of type JSON.
constexpr std::size_t kMaxKeys = 1'000;  // in all its objects

// Keys in the order in which they first came. Objects mostly have theirs in one order, so that the next key is the one
// after the last.
class KeyList {
 public:
  static constexpr std::size_t kNone = std::size_t(-1);
  std::size_t find(std::string_view key);
  std::size_t find_or_add(std::string_view key);
  const std::vector<std::string>& keys() const { return keys_; }

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };
  std::vector<std::string> keys_;
  std::unordered_map<std::string, std::size_t, Hash, std::equal_to<>> places_;
  std::size_t next_ = 0;
};

// How a value is taken out of its text.
enum class JsonAs { boolean, bigint, real, text, json, structure, list, map };

// The type of one place, and how its values get there.
struct JsonPlan {
  JsonAs as = JsonAs::text;
  std::string type = "VARCHAR";   // as SQL has it
  std::vector<std::string> keys;  // of a structure
  // The values of these, or the elements of a list. Of a map: the structure of key and value; no column is one by itself.
  std::vector<JsonPlan> children;
};

// Learns the types of a table's columns from all its rows. What a column gets depends on its own values alone, not on
// their order.
class JsonTypes {
 public:
  JsonTypes();
  ~JsonTypes();

  // Adds the current row, which must be an object. Throws SourceError for a key that stands twice in one object.
  void add(const JsonRows& rows);

  // The keys of the rows in the order in which they came, and what each is.
  const std::vector<std::string>& keys() const;
  JsonPlan plan(std::size_t key) const;

 private:
  struct Shape;
  struct Column;
  void collect(const JsonRows& rows, std::size_t token, Shape& shape, int depth, Column* column);
  void collect_object(const JsonRows& rows, std::size_t token, Shape& shape, int depth, Column* column);
  void check_keys(const JsonRows& rows, std::size_t token);
  static JsonPlan decide(const Shape& shape);

  std::unique_ptr<Shape> root_;
  std::vector<std::unique_ptr<Column>> columns_;
  std::uint64_t objects_ = 0;
};

}  // namespace agnes::connectors::files
