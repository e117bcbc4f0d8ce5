#include "connectors/files/thrift.h"

#include <algorithm>

namespace agnes::connectors::files::thrift {

namespace {

constexpr int kMaxDepth = 32;

void put_varint(std::string& out, std::uint64_t value) {
  for (; value >= 0x80; value >>= 7) out += static_cast<char>(value | 0x80);
  out += static_cast<char>(value);
}
void put_whole(std::string& out, std::int64_t value) {
  put_varint(out, (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63));
}

void put(std::string& out, const Value& value, bool in_list) {
  switch (value.type) {
    case Type::yes:
    case Type::no:
      if (in_list) out += static_cast<char>(value.whole);
      break;
    case Type::byte:
      out += static_cast<char>(value.whole);
      break;
    case Type::i16:
    case Type::i32:
    case Type::i64:
      put_whole(out, value.whole);
      break;
    case Type::binary:
      put_varint(out, value.bytes.size());
      out += value.bytes;
      break;
    case Type::list:
    case Type::set:
      out += write_list_header(value.element, value.items.size());
      for (const auto& item : value.items) put(out, item, true);
      break;
    case Type::structure: {
      int before = 0;
      for (const auto& [id, field] : value.fields) {
        if (id > before && id - before <= 15)
          out += static_cast<char>((id - before) << 4 | static_cast<int>(field.type));
        else
          put_whole(out += static_cast<char>(field.type), id);
        before = id;
        put(out, field, false);
      }
      out += '\0';
      break;
    }
    default:
      out += value.bytes;
  }
}

}  // namespace

const Value* Value::find(int id) const {
  const auto found =
      std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first == id; });
  return found == fields.end() ? nullptr : &found->second;
}

std::int64_t Value::whole_of(int id, std::int64_t otherwise) const {
  const Value* found = find(id);
  return found != nullptr ? found->whole : otherwise;
}

void Value::set(int id, Value value) {
  erase(id);
  const auto after =
      std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return field.first > id; });
  fields.emplace(after, id, std::move(value));
}

void Value::erase(int id) {
  std::erase_if(fields, [&](const auto& field) { return field.first == id; });
}

std::string_view Reader::take(std::uint64_t count) {
  if (count > bytes_.size() - at_) throw Malformed();
  const auto out = bytes_.substr(at_, count);
  at_ += count;
  return out;
}

std::uint8_t Reader::byte() {
  return static_cast<std::uint8_t>(take(1).front());
}

std::uint64_t Reader::varint() {
  std::uint64_t out = 0;
  for (unsigned shift = 0; shift < 64; shift += 7) {
    const auto next = byte();
    out |= std::uint64_t{next & 0x7Fu} << shift;
    if (next < 0x80) return out;
  }
  throw Malformed();
}

std::int64_t Reader::whole() {
  const auto raw = varint();
  return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
}

std::string_view Reader::binary() {
  return take(varint());
}

std::pair<int, Type> Reader::field(int before) {
  const auto head = byte();
  const auto type = static_cast<Type>(head & 0x0F);
  if (type == Type::stop) return {0, type};
  if (type > Type::structure) throw Malformed();
  const std::int64_t id = head >> 4 != 0 ? before + (head >> 4) : whole();
  if (id < INT16_MIN || id > INT16_MAX) throw Malformed();
  return {static_cast<int>(id), type};
}

std::pair<Type, std::size_t> Reader::list() {
  const auto head = byte();
  const auto element = static_cast<Type>(head & 0x0F);
  const std::uint64_t count = head >> 4 != 15 ? head >> 4 : varint();
  // An element has a byte at least. Programs that have none do not always say what it would be.
  const bool known = element <= Type::structure && (element != Type::stop || count == 0);
  if (!known || count > bytes_.size() - at_) throw Malformed();
  return {element, count};
}

Value Reader::value(Type type, int depth) {
  if (depth > kMaxDepth) throw Malformed();
  Value out;
  out.type = type;
  switch (type) {
    case Type::yes:
    case Type::no:
      if (depth > 0) out.whole = type == Type::yes ? 1 : 2;
      break;
    case Type::byte:
      out.whole = static_cast<std::int8_t>(byte());
      break;
    case Type::i16:
    case Type::i32:
    case Type::i64:
      out.whole = whole();
      break;
    case Type::number:
      out.bytes = take(8);
      break;
    case Type::binary:
      out.bytes = binary();
      break;
    case Type::list:
    case Type::set: {
      const auto [element, count] = list();
      out.element = element;
      for (std::size_t i = 0; i < count; ++i) {
        if (element == Type::yes || element == Type::no) {
          Value& item = out.items.emplace_back();
          item.type = element;
          item.whole = byte();
        } else {
          out.items.push_back(value(element, depth + 1));
        }
      }
      break;
    }
    case Type::map: {
      const auto begin = at_;
      skip(type, depth);
      out.bytes = bytes_.substr(begin, at_ - begin);
      break;
    }
    case Type::structure:
      fields([&](int id, Type field) { out.fields.emplace_back(id, value(field, depth + 1)); });
      break;
    default:
      throw Malformed();
  }
  return out;
}

void Reader::skip(Type type, int depth) {
  if (depth > kMaxDepth) throw Malformed();
  switch (type) {
    case Type::yes:
    case Type::no:
      break;
    case Type::byte:
      byte();
      break;
    case Type::i16:
    case Type::i32:
    case Type::i64:
      varint();
      break;
    case Type::number:
      take(8);
      break;
    case Type::binary:
      binary();
      break;
    case Type::list:
    case Type::set: {
      const auto [element, count] = list();
      const bool boolean = element == Type::yes || element == Type::no;
      for (std::size_t i = 0; i < count; ++i) boolean ? static_cast<void>(byte()) : skip(element, depth + 1);
      break;
    }
    case Type::map: {
      const auto count = varint();
      if (count == 0) break;
      const auto types = byte();
      for (std::uint64_t i = 0; i < count; ++i)
        for (const auto part : {static_cast<Type>(types >> 4), static_cast<Type>(types & 0x0F)})
          part == Type::yes || part == Type::no ? static_cast<void>(byte()) : skip(part, depth + 1);
      break;
    }
    case Type::structure:
      fields([&](int, Type field) { skip(field, depth + 1); });
      break;
    default:
      throw Malformed();
  }
}

std::string write(const Value& value) {
  std::string out;
  put(out, value, false);
  return out;
}

std::string write_list_header(Type element, std::size_t count) {
  std::string out(1, static_cast<char>((count < 15 ? count : 15) << 4 | static_cast<unsigned>(element)));
  if (count >= 15) put_varint(out, count);
  return out;
}

}  // namespace agnes::connectors::files::thrift
