#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/files/compression.h"

// The text of a CSV file, record by record, in any encoding and with any line ends. DuckDB's reader is quicker, but tells
// neither what it did not understand nor, always, where.
namespace agnes::connectors::files {

// No record may be longer.
constexpr std::size_t kMaxRecordBytes = 16 << 20;

struct CsvDialect {
  std::string delimiter = ",";
  char quote = '"', escape = '"';  // '\0': none
};

// An encoding by one of its names, in one spelling for all of them; nothing for what is not known.
std::optional<std::string> known_encoding(std::string_view name);
constexpr std::string_view kKnownEncodings = "utf-8, utf-16, utf-16le, utf-16be, latin-1 or cp1252";

struct CsvValue {
  std::string_view text;  // without quotes and escapes
  std::string_view raw;   // as it stands there, without spaces around quotes
  bool quoted = false;
};

struct CsvRecord {
  std::int64_t line = 0;         // its first one, from 1
  std::vector<CsvValue> values;  // good until the next record; none for an empty line
  std::string_view raw;
  std::string_view fault;  // why it is no record of CSV: nothing comes after it
};

class CsvText {
 public:
  // `encoding`: in the spelling of `known_encoding`; empty for UTF-8, or what a byte order mark says.
  CsvText(const SourceFile& file, const std::string& encoding);

  const std::string& encoding() const { return encoding_; }
  // There were more byte order marks than one.
  bool has_marks() const { return has_marks_; }
  CsvDialect dialect;

  std::int64_t line() const { return line_; }      // the number of the next line, from 1
  std::uint64_t bytes() const { return passed_; }  // how much text has been taken
  // The next line, whatever quotes are in it; nothing at the end.
  std::optional<std::string> take_line();
  // The next record; false at the end of the file. `peek` leaves it where it is.
  bool next(CsvRecord& record);
  bool peek(CsvRecord& record);

 private:
  static constexpr std::size_t kMore = std::string::npos;  // the text that has been read does not say

  bool fill();
  void decode(std::string_view bytes);
  void decode_pairs(std::string_view bytes);
  std::size_t end_of_line(std::size_t at);
  std::size_t parse(CsvRecord& record);
  std::size_t parse_value(std::size_t at, CsvRecord& record);
  std::size_t parse_quoted(std::size_t at, CsvRecord& record);
  std::size_t delimiter_at(std::size_t at) const;
  void pass(std::size_t content, std::size_t end);

  Contents contents_;
  std::string encoding_, held_;  // bytes of a character that has not ended
  std::string text_, unescaped_;
  std::size_t at_ = 0, after_ = 0;
  bool ended_ = false, quoted_ = false, has_marks_ = false;
  bool lone_returns_ = false, ends_known_ = false;  // whether a carriage return alone ends a line
  std::int64_t line_ = 1;
  std::uint64_t passed_ = 0;
};

}  // namespace agnes::connectors::files
