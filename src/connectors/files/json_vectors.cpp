#include "connectors/files/json_vectors.h"

#include <charconv>
#include <limits>

namespace agnes::connectors::files {

namespace {

[[noreturn]] void changed(const JsonRows& rows, const JsonToken& value) {
  rows.fail(rows.line_of(value), "has changed while it was read: sync again");
}

double number(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  double out = 0;
  std::from_chars(text.data(), text.data() + text.size(), out);
  return out;
}

// Without the white space between values.
std::string_view compact(std::string_view json, std::string& space) {
  if (json.find_first_of(" \t\r\n") == std::string_view::npos) return json;
  space.clear();
  bool quoted = false;
  for (std::size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (!quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n')) continue;
    space += c;
    if (quoted && c == '\\')
      space += json[++i];
    else if (c == '"')
      quoted = !quoted;
  }
  return space;
}

}  // namespace

duck::ProgramType raw_type(const JsonPlan& plan) {
  duck::ProgramType out;
  for (const auto& child : plan.children) out.children.push_back(raw_type(child));
  switch (plan.as) {
    case JsonAs::boolean:
      out.id = DUCKDB_TYPE_BOOLEAN;
      break;
    case JsonAs::bigint:
      out.id = DUCKDB_TYPE_BIGINT;
      break;
    case JsonAs::real:
      out.id = DUCKDB_TYPE_DOUBLE;
      break;
    case JsonAs::text:
    case JsonAs::json:
      break;
    case JsonAs::structure:
      out.id = DUCKDB_TYPE_STRUCT;
      out.names = plan.keys;
      break;
    case JsonAs::list:
      out.id = DUCKDB_TYPE_LIST;
      break;
    case JsonAs::map:
      out.id = DUCKDB_TYPE_MAP;
      break;
  }
  return out;
}

JsonVector::JsonVector(const JsonPlan& plan) : as_(plan.as) {
  for (const auto& key : plan.keys) keys_.find_or_add(key);
  for (const auto& child : plan.children) children_.emplace_back(child);
}

void JsonVector::begin(duckdb_vector vector, std::size_t rows) {
  take(vector, 0, rows);
}

// The rows `from` to `to` are new: they are NULL.
void JsonVector::take(duckdb_vector vector, std::size_t from, std::size_t to) {
  const auto& api = duck::api();
  vector_ = vector;
  api.vector_ensure_validity_writable(vector);
  data_ = api.vector_get_data(vector);
  validity_ = api.vector_get_validity(vector);
  for (auto row = from; row < to && row % 64 != 0; ++row)
    validity_[row / 64] &= ~(std::uint64_t{1} << (row % 64));
  const auto begin = (from + 63) / 64, end = (to + 63) / 64;
  if (begin < end) std::fill(validity_ + begin, validity_ + end, 0);
  if (as_ == JsonAs::structure) {
    for (std::size_t i = 0; i < children_.size(); ++i)
      children_[i].take(api.struct_vector_get_child(vector, i), from, to);
  } else if (has_elements()) {
    auto* entries = static_cast<duckdb_list_entry*>(data_);
    std::fill(entries + from, entries + to, duckdb_list_entry{0, 0});
    if (from == 0) elements_ = room_ = 0;
  }
}

void JsonVector::end() {
  if (has_elements()) duck::api().list_vector_set_size(vector_, elements_);
  if (has_elements() && room_ == 0) return;
  for (auto& child : children_) child.end();
}

// Makes room for so many elements of a list.
void JsonVector::grow(std::size_t elements) {
  if (elements <= room_) return;
  const auto room = std::max({elements, 2 * room_, static_cast<std::size_t>(duck::api().vector_size())});
  if (duck::api().list_vector_reserve(vector_, room) != DuckDBSuccess)
    throw Error(ErrorKind::insufficient_storage, "a list needs more memory than a sync may use");
  children_[0].take(duck::api().list_vector_get_child(vector_), room_, room);
  room_ = room;
}

void JsonVector::set_text(std::size_t row, std::string_view text) {
  duck::api().vector_assign_string_element_len(vector_, row, text.data(), text.size());
  set_valid(row);
}

void JsonVector::write(std::size_t row, const JsonRows& rows, std::size_t token) {
  const auto& value = rows.tokens()[token];
  if (value.kind == JsonKind::null) return;
  const auto text = rows.raw(value);
  switch (as_) {
    case JsonAs::boolean:
      if (value.kind != JsonKind::boolean) changed(rows, value);
      static_cast<bool*>(data_)[row] = text == "true";
      return set_valid(row);
    case JsonAs::bigint:
      if (value.kind != JsonKind::whole ||
          std::from_chars(text.data(), text.data() + text.size(), static_cast<std::int64_t*>(data_)[row])
                  .ec != std::errc())
        changed(rows, value);
      return set_valid(row);
    case JsonAs::real:
      if (value.kind != JsonKind::whole && value.kind != JsonKind::decimal &&
          value.kind != JsonKind::not_finite)
        changed(rows, value);
      static_cast<double*>(data_)[row] = number(text);
      return set_valid(row);
    case JsonAs::structure:
      return write_structure(row, rows, token);
    case JsonAs::list:
      return write_list(row, rows, token);
    case JsonAs::map:
      return write_map(row, rows, token);
    case JsonAs::text:
    case JsonAs::json:
      return write_text(row, rows, value);
  }
}

void JsonVector::write_text(std::size_t row, const JsonRows& rows, const JsonToken& value) {
  if (as_ == JsonAs::text && value.kind != JsonKind::object && value.kind != JsonKind::list)
    return set_text(row, rows.content(value, space_));
  if (rows.has_not_finite())
    for (const auto* part = &value; part < rows.tokens().data() + value.next; ++part)
      if (part->kind == JsonKind::not_finite)
        rows.fail(rows.line_of(*part),
                  fmt::format("has {} in a value that can only be kept as JSON, which has no "
                              "such number: write null",
                              rows.raw(*part)));
  const auto json = rows.json(value);
  set_text(row, value.kind == JsonKind::string ? json : compact(json, space_));
}

void JsonVector::write_structure(std::size_t row, const JsonRows& rows, std::size_t token) {
  const auto& value = rows.tokens()[token];
  if (value.kind != JsonKind::object) changed(rows, value);
  set_valid(row);
  for (auto at = token + 1; at < value.next;) {
    const auto& key = rows.tokens()[at];
    const auto index = keys_.find(rows.content(key, space_));
    if (index == KeyList::kNone) changed(rows, key);
    children_[index].write(row, rows, at + 1);
    at = rows.tokens()[at + 1].next;
  }
}

void JsonVector::write_list(std::size_t row, const JsonRows& rows, std::size_t token) {
  const auto& value = rows.tokens()[token];
  if (value.kind != JsonKind::list) changed(rows, value);
  std::size_t length = 0;
  for (auto at = token + 1; at < value.next; at = rows.tokens()[at].next) ++length;
  auto element = add_elements(row, length);
  for (auto at = token + 1; at < value.next; at = rows.tokens()[at].next)
    children_[0].write(element++, rows, at);
}

void JsonVector::write_map(std::size_t row, const JsonRows& rows, std::size_t token) {
  const auto& value = rows.tokens()[token];
  if (value.kind != JsonKind::object) changed(rows, value);
  const auto after = [&](std::size_t key) { return rows.tokens()[key + 1].next; };
  std::size_t length = 0;
  for (auto at = token + 1; at < value.next; at = after(at)) ++length;
  auto pair = add_elements(row, length);
  for (auto at = token + 1; at < value.next; at = after(at), ++pair) {
    auto& pairs = children_[0];
    pairs.set_valid(pair);
    pairs.children_[0].set_text(pair, rows.content(rows.tokens()[at], space_));
    pairs.children_[1].write(pair, rows, at + 1);
  }
}

// Gives the row so many new elements, and the number of the first one.
std::size_t JsonVector::add_elements(std::size_t row, std::size_t count) {
  const auto first = elements_;
  set_valid(row);
  static_cast<duckdb_list_entry*>(data_)[row] = {first, count};
  elements_ += count;
  grow(elements_);
  return first;
}

}  // namespace agnes::connectors::files
