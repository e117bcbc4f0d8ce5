#pragma once

#include <vector>

#include "connectors/files/compression.h"

namespace agnes::connectors::files {

// What a value is, by its text alone. `not_finite` is NaN, Infinity or -Infinity, which JSON does not have and many
// programs write.
enum class JsonKind : std::uint8_t { null, boolean, whole, decimal, not_finite, string, object, list, key };

// One value of a row, or the key before it. A row's tokens stand in the order of its text: an object is followed by
// its keys, each with its value, a list by its elements.
struct JsonToken {
  JsonKind kind = JsonKind::null;
  bool escaped = false;              // a string or key with a backslash in it
  std::uint32_t begin = 0, end = 0;  // its text in the row; of strings and keys, without the quotes
  std::uint32_t next = 0;            // the token after it and all that is in it
};

// More in one row is refused: a row is held in memory.
constexpr std::size_t kMaxJsonRowBytes = 16 << 20;
// Objects and lists in each other.
constexpr int kMaxJsonDepth = 500;

// Reads a JSON file row by row: the elements of the list that the file is, else the values that stand one after the
// other, in JSON lines one a line. A byte order mark is passed over. In bounded memory. Its functions throw
// SourceError with the line (the first is 1) where the text is not UTF-8, not JSON, or cut off, and where it holds
// what no text of ours can: half a surrogate pair.
class JsonRows {
 public:
  explicit JsonRows(const SourceFile& file);

  // Goes to the next row; false when there is none.
  bool next();

  // The file is a list; known after the first `next`.
  bool is_list() const { return is_list_; }
  // Nothing but white space is in it; known when `next` has said that there is no row.
  bool is_empty() const { return is_empty_; }
  const SourceFile& file() const { return file_; }

  // Of the current row, until the next `next`.
  const std::vector<JsonToken>& tokens() const { return tokens_; }
  // The token as it is written; a string or key without its quotes.
  std::string_view raw(const JsonToken& token) const {
    return {buffer_.data() + row_ + token.begin, token.end - token.begin};
  }
  // The same as JSON: with quotes.
  std::string_view json(const JsonToken& token) const {
    const std::uint32_t quote = token.kind == JsonKind::string ? 1 : 0;
    return {buffer_.data() + row_ + token.begin - quote, token.end - token.begin + 2 * quote};
  }
  // The content of a string or key; `space` may hold it.
  std::string_view content(const JsonToken& token, std::string& space) const;
  std::size_t row_bytes() const { return at_ - row_; }
  bool has_not_finite() const { return has_not_finite_; }
  std::int64_t line() const { return line_; }
  std::int64_t line_of(const JsonToken& token) const;

  // Blames the file, "sales.json line 7 ...".
  [[noreturn]] void fail(std::int64_t line, const std::string& what) const;

 private:
  bool fill();
  int peek() { return at_ < end_ || fill() ? static_cast<unsigned char>(buffer_[at_]) : -1; }
  void skip_space(bool within_row);
  void skip_mark();
  bool begin_file();
  bool begin_row();
  void end_row();
  std::int64_t line_at(std::size_t at) const;
  [[noreturn]] void bad(const std::string& what);
  [[noreturn]] void cut_off();
  [[noreturn]] void unexpected();

  std::uint32_t offset() const { return static_cast<std::uint32_t>(at_ - row_); }
  std::size_t open(JsonKind kind);
  void close(std::size_t token);
  void value(int depth);
  void object(int depth);
  void list(int depth);
  void string(JsonKind kind);
  void escape();
  unsigned hex();
  void utf8();
  void number();
  void digits();
  void word(std::string_view text, JsonKind kind);

  SourceFile file_;
  Contents bytes_;
  std::string buffer_;
  std::size_t row_ = 0, at_ = 0,
              end_ = 0;    // in the buffer: the row's begin, what is read next, the end of its bytes
  std::int64_t line_ = 1;  // of `row_`
  std::vector<JsonToken> tokens_;
  bool one_a_line_, begun_ = false, is_list_ = false, first_ = true, done_ = false, is_empty_ = false;
  bool has_not_finite_ = false;
};

}  // namespace agnes::connectors::files
