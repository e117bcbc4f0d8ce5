// CSV files: records in any dialect and encoding; single values, which no type may change. The first byte says which.
#include "connectors/files/csv_text.h"
#include "connectors/files/source_error.h"
#include "connectors/files/values.h"
#include "fuzz/memory_file.h"
#include "lib/base/text.h"
#include "lib/duck/text_forms.h"

namespace {

using namespace agnes;
using namespace agnes::connectors::files;

// The second byte chooses the encoding, the third one the dialect.
void records(std::string_view input) {
  if (input.size() < 2) return;
  static const fuzz::MemoryFile memory;
  constexpr const char* kEncodings[] = {"", "utf-16", "utf-16be", "latin-1", "cp1252"};
  const std::string encoding = kEncodings[static_cast<unsigned char>(input[0]) % std::size(kEncodings)];
  const auto choice = static_cast<unsigned char>(input[1]);
  memory.put(input.substr(2));
  SourceFile file;
  file.path = memory.path();
  file.relative = "a.csv";
  std::optional<CsvText> opened;
  try {
    opened.emplace(file, encoding);
  } catch (const SourceError&) {
    return;  // of an encoding that is not read
  }
  CsvText& text = *opened;
  const bool unicode = text.encoding() == "utf-8";
  text.dialect.delimiter = (choice & 1) == 0 ? "," : "::";
  if ((choice & 2) != 0) text.dialect.escape = '\\';
  if ((choice & 4) != 0) text.dialect.quote = text.dialect.escape = '\0';
  if ((choice & 8) != 0) text.take_line();
  std::int64_t line = text.line();
  std::uint64_t bytes = text.bytes();
  CsvRecord record;
  while (text.peek(record)) {
    const std::string raw(record.raw);
    const auto values = record.values.size();
    fuzz::expect(text.next(record) && record.raw == raw && record.values.size() == values,
                 "a look at a record changes nothing");
    fuzz::expect(record.line == line && text.line() > line, "a record begins where the last one ended");
    fuzz::expect(text.bytes() > bytes && text.bytes() - bytes >= raw.size(), "a record has been passed");
    line = text.line();
    bytes = text.bytes();
    if (!record.fault.empty()) break;
    std::size_t size = 0;
    for (const auto& value : record.values) {
      size += value.raw.size();
      fuzz::expect(value.text.size() <= value.raw.size(), "a value is no longer than it is written");
      fuzz::expect(value.quoted || value.text == value.raw, "a value without quotes is as it stands there");
    }
    if (values > 0) size += (values - 1) * text.dialect.delimiter.size();
    fuzz::expect(size <= raw.size(), "values are parts of their record");
    fuzz::expect(raw.empty() == record.values.empty(), "an empty line has no values");
  }
  if (unicode) fuzz::expect(bytes <= input.size() - 2, "no text is made up");
}

std::string trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return std::string(text);
}

// The text that DuckDB has for a value.
std::string shown_in(std::string_view type, std::string_view text) {
  std::string out;
  if (type == "BOOLEAN") out = *to_boolean(text) ? "true" : "false";
  if (type == "BIGINT") out = std::to_string(*to_bigint(text));
  if (type == "DATE") duck::append_date(out, *to_date(text));
  if (type == "TIME") duck::append_time(out, *to_time(text), duck::Unit::micros);
  if (type == "TIMESTAMP") duck::append_timestamp(out, *to_timestamp(text), duck::Unit::micros);
  if (type.starts_with("DECIMAL(")) {
    const auto comma = type.find(',');
    const auto width = parse_int(type.substr(8, comma - 8)).value();
    const auto scale = parse_int(type.substr(comma + 1, type.size() - comma - 2)).value();
    duck::append_decimal(out, *to_decimal(text, static_cast<int>(width), static_cast<int>(scale)),
                         static_cast<unsigned>(scale));
  }
  return out;
}

void one_value(std::string_view text) {
  const auto type = type_of_all(types_of(text));
  const std::string plain = trimmed(text);
  is_value(text);
  numbers_of(text);
  fuzz::expect((moments_of(text) & ~types_of(text)) == 0, "a moment of JSON is one of CSV");
  fuzz::expect(types_of(plain) == types_of(text), "spaces around a text do not count");
  if (type == "VARCHAR") return;
  fuzz::expect(is_value(text), fmt::format("'{}' is a value of {}", text, type));
  fuzz::expect(has_form_of(text, type), fmt::format("'{}' has the form of {}", text, type));
  if (type == "DOUBLE") return fuzz::expect(to_double(text).has_value(), "a DOUBLE has a value");
  if (type == "TIMESTAMP WITH TIME ZONE")
    return fuzz::expect(to_instant(text).has_value(), "an instant has a value");
  const auto shown = shown_in(type, text);
  if (type == "BOOLEAN") return fuzz::expect(iequals(shown, plain), "a BOOLEAN is as it was written");
  // A fraction has six digits where there is one; seconds and T are written as they like.
  const bool same = type == "TIME" || type == "TIMESTAMP"
                        ? types_of(shown) == types_of(text) && shown.substr(0, 5) == plain.substr(0, 5)
                        : shown == plain;
  fuzz::expect(same, fmt::format("'{}' is kept in {}: {}", text, type, shown));
}

void values(std::string_view text) {
  if (!is_utf8(text)) return;
  one_value(text);
  for (const TextForms& forms : {TextForms{',', '.', ""}, TextForms{'\0', '\'', "dmy"},
                                 TextForms{',', ' ', "mdy"}, TextForms{'\0', '\0', "ymd"}}) {
    const auto plain = plain_text(text, forms);
    one_value(plain);
    if (type_of_all(types_of(plain)) == "VARCHAR") continue;
    std::string digits, kept;
    for (const char c : text)
      if (c >= '1' && c <= '9') digits += c;
    for (const char c : plain)
      if (c >= '1' && c <= '9') kept += c;
    std::sort(digits.begin(), digits.end());
    std::sort(kept.begin(), kept.end());
    fuzz::expect(digits == kept, fmt::format("no digit of '{}' is lost: {}", text, plain));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  return fuzz::choose(data, size, {records, values});
}
