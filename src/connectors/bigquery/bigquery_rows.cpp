#include "connectors/bigquery/bigquery_rows.h"

#include <cmath>

#include "connectors/answer.h"
#include "connectors/bigquery/bigquery_api.h"
#include "lib/base/json.h"
#include "lib/base/text.h"
#include "lib/base/time.h"
#include "lib/duck/database.h"

namespace agnes::connectors::bigquery {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;

// BigQuery nests records 15 deep at most.
constexpr int kDeepest = 20;
constexpr std::int64_t kMostDigits = 38;
constexpr std::size_t kSmallestLineLimit = 16u << 20;

const value& cell_of(const value& item) {
  const auto* cell = item.if_object();
  const auto* found = cell == nullptr ? nullptr : cell->if_contains("v");
  if (found == nullptr) no_sense("a cell without a value");
  return *found;
}

// The API has two names for some types.
std::string plain_type(std::string type) {
  for (char& c : type)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  constexpr std::pair<std::string_view, std::string_view> kNames[] = {
      {"INT64", "INTEGER"}, {"FLOAT64", "FLOAT"}, {"BOOL", "BOOLEAN"}, {"STRUCT", "RECORD"}};
  for (const auto& [name, plain] : kNames)
    if (type == name) return std::string(plain);
  return type;
}

}  // namespace

Rows::Rows(const object& schema) : fields_(fields_of(schema, 0)) {
  if (fields_.empty()) no_sense("a result without columns");
  for (std::size_t i = 0; i < fields_.size(); ++i) fields_[i].key = fmt::format("\"c{}\":", i);
}

std::vector<Rows::Field> Rows::fields_of(const object& schema, int depth) {
  if (depth > kDeepest) no_sense("a schema too deep");
  std::vector<Field> out;
  const auto* list = list_at(schema, "fields");
  if (list == nullptr) no_sense("a schema without fields");
  for (const auto& item : *list) {
    const auto* from = item.if_object();
    if (from == nullptr) no_sense("a field that is not an object");
    Field field;
    field.name = text_at(*from, "name");
    field.type = plain_type(text_at(*from, "type"));
    field.repeated = plain_type(text_at(*from, "mode")) == "REPEATED";
    field.precision = parse_int(text_at(*from, "precision")).value_or(0);
    field.scale = parse_int(text_at(*from, "scale")).value_or(0);
    if (field.name.empty()) no_sense("a field without a name");
    json::append_text(field.key, field.name);
    field.key += ':';
    if (field.type == "RECORD") field.fields = fields_of(*from, depth + 1);
    out.push_back(std::move(field));
  }
  return out;
}

std::string Rows::one_type(const Field& field) {
  if (field.type == "RECORD") {
    std::string out;
    for (const auto& inner : field.fields)
      out += (out.empty() ? "STRUCT(" : ", ") + duck::quote_identifier(inner.name) + " " + type_of(inner);
    return out + ")";
  }
  if (field.type == "NUMERIC" || field.type == "BIGNUMERIC") {
    if (field.precision > 0 && field.precision <= kMostDigits && field.scale >= 0 &&
        field.scale <= field.precision)
      return fmt::format("DECIMAL({}, {})", field.precision, field.scale);
    return field.type == "NUMERIC" ? "DECIMAL(38, 9)" : "VARCHAR";
  }
  constexpr std::pair<std::string_view, std::string_view> kTypes[] = {
      {"INTEGER", "BIGINT"}, {"FLOAT", "DOUBLE"},       {"BOOLEAN", "BOOLEAN"}, {"DATE", "DATE"},
      {"TIME", "TIME"},      {"DATETIME", "TIMESTAMP"}, {"TIMESTAMP", "BIGINT"}};
  for (const auto& [name, type] : kTypes)
    if (field.type == name) return std::string(type);
  return "VARCHAR";  // BYTES too, which the SELECT decodes as it does TIMESTAMP
}

std::string Rows::type_of(const Field& field) {
  return one_type(field) + (field.repeated ? "[]" : "");
}

bool Rows::is_coded(const Field& field) {
  return field.type == "BYTES" || field.type == "TIMESTAMP" ||
         std::any_of(field.fields.begin(), field.fields.end(), is_coded);
}

std::string Rows::decoded(const Field& field, const std::string& from, int depth) {
  if (!is_coded(field)) return from;
  if (!field.repeated) return decoded_one(field, from, depth);
  const auto item = fmt::format("x{}", depth);
  return fmt::format("list_transform({}, lambda {}: {})", from, item, decoded_one(field, item, depth + 1));
}

std::string Rows::decoded_one(const Field& field, const std::string& from, int depth) {
  if (field.type == "BYTES") return fmt::format("from_base64({})", from);
  if (field.type == "TIMESTAMP") return fmt::format("make_timestamptz({})", from);
  std::string members;
  for (const auto& inner : field.fields) {
    const auto name = duck::quote_identifier(inner.name);
    members += fmt::format("{}{} := {}", members.empty() ? "" : ", ", name,
                           decoded(inner, fmt::format("{}.{}", from, name), depth));
  }
  return fmt::format("CASE WHEN {} IS NOT NULL THEN struct_pack({}) END", from, members);
}

void Rows::append_one(const Field& field, const value& value, std::string& out) {
  if (value.is_null()) {
    out += "null";
  } else if (field.type == "RECORD") {
    append_cells(field.fields, value, out);
  } else {
    const auto* text = value.if_string();
    if (text == nullptr) no_sense(fmt::format("a value of {} that is not text", escape_control(field.name)));
    json::append_text(out, *text);
  }
}

void Rows::append_value(const Field& field, const value& value, std::string& out) {
  if (!field.repeated || value.is_null()) {
    append_one(field, value, out);
    return;
  }
  const auto* items = value.if_array();
  if (items == nullptr) no_sense(fmt::format("{} is not a list", escape_control(field.name)));
  out += '[';
  bool first = true;
  for (const auto& item : *items) {
    if (!first) out += ',';
    first = false;
    append_one(field, cell_of(item), out);
  }
  out += ']';
}

std::vector<const value*> Rows::cells_of(const std::vector<Field>& fields, const value& row) {
  const auto* object = row.if_object();
  const auto* list = object == nullptr ? nullptr : list_at(*object, "f");
  if (list == nullptr || list->size() != fields.size())
    no_sense("a row that has not the columns of its schema");
  std::vector<const value*> out;
  for (const auto& item : *list) out.push_back(&cell_of(item));
  return out;
}

void Rows::append_cells(const std::vector<Field>& fields, const value& row, std::string& out) {
  const auto cells = cells_of(fields, row);
  out += '{';
  for (std::size_t i = 0; i < cells.size(); ++i) {
    if (i > 0) out += ',';
    out += fields[i].key;
    append_value(fields[i], *cells[i], out);
  }
  out += '}';
}

value Rows::shown_one(const Field& field, const value& from) {
  if (from.is_null()) return nullptr;
  if (field.type == "RECORD") return shown_cells(field.fields, from);
  const auto* text = from.if_string();
  if (text == nullptr) no_sense(fmt::format("a value of {} that is not text", escape_control(field.name)));
  const std::string_view said(*text);
  if (field.type == "INTEGER") {
    if (const auto number = parse_int(said)) return *number;
  } else if (field.type == "FLOAT" || field.type == "NUMERIC" || field.type == "BIGNUMERIC") {
    const auto number = parse_double(said);
    return number && std::isfinite(*number) ? value(*number) : value(nullptr);
  } else if (field.type == "BOOLEAN") {
    return said == "true";
  } else if (field.type == "DATE") {
    return value(std::string(said) + "T00:00:00");
  } else if (field.type == "TIMESTAMP") {
    if (const auto micros = parse_int(said)) return value(format_iso(Timestamp{*micros}));
  }
  return from;
}

value Rows::shown(const Field& field, const value& from) {
  if (!field.repeated || from.is_null()) return shown_one(field, from);
  if (!from.is_array()) no_sense(fmt::format("{} is not a list", escape_control(field.name)));
  array out;
  for (const auto& item : from.get_array()) out.push_back(shown_one(field, cell_of(item)));
  return out;
}

object Rows::shown_cells(const std::vector<Field>& fields, const value& row) {
  const auto cells = cells_of(fields, row);
  object out;
  for (std::size_t i = 0; i < cells.size(); ++i) out[fields[i].name] = shown(fields[i], *cells[i]);
  return out;
}

array Rows::objects(const array& page) const {
  array out;
  for (const auto& row : page) out.push_back(shown_cells(fields_, row));
  return out;
}

void Rows::append(const array& page, std::string& out) {
  for (const auto& row : page) {
    const auto before = out.size();
    append_cells(fields_, row, out);
    out += '\n';
    longest_ = std::max(longest_, out.size() - before);
    ++count_;
  }
}

std::string Rows::select(const std::filesystem::path& file) const {
  std::string columns, types;
  for (std::size_t i = 0; i < fields_.size(); ++i) {
    const auto key = fmt::format("c{}", i);
    const std::string separator = i > 0 ? ", " : "";
    columns += fmt::format("{}{} AS {}", separator, decoded(fields_[i], key, 0),
                           duck::quote_identifier(fields_[i].name));
    types += fmt::format("{}{}: {}", separator, key, duck::quote_literal(type_of(fields_[i])));
  }
  return fmt::format(
      "SELECT {} FROM read_json({}, format = 'newline_delimited', columns = {{{}}}, maximum_object_size = "
      "{})",
      columns, duck::quote_literal(file.string()), types, std::max(kSmallestLineLimit, longest_ + 1));
}

}  // namespace agnes::connectors::bigquery
