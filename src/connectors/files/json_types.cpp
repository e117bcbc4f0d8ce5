#include "connectors/files/json_types.h"

#include <set>

#include "connectors/files/read.h"
#include "connectors/files/values.h"
#include "lib/base/text.h"
#include "lib/duck/database.h"

namespace agnes::connectors::files {

namespace {

JsonPlan as_json() {
  return {JsonAs::json, "JSON", {}, {}};
}

enum Kinds : unsigned { kBooleans = 1, kNumbers = 2, kTexts = 4, kObjects = 8, kLists = 16 };

JsonPlan number_plan(TypeSet types) {
  const auto type = type_of_all(types);
  const auto as = type == "BIGINT" ? JsonAs::bigint : type == "DOUBLE" ? JsonAs::real : JsonAs::text;
  return {as, type, {}, {}};
}

}  // namespace

std::size_t KeyList::find(std::string_view key) {
  // The first key of an object follows the last one of another.
  if (next_ >= keys_.size()) next_ = 0;
  if (next_ < keys_.size() && keys_[next_] == key) return next_++;
  const auto found = places_.find(key);
  if (found == places_.end()) return kNone;
  next_ = found->second + 1;
  return found->second;
}

std::size_t KeyList::find_or_add(std::string_view key) {
  const auto found = find(key);
  if (found != kNone) return found;
  keys_.emplace_back(key);
  places_.emplace(key, keys_.size() - 1);
  next_ = keys_.size();
  return keys_.size() - 1;
}

struct JsonTypes::Shape {
  unsigned kinds = 0;
  TypeSet types = kAnyType;  // that hold all its numbers and texts
  KeyList keys;
  std::vector<std::unique_ptr<Shape>> children;  // of these keys
  std::unique_ptr<Shape> element;
  std::uint64_t seen = 0;  // the number of the object in which it last stood
};

struct JsonTypes::Column {
  std::size_t keys = 0;
  bool too_deep = false;
  bool opaque() const { return too_deep || keys > kMaxKeys; }
};

JsonTypes::JsonTypes() : root_(std::make_unique<Shape>()) {}
JsonTypes::~JsonTypes() = default;

void JsonTypes::add(const JsonRows& rows) {
  collect_object(rows, 0, *root_, 0, nullptr);
}

const std::vector<std::string>& JsonTypes::keys() const {
  return root_->keys.keys();
}

void JsonTypes::collect(const JsonRows& rows, std::size_t token, Shape& shape, int depth, Column* column) {
  const auto& value = rows.tokens()[token];
  switch (value.kind) {
    case JsonKind::null:
    case JsonKind::key:
      return;
    case JsonKind::boolean:
      shape.kinds |= kBooleans;
      return;
    case JsonKind::whole:
    case JsonKind::decimal:
    case JsonKind::not_finite:
      shape.kinds |= kNumbers;
      if (shape.types != 0) shape.types &= numbers_of(rows.raw(value));
      return;
    case JsonKind::string:
      shape.kinds |= kTexts;
      if (shape.types != 0) {
        std::string space;
        shape.types &= moments_of(rows.content(value, space));
      }
      return;
    case JsonKind::object:
    case JsonKind::list:
      break;
  }
  const bool is_object = value.kind == JsonKind::object;
  shape.kinds |= is_object ? kObjects : kLists;
  if (depth >= kMaxNesting) column->too_deep = true;
  if (column->opaque()) return check_keys(rows, token);
  if (is_object) return collect_object(rows, token, shape, depth + 1, column);
  if (!shape.element) shape.element = std::make_unique<Shape>();
  for (auto at = token + 1; at < value.next; at = rows.tokens()[at].next)
    collect(rows, at, *shape.element, depth + 1, column);
}

void JsonTypes::collect_object(const JsonRows& rows, std::size_t token, Shape& shape, int depth,
                               Column* column) {
  const auto number = ++objects_;
  const auto end = rows.tokens()[token].next;
  std::string space;
  for (auto at = token + 1; at < end;) {
    const auto& key = rows.tokens()[at];
    const auto index = shape.keys.find_or_add(rows.content(key, space));
    if (index == shape.children.size()) {
      shape.children.push_back(std::make_unique<Shape>());
      if (column != nullptr)
        ++column->keys;
      else
        columns_.push_back(std::make_unique<Column>());
    }
    Shape& child = *shape.children[index];
    if (child.seen == number)
      rows.fail(rows.line_of(key), fmt::format("has the key '{}' twice in one object",
                                               escape_control(shape.keys.keys()[index])));
    child.seen = number;
    const auto value = at + 1;
    collect(rows, value, child, depth, column != nullptr ? column : columns_[index].get());
    at = rows.tokens()[value].next;
  }
}

// No key twice in an object where no types are learnt.
void JsonTypes::check_keys(const JsonRows& rows, std::size_t token) {
  const auto& value = rows.tokens()[token];
  if (value.kind != JsonKind::object && value.kind != JsonKind::list) return;
  std::set<std::string, std::less<>> keys;
  std::string space;
  for (auto at = token + 1; at < value.next; at = rows.tokens()[at].next) {
    const auto& inner = rows.tokens()[at];
    if (inner.kind == JsonKind::key && !keys.emplace(rows.content(inner, space)).second)
      rows.fail(rows.line_of(inner), fmt::format("has the key '{}' twice in one object",
                                                 escape_control(std::string(rows.content(inner, space)))));
    check_keys(rows, at);
  }
}

JsonPlan JsonTypes::plan(std::size_t key) const {
  if (columns_[key]->opaque()) return as_json();
  const Shape& shape = *root_->children[key];
  // Numbers and texts in one column are texts. In each other, where 5 and "5" are not to be one, they are JSON.
  if ((shape.kinds & (kObjects | kLists)) == 0 && (shape.kinds & (shape.kinds - 1)) != 0) return {};
  auto out = decide(shape);
  if (shape.kinds == kNumbers && out.as == JsonAs::json) return {};
  return out;
}

JsonPlan JsonTypes::decide(const Shape& shape) {
  switch (shape.kinds) {
    case 0:
      return {};
    case kBooleans:
      return {JsonAs::boolean, "BOOLEAN", {}, {}};
    case kNumbers: {
      auto out = number_plan(shape.types);
      return out.type == "VARCHAR" ? as_json() : out;
    }
    case kTexts:
      return {JsonAs::text, type_of_all(shape.types), {}, {}};
    case kLists: {
      JsonPlan element = decide(*shape.element);
      const std::string type = element.type + "[]";
      return {JsonAs::list, type, {}, {std::move(element)}};
    }
    case kObjects:
      break;
    default:
      return as_json();
  }
  JsonPlan out{JsonAs::structure, "STRUCT(", shape.keys.keys(), {}};
  std::set<std::string> names;
  for (std::size_t i = 0; i < out.keys.size(); ++i) {
    const auto& key = out.keys[i];
    if (key.empty() || key.find('\0') != std::string::npos || !names.insert(to_lower(key)).second)
      return as_json();
    out.children.push_back(decide(*shape.children[i]));
    out.type +=
        fmt::format("{}{} {}", i > 0 ? ", " : "", duck::quote_identifier(key), out.children.back().type);
  }
  out.type += ")";
  return out.keys.empty() ? as_json() : out;
}

}  // namespace agnes::connectors::files
