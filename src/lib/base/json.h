#pragma once

#include <array>
#include <charconv>
#include <concepts>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <unordered_map>
#include <utility>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json.hpp>
#include <boost/mp11.hpp>

#include "lib/base/error.h"
#include "lib/base/time.h"

// Plain structs to and from JSON.
//
//   struct CreateToken {
//     std::string name;                     // must be there
//     std::optional<int> expires_in_days;   // may be left out or null
//     std::string scope = "all";            // may be left out (see the rule), but not null
//     static constexpr json::Rule rules[] = {
//         {.field = "name", .min_length = 1, .max_length = 100},
//         {.field = "expires_in_days", .ge = 1, .le = 3650},
//         {.field = "scope", .has_default = true, .one_of = {"all", "read"}},
//     };
//     void check(json::Check& check) const;   // optional: what no single field can tell
//   };
//   BOOST_DESCRIBE_STRUCT(CreateToken, (), (name, expires_in_days, scope))
//
//   auto token = json::from_json<CreateToken>(json::parse(text));
//   boost::json::value out = json::to_json(token);
//   std::string text = json::to_text(token);
//
// Members may be bool, integers, double, std::string, Timestamp, described structs and enums, std::optional,
// Field, std::vector, std::map<std::string, T>, and Boost.JSON's value, object and array. A member's name is
// its key, without an underscore at its end (`operator_` is "operator"), unless a rule names another. Unknown
// keys are ignored.
namespace agnes::json {

// A member that tells "left out" from "null": for partial updates.
template <class T>
class Field {
 public:
  Field() = default;
  Field(T value) : given_(true), value_(std::move(value)) {}
  static Field null() {
    Field f;
    f.given_ = true;
    return f;
  }
  bool omitted() const { return !given_; }
  bool is_null() const { return given_ && !value_; }
  bool has_value() const { return value_.has_value(); }
  const T& operator*() const { return *value_; }
  const T* operator->() const { return &*value_; }
  // The value, or nothing for null. Only meaningful when not omitted.
  const std::optional<T>& optional() const { return value_; }
  // What a stored value becomes: itself when this was left out.
  std::optional<T> over(std::optional<T> stored) const { return given_ ? value_ : std::move(stored); }

 private:
  bool given_ = false;
  std::optional<T> value_;
};

// What a member must hold beyond its type. For a list of texts, `one_of`, `pattern` and `check` hold for each
// entry.
struct Rule {
  std::string_view field;     // the member's name; "*" for every member without a rule of its own
  std::string_view key = {};  // its key in JSON, where that is not its name
  std::string_view description = {};
  bool has_default = false;      // may be left out: the member's initialiser holds then
  bool not_null = false;         // Field only: may be left out, not null
  bool omit_null = false;        // to_json leaves the key out when the member is empty
  std::int64_t min_length = -1;  // characters of a text, entries of a list or map
  std::int64_t max_length = -1;
  std::optional<double> ge = {}, le = {};
  std::string_view pattern = {};  // RE2, must match somewhere (anchor it); needs set_pattern_matcher
  std::array<std::string_view, 16> one_of = {};
  // Says what is wrong with a text; "" when nothing is.
  std::string (*check)(std::string_view text) = nullptr;
};

// Installed by the HTTP layer, so that programs which only read answers need no regular expressions.
void set_pattern_matcher(bool (*matches)(std::string_view text, std::string_view pattern));

// Collects what is wrong with a value, in the contract's form: a list of {type, loc, msg, input, ctx}.
class Reader {
 public:
  // `root` is where the value stands: ["body"], ["query"]. With `from_text` (query strings, forms), texts may
  // stand for booleans, and the input of a missing field is null.
  explicit Reader(boost::json::array root, bool from_text = false);

  void fail(std::string_view type, std::string message, const boost::json::value& input,
            boost::json::object context = {});
  bool failed() const { return !problems_.empty(); }
  bool from_text() const { return from_text_; }
  // Throws Error (kind `invalid`) with all that was collected, if anything was.
  void finish() const;

  void enter(std::string_view key) { loc_.emplace_back(key); }
  void enter(std::size_t index) { loc_.emplace_back(index); }
  void leave() { loc_.pop_back(); }
  // Goes on at another place, keeping what was collected.
  void restart(boost::json::array root, bool from_text);

  const void* context = nullptr;  // for Codec specialisations

 private:
  boost::json::array loc_;
  bool from_text_;
  boost::json::array problems_;
};

// Given to a struct's `check`: names what is wrong between fields.
class Check {
 public:
  Check(Reader& reader, const boost::json::value& input) : reader_(reader), input_(input) {}
  void whole(std::string message);  // loc ["body"]
  void field(std::string_view key, std::string message);
  bool given(std::string_view key) const;  // whether the key was there, null or not

 private:
  Reader& reader_;
  const boost::json::value& input_;
};

// Parses strictly: valid UTF-8, at most 64 levels deep. Throws Error (kind `invalid`, "json_invalid" at
// `root` + the position).
boost::json::value parse(std::string_view text, boost::json::array root = {"body"});
// At least the number of values in a text, from its punctuation; cheap next to making them.
std::size_t count_values(std::string_view text);

// `text` with quotes and escapes, behind what `out` holds.
void append_text(std::string& out, std::string_view text);

// Schemas by name, for an OpenAPI document.
class Components {
 public:
  // {"$ref": ...} to the type's schema, which `make` builds when it is first asked for.
  boost::json::object reference(std::type_index type, const char* mangled_name,
                                boost::json::object (*make)(Components&));
  const boost::json::object& schemas() const { return schemas_; }

 private:
  std::unordered_map<std::type_index, std::string> names_;
  boost::json::object schemas_;
};

// Specialise for a type that is none of the above, with the static functions
//   bool read(Reader&, const value&, T&)
//   value write(const T&)
//   object schema(Components&)
template <class T>
struct Codec;

template <class T>
bool read(Reader& reader, const boost::json::value& value, T& out);  // false: said why in `reader`
template <class T>
boost::json::value to_json(const T& value);
template <class T>
boost::json::object schema(Components& components);

// Validates everything before it throws Error (kind `invalid`) with the whole list as its detail.
template <class T>
T from_json(const boost::json::value& value, boost::json::array root = {"body"}) {
  Reader reader(std::move(root));
  T out{};
  read(reader, value, out);
  reader.finish();
  return out;
}

// ------------------------------------------------------------------------------------ behind the templates

namespace detail {

template <class T>
struct is_vector : std::false_type {};
template <class T>
struct is_vector<std::vector<T>> : std::true_type {};
template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};
template <class T>
struct is_field : std::false_type {};
template <class T>
struct is_field<Field<T>> : std::true_type {};
template <class T>
constexpr bool is_list = false;
template <class T>
constexpr bool is_list<std::vector<T>> = true;
template <class T>
constexpr bool is_list<std::optional<T>> = is_list<T>;
template <class T>
constexpr bool is_list<Field<T>> = is_list<T>;
template <class T>
struct is_map : std::false_type {};
template <class T, class C>
struct is_map<std::map<std::string, T, C>> : std::true_type {};

template <class T>
concept Struct = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;
template <class T>
concept Enum = std::is_enum_v<T> && boost::describe::has_describe_enumerators<T>::value;
template <class T>
concept HasCodec = requires {
  Codec<T>::read;
};

bool read_text(Reader&, const boost::json::value&, std::string&);
bool read_bool(Reader&, const boost::json::value&, bool&);
bool read_int(Reader&, const boost::json::value&, std::int64_t lowest, std::uint64_t highest, std::int64_t&);
bool read_double(Reader&, const boost::json::value&, double&);
bool read_time(Reader&, const boost::json::value&, Timestamp&);
bool read_object(Reader&, const boost::json::value&, boost::json::object&);
bool read_array(Reader&, const boost::json::value&, boost::json::array&);
const boost::json::object* as_map(Reader&, const boost::json::value&);
const boost::json::array* as_list(Reader&, const boost::json::value&);
// The position in `names`, or -1.
int read_name(Reader&, const boost::json::value&, const std::string_view* names, std::size_t count);
boost::json::value write_double(double);

struct Member {
  std::string_view key;
  Rule rule;
  bool nullable, required, list;  // list: repeated parameters of a query or form are its entries
  bool (*read)(Reader&, const boost::json::value&, void* object);
  void (*set_null)(void* object);
  // False: leave the key out.
  bool (*write)(const void* object, boost::json::value& out);
  boost::json::object (*schema)(Components&);
};
bool read_struct(Reader&, const boost::json::value&, void* object, const std::vector<Member>&,
                 void (*check)(const void* object, Check&));
boost::json::value write_struct(const void* object, const std::vector<Member>&);
boost::json::object struct_schema(Components&, const std::vector<Member>&, const void* defaults);
boost::json::object enum_schema(const std::string_view* names, std::size_t count);
std::string_view key_of(std::string_view member, const Rule& rule);
const Rule* find_rule(const Rule* rules, std::size_t count, std::string_view member);

// Whether an object is written without this member.
template <class T>
bool left_out(const T& member, bool omit_null) {
  if constexpr (is_field<T>::value)
    return member.omitted() || (omit_null && member.is_null());
  else if constexpr (is_optional<T>::value)
    return omit_null && !member;
  else if constexpr (std::is_same_v<T, boost::json::value>)
    return omit_null && member.is_null();
  else
    return false;
}

template <class T>
constexpr bool has_rules = requires {
  T::rules;
};

template <Struct T>
using Members =
    boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

template <class T, class D>
struct Erased {
  using M = std::remove_cvref_t<decltype(std::declval<T&>().*D::pointer)>;
  static bool read(Reader& reader, const boost::json::value& value, void* object) {
    M& member = static_cast<T*>(object)->*D::pointer;
    if constexpr (is_field<M>::value) {
      std::remove_cvref_t<decltype(*member)> inner{};
      if (!json::read(reader, value, inner)) return false;
      member = std::move(inner);
      return true;
    } else if constexpr (is_optional<M>::value) {
      return json::read(reader, value, member.emplace());
    } else {
      return json::read(reader, value, member);
    }
  }
  static void set_null(void* object) {
    M& member = static_cast<T*>(object)->*D::pointer;
    if constexpr (is_field<M>::value)
      member = M::null();
    else if constexpr (is_optional<M>::value)
      member.reset();
    else
      (void)member;
  }
  static bool write(const void* object, boost::json::value& out) {
    const M& member = static_cast<const T*>(object)->*D::pointer;
    if constexpr (is_field<M>::value) {
      if (member.omitted()) return false;
      if (member.has_value())
        out = to_json(*member);
      else
        out = nullptr;
    } else {
      out = to_json(member);
    }
    return true;
  }
  static boost::json::object schema(Components& components) {
    if constexpr (is_field<M>::value)
      return json::schema<std::remove_cvref_t<decltype(*std::declval<M>())>>(components);
    else if constexpr (is_optional<M>::value)
      return json::schema<typename M::value_type>(components);
    else
      return json::schema<M>(components);
  }
};

template <Struct T>
const std::vector<Member>& members() {
  static const std::vector<Member> table = [] {
    std::vector<Member> out;
    boost::mp11::mp_for_each<Members<T>>([&](auto d) {
      using D = decltype(d);
      using E = Erased<T, D>;
      const Rule* rule = nullptr;
      if constexpr (has_rules<T>) rule = find_rule(std::data(T::rules), std::size(T::rules), D::name);
      Member member{
          D::name,   rule ? *rule : Rule{D::name}, false, false, false, &E::read, &E::set_null, &E::write,
          &E::schema};
      member.key = key_of(D::name, member.rule);
      constexpr bool optional = is_optional<typename E::M>::value || is_field<typename E::M>::value;
      member.nullable = optional && !member.rule.not_null;
      member.required = !optional && !member.rule.has_default;
      member.list = is_list<typename E::M>;
      out.push_back(member);
    });
    return out;
  }();
  return table;
}

template <Enum T>
const std::vector<std::pair<T, std::string_view>>& enumerators() {
  static const std::vector<std::pair<T, std::string_view>> table = [] {
    std::vector<std::pair<T, std::string_view>> out;
    boost::mp11::mp_for_each<boost::describe::describe_enumerators<T>>(
        [&](auto d) { out.emplace_back(d.value, key_of(d.name, Rule{})); });
    return out;
  }();
  return table;
}
template <Enum T>
std::vector<std::string_view> enum_names() {
  std::vector<std::string_view> out;
  for (const auto& [value, name] : enumerators<T>()) out.push_back(name);
  return out;
}

template <class T>
boost::json::object make_struct_schema(Components& components) {
  const T defaults{};
  return struct_schema(components, members<T>(), &defaults);
}

}  // namespace detail

template <class T>
bool read(Reader& reader, const boost::json::value& value, T& out) {
  namespace bj = boost::json;
  if constexpr (detail::HasCodec<T>) {
    return Codec<T>::read(reader, value, out);
  } else if constexpr (std::is_same_v<T, std::string>) {
    return detail::read_text(reader, value, out);
  } else if constexpr (std::is_same_v<T, bool>) {
    return detail::read_bool(reader, value, out);
  } else if constexpr (std::is_integral_v<T>) {
    std::int64_t wide = 0;
    using Limits = std::numeric_limits<T>;
    if (!detail::read_int(reader, value, static_cast<std::int64_t>(Limits::min()),
                          static_cast<std::uint64_t>(Limits::max()), wide))
      return false;
    out = static_cast<T>(wide);
    return true;
  } else if constexpr (std::is_floating_point_v<T>) {
    double wide = 0;
    if (!detail::read_double(reader, value, wide)) return false;
    out = static_cast<T>(wide);
    return true;
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    return detail::read_time(reader, value, out);
  } else if constexpr (std::is_same_v<T, bj::value>) {
    out = value;
    return true;
  } else if constexpr (std::is_same_v<T, bj::object>) {
    return detail::read_object(reader, value, out);
  } else if constexpr (std::is_same_v<T, bj::array>) {
    return detail::read_array(reader, value, out);
  } else if constexpr (detail::is_optional<T>::value) {
    if (value.is_null()) return out.reset(), true;
    return read(reader, value, out.emplace());
  } else if constexpr (detail::is_vector<T>::value) {
    const bj::array* list = detail::as_list(reader, value);
    if (list == nullptr) return false;
    bool good = true;
    out.clear();
    for (std::size_t i = 0; i < list->size(); ++i) {
      reader.enter(i);
      typename T::value_type item{};
      good = read(reader, (*list)[i], item) && good;
      // One number may stand for a large struct.
      if (!detail::Struct<typename T::value_type> || (*list)[i].is_object()) out.push_back(std::move(item));
      reader.leave();
    }
    return good;
  } else if constexpr (detail::is_map<T>::value) {
    const bj::object* map = detail::as_map(reader, value);
    if (map == nullptr) return false;
    bool good = true;
    out.clear();
    for (const auto& entry : *map) {
      reader.enter(entry.key());
      good = read(reader, entry.value(), out[std::string(entry.key())]) && good;
      reader.leave();
    }
    return good;
  } else if constexpr (detail::Enum<T>) {
    static const std::vector<std::string_view> names = detail::enum_names<T>();
    const int at = detail::read_name(reader, value, names.data(), names.size());
    if (at < 0) return false;
    out = detail::enumerators<T>()[static_cast<std::size_t>(at)].first;
    return true;
  } else {
    static_assert(detail::Struct<T>,
                  "describe the struct with BOOST_DESCRIBE_STRUCT, or specialise json::Codec");
    void (*check)(const void*, Check&) = nullptr;
    if constexpr (requires(const T& t, Check& c) { t.check(c); })
      check = [](const void* object, Check& c) { static_cast<const T*>(object)->check(c); };
    return detail::read_struct(reader, value, &out, detail::members<T>(), check);
  }
}

template <class T>
boost::json::value to_json(const T& value) {
  namespace bj = boost::json;
  if constexpr (detail::HasCodec<T>) {
    return Codec<T>::write(value);
  } else if constexpr (std::is_same_v<T, bj::value> || std::is_same_v<T, bj::object> ||
                       std::is_same_v<T, bj::array>) {
    return value;
  } else if constexpr (std::is_floating_point_v<T>) {
    return detail::write_double(value);
  } else if constexpr (std::is_arithmetic_v<T>) {
    return value;
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    return bj::string(format_iso(value));
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    return bj::string(std::string_view(value));
  } else if constexpr (detail::is_optional<T>::value) {
    return value ? to_json(*value) : bj::value(nullptr);
  } else if constexpr (detail::is_vector<T>::value) {
    bj::array out;
    out.reserve(value.size());
    for (const auto& item : value) out.push_back(to_json(item));
    return out;
  } else if constexpr (detail::is_map<T>::value) {
    bj::object out;
    out.reserve(value.size());
    for (const auto& [key, item] : value) out.emplace(key, to_json(item));
    return out;
  } else if constexpr (detail::Enum<T>) {
    for (const auto& [entry, name] : detail::enumerators<T>())
      if (entry == value) return bj::string(name);
    return nullptr;
  } else {
    static_assert(detail::Struct<T>,
                  "describe the struct with BOOST_DESCRIBE_STRUCT, or specialise json::Codec");
    return detail::write_struct(&value, detail::members<T>());
  }
}

// The same as text, behind what `out` holds; much faster than by way of a value.
template <class T>
void append(std::string& out, const T& value) {
  namespace bj = boost::json;
  if constexpr (std::is_same_v<T, bj::value> || std::is_same_v<T, bj::object> ||
                std::is_same_v<T, bj::array>) {
    out += bj::serialize(value);
  } else if constexpr (detail::HasCodec<T> || std::is_floating_point_v<T>) {
    out += bj::serialize(to_json(value));
  } else if constexpr (std::is_same_v<T, bool>) {
    out += value ? "true" : "false";
  } else if constexpr (std::is_arithmetic_v<T>) {
    char digits[24];
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  } else if constexpr (std::is_same_v<T, Timestamp>) {
    append_text(out, format_iso(value));
  } else if constexpr (std::is_convertible_v<const T&, std::string_view>) {
    append_text(out, value);
  } else if constexpr (detail::is_optional<T>::value) {
    if (value)
      append(out, *value);
    else
      out += "null";
  } else if constexpr (detail::is_vector<T>::value) {
    out += '[';
    for (const auto& item : value) {
      if (&item != value.data()) out += ',';
      append(out, item);
    }
    out += ']';
  } else if constexpr (detail::is_map<T>::value) {
    char separator = '{';
    for (const auto& [key, item] : value) {
      out += std::exchange(separator, ',');
      append_text(out, key);
      out += ':';
      append(out, item);
    }
    out += value.empty() ? "{}" : "}";
  } else if constexpr (detail::Enum<T>) {
    append(out, to_json(value));
  } else {
    static_assert(detail::Struct<T>,
                  "describe the struct with BOOST_DESCRIBE_STRUCT, or specialise json::Codec");
    const auto* member = detail::members<T>().data();
    bool empty = true;
    out += '{';
    boost::mp11::mp_for_each<detail::Members<T>>([&](auto d) {
      const auto& [key, omit_null] = std::pair(member->key, member->rule.omit_null);
      ++member;
      const auto& field = value.*d.pointer;
      if (detail::left_out(field, omit_null)) return;
      if (!std::exchange(empty, false)) out += ',';
      out += '"';
      out += key;
      out += "\":";
      if constexpr (detail::is_field<std::remove_cvref_t<decltype(field)>>::value)
        append(out, field.optional());
      else
        append(out, field);
    });
    out += '}';
  }
}

template <class T>
std::string to_text(const T& value) {
  std::string out;
  append(out, value);
  return out;
}

template <class T>
boost::json::object schema(Components& components) {
  namespace bj = boost::json;
  if constexpr (detail::HasCodec<T>)
    return Codec<T>::schema(components);
  else if constexpr (std::is_same_v<T, bool>)
    return {{"type", "boolean"}};
  else if constexpr (std::is_integral_v<T>)
    return {{"type", "integer"}};
  else if constexpr (std::is_floating_point_v<T>)
    return {{"type", "number"}};
  else if constexpr (std::is_same_v<T, Timestamp>)
    // In UTC, without saying so: "date-time" would promise an offset.
    return {{"type", "string"}, {"format", "date-time-local"}};
  else if constexpr (std::is_same_v<T, bj::value>)
    return {};
  else if constexpr (std::is_same_v<T, bj::object>)
    return {{"type", "object"}};
  else if constexpr (std::is_same_v<T, bj::array>)
    return {{"type", "array"}, {"items", bj::object()}};
  else if constexpr (std::is_convertible_v<const T&, std::string_view>)
    return {{"type", "string"}};
  else if constexpr (detail::is_optional<T>::value)
    return {{"anyOf", {schema<typename T::value_type>(components), {{"type", "null"}}}}};
  else if constexpr (detail::is_vector<T>::value)
    return {{"type", "array"}, {"items", schema<typename T::value_type>(components)}};
  else if constexpr (detail::is_map<T>::value)
    return {{"type", "object"}, {"additionalProperties", schema<typename T::mapped_type>(components)}};
  else if constexpr (detail::Enum<T>) {
    const auto names = detail::enum_names<T>();
    return detail::enum_schema(names.data(), names.size());
  } else {
    static_assert(detail::Struct<T>,
                  "describe the struct with BOOST_DESCRIBE_STRUCT, or specialise json::Codec");
    return components.reference(typeid(T), typeid(T).name(), &detail::make_struct_schema<T>);
  }
}

}  // namespace agnes::json
