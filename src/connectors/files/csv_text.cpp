#include "connectors/files/csv_text.h"

#include <algorithm>
#include <array>

#include "connectors/files/source_error.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

constexpr std::size_t kChunk = 1 << 20;
// Stands for what the encoding has no character for: no text in UTF-8 has it.
constexpr char kNoCharacter = '\xff';
constexpr std::string_view kUtf8Mark = "\xef\xbb\xbf", kLittleMark = "\xff\xfe", kBigMark = "\xfe\xff";
constexpr std::string_view kLongLittleMark("\xff\xfe\0\0", 4), kLongBigMark("\0\0\xfe\xff", 4);

// 0x80 to 0x9f; the rest of cp1252 is latin-1.
constexpr std::array<char16_t, 32> kCp1252 = {0x20ac, 0,      0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021,
                                              0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,      0x017d, 0,
                                              0,      0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014,
                                              0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0,      0x017e, 0x0178};

void append_character(std::string& out, char32_t c) {
  const auto byte = [&](char32_t bits) { out += static_cast<char>(bits); };
  if (c < 0x80) return byte(c);
  if (c < 0x800) {
    byte(0xc0 | c >> 6);
  } else {
    if (c < 0x10000) {
      byte(0xe0 | c >> 12);
    } else {
      byte(0xf0 | c >> 18);
      byte(0x80 | (c >> 12 & 0x3f));
    }
    byte(0x80 | (c >> 6 & 0x3f));
  }
  byte(0x80 | (c & 0x3f));
}

}  // namespace

std::optional<std::string> known_encoding(std::string_view name) {
  static constexpr std::pair<const char*, const char*> kNames[] = {
      {"utf-8", "utf-8"},        {"utf8", "utf-8"},        {"utf-16", "utf-16"},   {"utf16", "utf-16"},
      {"utf-16le", "utf-16le"},  {"utf-16be", "utf-16be"}, {"latin-1", "latin-1"}, {"latin1", "latin-1"},
      {"iso-8859-1", "latin-1"}, {"iso8859-1", "latin-1"}, {"cp1252", "cp1252"},   {"windows-1252", "cp1252"},
  };
  for (const auto& [known, spelling] : kNames)
    if (iequals(name, known)) return spelling;
  return std::nullopt;
}

CsvText::CsvText(const SourceFile& file, const std::string& encoding) : contents_(file), encoding_(encoding) {
  std::string begin(kLongBigMark.size(), '\0');
  std::size_t size = 0;
  for (std::size_t got = 1; got > 0 && size < begin.size(); size += got)
    got = contents_.read(begin.data() + size, begin.size() - size);
  begin.resize(size);
  if (begin == kLongLittleMark || begin == kLongBigMark)
    throw SourceError("malformed", file.relative, std::nullopt,
                      shown(file.relative) + " is in UTF-32, which is not read: save it as UTF-8");
  // A mark is stronger than what was set for all files: a reader that takes it for text gets the first name wrong.
  const bool wide = encoding_.empty() || encoding_.starts_with("utf");
  if (begin.starts_with(kUtf8Mark)) {
    encoding_ = "utf-8";
    begin.erase(0, kUtf8Mark.size());
  } else if (wide && (begin.starts_with(kLittleMark) || begin.starts_with(kBigMark))) {
    encoding_ = begin.starts_with(kLittleMark) ? "utf-16le" : "utf-16be";
    begin.erase(0, kLittleMark.size());
  } else if (encoding_.empty()) {
    encoding_ = "utf-8";
  } else if (encoding_ == "utf-16") {
    // The first character is mostly one of ASCII.
    encoding_ = begin.starts_with('\0') ? "utf-16be" : "utf-16le";
  }
  decode(begin);
  // Files that were saved or joined by several programs have several marks.
  for (;; has_marks_ = true) {
    while (text_.size() < kUtf8Mark.size() && fill()) continue;
    if (!text_.starts_with(kUtf8Mark)) break;
    text_.erase(0, kUtf8Mark.size());
  }
}

bool CsvText::fill() {
  if (ended_) return false;
  std::string bytes(kChunk, '\0');
  bytes.resize(contents_.read(bytes.data(), bytes.size()));
  ended_ = bytes.empty();
  if (ended_ && !held_.empty()) {
    held_.clear();
    text_ += kNoCharacter;
  }
  decode(bytes);
  return !bytes.empty();
}

void CsvText::decode(std::string_view bytes) {
  if (encoding_ == "utf-8") {
    text_ += bytes;
  } else if (encoding_.starts_with("utf-16")) {
    held_ += bytes;
    decode_pairs(std::exchange(held_, {}));
  } else {
    for (const char c : bytes) {
      const auto byte = static_cast<unsigned char>(c);
      const char32_t character = byte < 0x80 || byte >= 0xa0 ? byte
                                 : encoding_ == "cp1252"     ? kCp1252[byte - 0x80]
                                                             : 0;
      if (character == 0 && byte != 0)
        text_ += kNoCharacter;
      else
        append_character(text_, character);
    }
  }
}

void CsvText::decode_pairs(std::string_view bytes) {
  const bool big = encoding_ == "utf-16be";
  const auto unit = [&](std::size_t at) {
    const auto first = static_cast<unsigned char>(bytes[at]),
               second = static_cast<unsigned char>(bytes[at + 1]);
    return static_cast<char32_t>(big ? first << 8 | second : second << 8 | first);
  };
  std::size_t at = 0;
  while (at + 2 <= bytes.size()) {
    const char32_t high = unit(at);
    if (high < 0xd800 || high > 0xdfff) {
      append_character(text_, high);
      at += 2;
      continue;
    }
    if (at + 4 > bytes.size()) break;
    const char32_t low = unit(at + 2);
    if (high > 0xdbff || low < 0xdc00 || low > 0xdfff) {
      text_ += kNoCharacter;
      at += 2;
    } else {
      append_character(text_, 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
      at += 4;
    }
  }
  held_ = bytes.substr(at);
}

// How many bytes of a line end stand there: 0 for none.
std::size_t CsvText::end_of_line(std::size_t at) {
  if (text_[at] == '\n') {
    ends_known_ = true;
    return 1;
  }
  if (text_[at] != '\r') return 0;
  if (at + 1 == text_.size() && !ended_) return kMore;
  if (at + 1 < text_.size() && text_[at + 1] == '\n') {
    ends_known_ = true;
    return 2;
  }
  if (!ends_known_) lone_returns_ = ends_known_ = true;
  return lone_returns_ ? 1 : 0;
}

std::size_t CsvText::delimiter_at(std::size_t at) const {
  const auto& delimiter = dialect.delimiter;
  if (delimiter.empty() || text_[at] != delimiter.front()) return 0;
  if (delimiter.size() == 1) return 1;
  if (text_.size() - at < delimiter.size() && !ended_) return kMore;
  return text_.compare(at, delimiter.size(), delimiter) == 0 ? delimiter.size() : 0;
}

std::size_t CsvText::parse_quoted(std::size_t at, CsvRecord& record) {
  const std::size_t begin = at++;
  bool escaped = false;
  const char marks[] = {dialect.quote, dialect.escape == '\0' ? dialect.quote : dialect.escape};
  for (;; ++at) {
    at = marks[0] == marks[1] ? text_.find(marks[0], at) : text_.find_first_of(marks, at, 2);
    if (at == std::string::npos || (at + 1 == text_.size() && text_[at] != dialect.quote)) {
      if (!ended_) return kMore;
      record.fault = "has a quoted value that does not end";
      return text_.size();
    }
    if (at + 1 == text_.size() && !ended_) return kMore;
    const bool pair = text_[at] == dialect.escape && at + 1 < text_.size() &&
                      (text_[at + 1] == dialect.quote || text_[at + 1] == dialect.escape);
    if (pair) {
      escaped = true;
      ++at;
    } else if (text_[at] == dialect.quote) {
      break;
    }
  }
  CsvValue value{{text_.data() + begin + 1, at - begin - 1}, {text_.data() + begin, at + 1 - begin}, true};
  if (escaped) {
    const std::size_t from = unescaped_.size();
    for (std::size_t i = 0; i < value.text.size(); ++i) {
      if (value.text[i] == dialect.escape && i + 1 < value.text.size()) ++i;
      unescaped_ += value.text[i];
    }
    value.text = {unescaped_.data() + from, unescaped_.size() - from};
  }
  record.values.push_back(value);
  return at + 1;
}

// The end of the value that begins there.
std::size_t CsvText::parse_value(std::size_t at, CsvRecord& record) {
  const std::size_t begin = at;
  // As DuckDB has it: one space before a quote and those behind it are none of the value, unless they are the delimiter.
  const bool spaces = dialect.delimiter.front() != ' ';
  if (dialect.quote != '\0') {
    const auto mark = at + (spaces && at < text_.size() && text_[at] == ' ' ? 1 : 0);
    if (mark >= text_.size() && !ended_) return kMore;
    if (mark < text_.size() && text_[mark] == dialect.quote) {
      quoted_ = true;
      at = parse_quoted(mark, record);
      if (at == kMore || !record.fault.empty()) return at;
      if (spaces) at = std::min(text_.find_first_not_of(' ', at), text_.size());
      if (at == text_.size() && !ended_) return kMore;
      if (at == text_.size() || delimiter_at(at) != 0 || end_of_line(at) != 0) return at;
      record.fault = "has text after the end of a quoted value";
      return at;
    }
  }
  for (; at < text_.size(); ++at) {
    const char c = text_[at];
    if (c != dialect.delimiter.front() && c != '\n' && c != '\r') continue;
    const auto size = c == '\n' || c == '\r' ? end_of_line(at) : delimiter_at(at);
    if (size == kMore) return kMore;
    if (size != 0) break;
  }
  if (at == text_.size() && !ended_) return kMore;
  const std::string_view raw(text_.data() + begin, at - begin);
  record.values.push_back({raw, raw, false});
  return at;
}

// The end of the record that begins at `at_`, without its line end, which ends at `after_`.
std::size_t CsvText::parse(CsvRecord& record) {
  record.values.clear();
  record.fault = {};
  record.line = line_;
  unescaped_.clear();
  unescaped_.reserve(text_.size() - at_);  // its values stay where they are
  quoted_ = false;
  if (dialect.delimiter.empty()) dialect.delimiter = ",";
  for (std::size_t at = at_;;) {
    at = parse_value(at, record);
    if (at == kMore) return kMore;
    after_ = at;
    if (at == text_.size() || !record.fault.empty()) return at;
    if (const auto size = delimiter_at(at); size == kMore) {
      return kMore;
    } else if (size != 0) {
      at += size;
      if (at == text_.size() && !ended_) return kMore;
      continue;
    }
    const auto size = end_of_line(at);
    if (size == kMore) return kMore;
    after_ = at + size;
    return at;
  }
}

bool CsvText::peek(CsvRecord& record) {
  // A look with another delimiter may have taken what stands in quotes for the end of the first line.
  if (line_ == 1) lone_returns_ = ends_known_ = false;
  if (at_ >= kChunk) {
    text_.erase(0, at_);
    at_ = 0;
  }
  for (;;) {
    if (at_ == text_.size() && !fill() && at_ == text_.size()) return false;
    const auto end = at_ < text_.size() ? parse(record) : kMore;
    if (end != kMore) {
      record.raw = {text_.data() + at_, end - at_};
      if (record.raw.empty()) record.values.clear();
      if (record.raw.size() > kMaxRecordBytes) record.fault = "is longer than 16 MB";
      return true;
    }
    if (text_.size() - at_ > kMaxRecordBytes) {
      record.fault = quoted_ ? "has a quoted value that does not end within 16 MB" : "is longer than 16 MB";
      record.raw = {text_.data() + at_, text_.size() - at_};
      after_ = text_.size();
      return true;
    }
    fill();
  }
}

bool CsvText::next(CsvRecord& record) {
  if (!peek(record)) return false;
  pass(at_ + record.raw.size(), after_);
  return true;
}

void CsvText::pass(std::size_t content, std::size_t end) {
  ++line_;
  for (std::size_t i = at_; quoted_ && i < content; ++i)
    if (text_[i] == '\n' || (text_[i] == '\r' && lone_returns_ && text_[i + 1] != '\n')) ++line_;
  passed_ += end - at_;
  at_ = end;
}

std::optional<std::string> CsvText::take_line() {
  quoted_ = false;
  for (std::size_t length = 0;; ++length) {
    const bool more = at_ + length < text_.size() || fill();
    if (!more && length == 0) return std::nullopt;
    auto size = more ? end_of_line(at_ + length) : 0;
    if (size == kMore) {
      fill();
      size = end_of_line(at_ + length);
    }
    if (more && size == 0 && length < kMaxRecordBytes) continue;
    std::string out = text_.substr(at_, length);
    pass(at_ + length, at_ + length + size);
    return out;
  }
}

}  // namespace agnes::connectors::files
