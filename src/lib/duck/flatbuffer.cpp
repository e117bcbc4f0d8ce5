#include "lib/duck/flatbuffer.h"

#include <algorithm>

namespace agnes::duck::flat {

namespace {

using Kind = Value::Kind;

// Parents stand before what they refer to, because references only point forward.
class Writer {
 public:
  std::string run(const Value& root) {
    out_.assign(4, '\0');
    refer(0, root);
    align(8);
    return std::move(out_);
  }

 private:
  void put(std::size_t at, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) out_[at + i] = static_cast<char>(value >> (8 * i));
  }
  std::size_t grow(std::size_t size) {
    out_.resize(out_.size() + size);
    return out_.size() - size;
  }
  void align(std::size_t to) { grow((to - out_.size() % to) % to); }

  // Writes `value` here and points the reference at `at` to it.
  void refer(std::size_t at, const Value& value) {
    switch (value.kind) {
      case Kind::text:
        align(4);
        point(at, out_.size());
        put(grow(4), value.bytes.size(), 4);
        out_ += value.bytes;
        out_ += '\0';
        break;
      case Kind::packed: {
        align(8);
        const auto length = grow(8) + 4;  // the entries begin behind it
        point(at, length);
        put(length, value.size, 4);
        out_ += value.bytes;
        break;
      }
      case Kind::list: {
        align(4);
        const auto length = grow(4 + 4 * value.items.size());
        point(at, length);
        put(length, value.items.size(), 4);
        for (std::size_t i = 0; i < value.items.size(); ++i) refer(length + 4 + 4 * i, value.items[i]);
        break;
      }
      default:
        write_table(at, value);
    }
  }
  void point(std::size_t from, std::size_t to) { put(from, to - from, 4); }

  // A list of offsets (the vtable), then the fields, the widest first, so that each is aligned.
  void write_table(std::size_t at, const Value& table) {
    const auto width = [&](std::size_t i) {
      return table.items[i].kind == Kind::number ? table.items[i].size : 4;
    };
    std::vector<std::size_t> order(table.items.size());
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
    std::stable_sort(order.begin(), order.end(),
                     [&](std::size_t a, std::size_t b) { return width(a) > width(b); });
    std::size_t slots = 0;
    for (const auto slot : table.slots) slots = std::max(slots, slot + 1);

    align(2);
    const auto vtable = grow(4 + 2 * slots);
    // Behind the reference to the vtable, which has 4 bytes, the fields begin at a multiple of 8.
    while (out_.size() % 8 != 4) out_ += '\0';
    const auto start = grow(4);
    put(start, start - vtable, 4);
    point(at, start);
    std::vector<std::size_t> places(order.size());
    for (const auto i : order) {
      places[i] = grow(width(i));
      put(vtable + 4 + 2 * table.slots[i], places[i] - start, 2);
      if (table.items[i].kind == Kind::number) put(places[i], table.items[i].bits, width(i));
    }
    put(vtable, 4 + 2 * slots, 2);
    put(vtable + 2, out_.size() - start, 2);
    for (std::size_t i = 0; i < places.size(); ++i)
      if (table.items[i].kind != Kind::number) refer(places[i], table.items[i]);
  }

  std::string out_;
};

}  // namespace

Value number(std::int64_t value, std::size_t size) {
  Value out;
  out.bits = static_cast<std::uint64_t>(value);
  out.size = size;
  return out;
}
Value boolean(bool value) {
  return number(value, 1);
}
Value text(std::string value) {
  Value out;
  out.kind = Kind::text;
  out.bytes = std::move(value);
  return out;
}
Value packed(std::string bytes, std::size_t count) {
  Value out;
  out.kind = Kind::packed;
  out.bytes = std::move(bytes);
  out.size = count;
  return out;
}
Value list(std::vector<Value> items) {
  Value out;
  out.kind = Kind::list;
  out.items = std::move(items);
  return out;
}
Value table(std::vector<Field> fields) {
  Value out;
  out.kind = Kind::table;
  for (auto& field : fields) {
    out.slots.push_back(field.slot);
    out.items.push_back(std::move(field.value));
  }
  return out;
}

std::string write(const Value& root) {
  return Writer().run(root);
}

}  // namespace agnes::duck::flat
