#include "connectors/files/csv_settings.h"

#include "connectors/files/files.h"
#include "connectors/files/read.h"
#include "lib/base/text.h"
#include "lib/duck/rows.h"

namespace agnes::connectors::files {

namespace {

class Reader {
 public:
  Reader(duck::Connection& connection, const Candidate& candidate)
      : connection_(connection), candidate_(candidate), spec_(*candidate.spec) {}

  CsvSettings read() const {
    CsvSettings out;
    if (spec_.encoding) {
      const auto known = known_encoding(*spec_.encoding);
      if (!known) refuse("encoding", *spec_.encoding, kKnownEncodings);
      out.encoding = *known;
    }
    if (spec_.delimiter && (spec_.delimiter->empty() || spec_.delimiter->size() > 4))
      refuse("delimiter", *spec_.delimiter, "one to four characters");
    if (spec_.delimiter) out.dialect.delimiter = *spec_.delimiter;
    if (spec_.skip.value_or(0) < 0)
      refuse("skip", std::to_string(*spec_.skip), "a number of lines, 0 or more");
    if (spec_.quote) out.dialect.quote = out.dialect.escape = one_byte("quote", *spec_.quote);
    if (spec_.escape) out.dialect.escape = one_byte("escape", *spec_.escape);
    read_forms(out);
    return out;
  }

 private:
  void read_forms(CsvSettings& out) const {
    auto& forms = out.forms;
    forms.decimal = one_of("decimal", spec_.decimal, ".,");
    forms.thousands = one_of("thousands", spec_.thousands, ".,' ");
    if (forms.thousands == (forms.decimal == '\0' ? '.' : forms.decimal))
      refuse("thousands", *spec_.thousands, "another character than decimal, which is '.' unless set");
    forms.order = spec_.date_order.value_or("");
    if (!forms.order.empty() && forms.order != "dmy" && forms.order != "mdy" && forms.order != "ymd")
      refuse("date_order", forms.order, "dmy, mdy or ymd");
    if (spec_.date_format && type_of_format("date_format", *spec_.date_format) != "TIMESTAMP")
      refuse("date_format", *spec_.date_format, "of a day alone; timestamp_format takes %n and %z");
    if (spec_.timestamp_format) out.format_type = type_of_format("timestamp_format", *spec_.timestamp_format);
  }

  char one_byte(std::string_view setting, const std::string& value) const {
    if (value.size() > 1) refuse(setting, value, "one character, or nothing");
    return value.empty() ? '\0' : value.front();
  }
  char one_of(std::string_view setting, const std::optional<std::string>& value,
              std::string_view marks) const {
    if (!value) return '\0';
    if (value->size() != 1 || marks.find(value->front()) == std::string_view::npos)
      refuse(setting, *value, fmt::format("one of {}", marks));
    return value->front();
  }

  // "%%Z" is a percent sign and a letter.
  static bool names_zone(std::string_view format) {
    for (std::size_t i = 0; i + 1 < format.size(); ++i)
      if (format[i] == '%' && format[++i] == 'Z') return true;
    return false;
  }

  // Of what it reads: an offset makes an instant.
  std::string type_of_format(std::string_view setting, const std::string& format) const {
    std::string type;
    try {
      type = duck::scalar<std::string>(
                 connection_,
                 fmt::format("SELECT typeof(try_strptime(NULL::VARCHAR, {}))", duck::quote_literal(format)))
                 .value();
    } catch (const duck::QueryError&) {
      refuse(setting, format, "a format of strptime such as '%d.%m.%Y'");
    }
    if (names_zone(format))
      refuse(setting, format,
             "without %Z, as abbreviations such as CST name several zones; %z reads offsets");
    if (type.ends_with("ZONE") && format.find("%n") != std::string::npos)
      refuse(setting, format, "without %n, as no type has both nanoseconds and an offset");
    return type;
  }

  [[noreturn]] void refuse(std::string_view setting, const std::string& value,
                           std::string_view allowed) const {
    wrong_setting(candidate_, setting, fmt::format("is '{}' and must be {}", escape_control(value), allowed));
  }

  duck::Connection& connection_;
  const Candidate& candidate_;
  const TableSpec& spec_;
};

}  // namespace

CsvSettings read_csv_settings(duck::Connection& connection, const Candidate& candidate) {
  return Reader(connection, candidate).read();
}

}  // namespace agnes::connectors::files
