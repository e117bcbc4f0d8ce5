#include "connectors/files/json_text.h"

#include <array>
#include <cstring>

#include "connectors/files/source_error.h"
#include "lib/base/text.h"

namespace agnes::connectors::files {

namespace {

constexpr std::size_t kReadBytes = 1 << 20;

// The bytes of a string that stand for themselves.
constexpr std::array<bool, 256> make_plain() {
  std::array<bool, 256> out{};
  for (std::size_t c = 0x20; c < 0x80; ++c) out[c] = c != '"' && c != '\\';
  return out;
}
constexpr auto kPlain = make_plain();

bool is_digit(int c) {
  return c >= '0' && c <= '9';
}

void append_utf8(std::string& out, unsigned code) {
  const auto add = [&](unsigned byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xC0 | code >> 6);
    add(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    add(0xE0 | code >> 12);
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  } else {
    add(0xF0 | code >> 18);
    add(0x80 | (code >> 12 & 0x3F));
    add(0x80 | (code >> 6 & 0x3F));
    add(0x80 | (code & 0x3F));
  }
}

unsigned hex_value(std::string_view digits) {
  unsigned out = 0;
  for (const char c : digits)
    out = out * 16 + static_cast<unsigned>(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
  return out;
}

}  // namespace

JsonRows::JsonRows(const SourceFile& file)
    : file_(file), bytes_(file_), one_a_line_(file.format == Format::json_lines) {}

void JsonRows::fail(std::int64_t line, const std::string& what) const {
  throw SourceError("malformed", file_.relative, line,
                    fmt::format("{} line {} {}", shown(file_.relative), line, what));
}

std::int64_t JsonRows::line_at(std::size_t at) const {
  const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(row_);
  return line_ + std::count(begin, buffer_.begin() + static_cast<std::ptrdiff_t>(at), '\n');
}

std::int64_t JsonRows::line_of(const JsonToken& token) const {
  return line_at(row_ + token.begin);
}

void JsonRows::bad(const std::string& what) {
  fail(line_at(at_), what);
}

void JsonRows::cut_off() {
  while (at_ > row_ && std::strchr(" \t\r\n", buffer_[at_ - 1]) != nullptr) --at_;
  bad("is not JSON: the file ends in the middle of a value; it may be cut off");
}

void JsonRows::unexpected() {
  const int c = peek();
  if (c < 0) cut_off();
  if (c >= 0x80) utf8();
  std::string found;
  if (c >= 0x80)
    found = "a letter outside of quotes";
  else if (c < 0x20 || c == 0x7F)
    found = fmt::format("the control character {:#04x}", c);
  else
    found = fmt::format("'{}'", static_cast<char>(c));
  bad(fmt::format("is not JSON: {} stands where it cannot", found));
}

// Makes place and reads on; false at the end of the file.
bool JsonRows::fill() {
  if (at_ - row_ > kMaxJsonRowBytes) {
    // A file that is one long document is no table, and nothing is wrong with it.
    const bool document = first_ && !is_list_ && !one_a_line_;
    throw SourceError(
        document ? "not_a_table" : "malformed", file_.relative, line_,
        fmt::format("{} line {} has a value of more than {} MB, which no row of a table may have",
                    shown(file_.relative), line_, kMaxJsonRowBytes >> 20));
  }
  if (end_ + kReadBytes > buffer_.size()) buffer_.resize(end_ + kReadBytes);
  const auto got = bytes_.read(buffer_.data() + end_, kReadBytes);
  end_ += got;
  return got > 0;
}

void JsonRows::skip_space(bool within_row) {
  for (int c = peek(); c == ' ' || c == '\t' || c == '\r' || c == '\n'; c = peek()) {
    if (c == '\n' && within_row && one_a_line_)
      bad("is not JSON: the value does not end on its line, as in JSON lines it must");
    ++at_;
  }
}

void JsonRows::skip_mark() {
  if (peek() == 0xFF || peek() == 0xFE) bad("is not UTF-8: save the file as UTF-8");
  // Files that were saved or joined by several programs have several.
  while (peek() == 0xEF && end_ - at_ >= 3 && buffer_.compare(at_, 3, "\xEF\xBB\xBF") == 0) at_ += 3;
}

// False when there is nothing in the file.
bool JsonRows::begin_file() {
  begun_ = true;
  skip_mark();
  skip_space(false);
  is_empty_ = peek() < 0;
  if (is_empty_) return false;
  is_list_ = !one_a_line_ && peek() == '[';
  if (is_list_) ++at_;
  return true;
}

// Goes to where a row begins; false when there is none.
bool JsonRows::begin_row() {
  if (!begun_ && !begin_file()) return false;
  skip_space(false);
  if (!is_list_) return peek() >= 0;
  if (peek() == ']' && first_) {
    ++at_;
    return false;
  }
  if (first_) return true;
  if (peek() == ']') {
    ++at_;
    return false;
  }
  if (peek() != ',') unexpected();
  ++at_;
  skip_space(false);
  if (peek() < 0) cut_off();
  return true;
}

bool JsonRows::next() {
  if (done_) return false;
  // What was read is let go before the next row, which begins at 0 whenever the buffer would have to grow.
  line_ = line_at(at_);
  row_ = at_;
  if (row_ > 4 * kReadBytes || row_ == end_) {
    buffer_.erase(0, row_);
    end_ -= row_;
    at_ = row_ = 0;
  }
  tokens_.clear();
  has_not_finite_ = false;
  if (!begin_row()) {
    done_ = true;
    if (is_list_) {
      skip_space(false);
      if (peek() >= 0) bad("is not JSON: there is text after the end of the list");
    }
    return false;
  }
  line_ = line_at(at_);
  row_ = at_;
  value(0);
  if (at_ - row_ > kMaxJsonRowBytes) fill();
  end_row();
  first_ = false;
  return true;
}

// In JSON lines nothing else stands on the line; elsewhere white space, or a bracket, ends a value that stands alone.
void JsonRows::end_row() {
  if (is_list_) return;
  const std::size_t end = at_;
  if (one_a_line_) {
    for (int c = peek(); c == ' ' || c == '\t' || c == '\r'; c = peek()) ++at_;
    if (peek() >= 0 && peek() != '\n') bad("is not JSON: there is more than one value on the line");
  } else if (const int c = peek(); c >= 0 && std::strchr(" \t\r\n{", c) == nullptr) {
    unexpected();
  }
  at_ = end;
}

std::size_t JsonRows::open(JsonKind kind) {
  tokens_.push_back({kind, false, offset(), 0, 0});
  return tokens_.size() - 1;
}

void JsonRows::close(std::size_t token) {
  tokens_[token].end = offset();
  tokens_[token].next = static_cast<std::uint32_t>(tokens_.size());
}

void JsonRows::value(int depth) {
  const int c = peek();
  switch (c) {
    case '{':
      return object(depth + 1);
    case '[':
      return list(depth + 1);
    case '"':
      return string(JsonKind::string);
    case 't':
      return word("true", JsonKind::boolean);
    case 'f':
      return word("false", JsonKind::boolean);
    case 'n':
      return word("null", JsonKind::null);
    case 'N':
      return word("NaN", JsonKind::not_finite);
    case 'I':
      return word("Infinity", JsonKind::not_finite);
    default:
      if (c != '-' && !is_digit(c)) unexpected();
      number();
  }
}

void JsonRows::object(int depth) {
  if (depth > kMaxJsonDepth) bad(fmt::format("has more than {} objects in each other", kMaxJsonDepth));
  const auto self = open(JsonKind::object);
  ++at_;
  skip_space(true);
  if (peek() != '}') {
    while (true) {
      if (peek() != '"') unexpected();
      string(JsonKind::key);
      skip_space(true);
      if (peek() != ':') unexpected();
      ++at_;
      skip_space(true);
      value(depth);
      skip_space(true);
      if (peek() == '}') break;
      if (peek() != ',') unexpected();
      ++at_;
      skip_space(true);
    }
  }
  ++at_;
  close(self);
}

void JsonRows::list(int depth) {
  if (depth > kMaxJsonDepth) bad(fmt::format("has more than {} lists in each other", kMaxJsonDepth));
  const auto self = open(JsonKind::list);
  ++at_;
  skip_space(true);
  if (peek() != ']') {
    while (true) {
      value(depth);
      skip_space(true);
      if (peek() == ']') break;
      if (peek() != ',') unexpected();
      ++at_;
      skip_space(true);
    }
  }
  ++at_;
  close(self);
}

void JsonRows::string(JsonKind kind) {
  ++at_;
  const auto self = open(kind);
  while (true) {
    while (at_ < end_ && kPlain[static_cast<unsigned char>(buffer_[at_])]) ++at_;
    const int c = peek();
    if (c == '"') break;
    if (c == '\\') {
      tokens_[self].escaped = true;
      escape();
    } else if (c >= 0x80) {
      utf8();
    } else if (c < 0) {
      cut_off();
    } else if (c < 0x20) {
      bad(c == '\n' ? "is not JSON: a text does not end on its line"
                    : "is not JSON: a control character stands in a text");
    }
  }
  close(self);
  ++at_;
}

void JsonRows::escape() {
  ++at_;
  const int c = peek();
  if (c < 0) cut_off();
  if (c != 'u') {
    if (std::strchr("\"\\/bfnrt", c) == nullptr || c == 0)
      bad("is not JSON: a text has a backslash before what needs none");
    ++at_;
    return;
  }
  ++at_;
  const unsigned code = hex();
  if (code < 0xD800 || code > 0xDFFF) return;
  const auto half = [&] {
    bad(fmt::format("has half a character (\\u{:04x}) in a text, which cannot be held: write the whole one",
                    code));
  };
  if (code > 0xDBFF || peek() != '\\') half();
  ++at_;
  if (peek() != 'u') half();
  ++at_;
  const unsigned other = hex();
  if (other < 0xDC00 || other > 0xDFFF) half();
}

unsigned JsonRows::hex() {
  unsigned out = 0;
  for (int i = 0; i < 4; ++i) {
    const int c = peek();
    if (c < 0) cut_off();
    const bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'f';
    if (!letter && !is_digit(c)) bad("is not JSON: \\u in a text lacks its four digits");
    const char digit = static_cast<char>(c);
    out = out * 16 + hex_value({&digit, 1});
    ++at_;
  }
  return out;
}

void JsonRows::utf8() {
  const auto wrong = [&] { bad("is not UTF-8: save the file as UTF-8"); };
  const int first = peek();
  const int more = first >= 0xF0 ? 3 : first >= 0xE0 ? 2 : 1;
  if (first < 0xC2 || first > 0xF4) wrong();
  ++at_;
  for (int i = 0; i < more; ++i) {
    const int c = peek();
    if (c < 0x80 || c > 0xBF) wrong();
    // Longer than needed, a surrogate, or beyond the last character.
    if (i == 0 && ((first == 0xE0 && c < 0xA0) || (first == 0xED && c > 0x9F) ||
                   (first == 0xF0 && c < 0x90) || (first == 0xF4 && c > 0x8F)))
      wrong();
    ++at_;
  }
}

void JsonRows::digits() {
  if (!is_digit(peek())) unexpected();
  while (is_digit(peek())) ++at_;
}

void JsonRows::number() {
  const auto self = open(JsonKind::whole);
  if (peek() == '-') ++at_;
  if (peek() == 'I') {
    tokens_.pop_back();
    --at_;
    return word("-Infinity", JsonKind::not_finite);
  }
  if (peek() == '0')
    ++at_;
  else
    digits();
  if (is_digit(peek())) bad("is not JSON: a number begins with 0");
  if (peek() == '.') {
    tokens_[self].kind = JsonKind::decimal;
    ++at_;
    digits();
  }
  if (peek() == 'e' || peek() == 'E') {
    tokens_[self].kind = JsonKind::decimal;
    ++at_;
    if (peek() == '+' || peek() == '-') ++at_;
    digits();
  }
  close(self);
}

void JsonRows::word(std::string_view text, JsonKind kind) {
  const auto self = open(kind);
  for (const char c : text) {
    if (peek() != c) unexpected();
    ++at_;
  }
  has_not_finite_ = has_not_finite_ || kind == JsonKind::not_finite;
  close(self);
}

std::string_view JsonRows::content(const JsonToken& token, std::string& space) const {
  const auto text = raw(token);
  if (!token.escaped) return text;
  space.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') {
      space += text[i];
      continue;
    }
    const char c = text[++i];
    constexpr std::string_view letters = "bfnrt", meant = "\b\f\n\r\t";
    if (c == 'u') {
      unsigned code = hex_value(text.substr(i + 1, 4));
      i += 4;
      if (code >= 0xD800 && code <= 0xDBFF) {
        code = 0x10000 + ((code - 0xD800) << 10) + (hex_value(text.substr(i + 3, 4)) - 0xDC00);
        i += 6;
      }
      append_utf8(space, code);
    } else if (const auto at = letters.find(c); at != std::string_view::npos) {
      space += meant[at];
    } else {
      space += c;
    }
  }
  return space;
}

}  // namespace agnes::connectors::files
