#include "lib/base/json.h"

#include <cmath>

#include <boost/core/demangle.hpp>
#include <fmt/format.h>

#include "lib/base/secret_names.h"
#include "lib/base/text.h"

namespace agnes::json {

namespace bj = boost::json;

namespace {

constexpr std::size_t kMaxDepth = 64;
// What is wrong with an input must not become many times as large as the input.
constexpr std::size_t kMostProblems = 100;
constexpr std::size_t kLargestInput = 4096;  // bytes of text

bool (*pattern_matcher)(std::string_view, std::string_view) = nullptr;

// Whether the value can be shown and takes no more text than `budget`, from which it takes that.
bool fits(const bj::value& value, std::size_t& budget) {
  constexpr std::size_t kPlain = 4;
  // JSON has no text for it.
  if (const auto* number = value.if_double(); number != nullptr && !std::isfinite(*number)) return false;
  const auto* text = value.if_string();
  const auto size = text != nullptr ? text->size() + 2 : kPlain;
  if (size > budget) return false;
  budget -= size;
  if (const auto* list = value.if_array())
    return std::all_of(list->begin(), list->end(), [&](const auto& item) { return fits(item, budget); });
  if (const auto* object = value.if_object())
    return std::all_of(object->begin(), object->end(), [&](const auto& item) {
      if (item.key().size() > budget) return false;
      budget -= item.key().size();
      return fits(item.value(), budget);
    });
  return true;
}

// With null for secrets.
bj::value without_secrets(const bj::value& value) {
  if (const auto* list = value.if_array()) {
    bj::array out;
    for (const auto& item : *list) out.push_back(without_secrets(item));
    return out;
  }
  const auto* object = value.if_object();
  if (object == nullptr) return value;
  bj::object out;
  for (const auto& [key, item] : *object)
    out.emplace(key, names_secret(key) ? bj::value() : without_secrets(item));
  return out;
}

std::string_view plural(std::int64_t count) {
  return count == 1 ? "" : "s";
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

// 'a', 'b' or 'c'
std::string listed(const std::string_view* names, std::size_t count) {
  std::string out;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += i + 1 == count ? " or " : ", ";
    out += fmt::format("'{}'", names[i]);
  }
  return out;
}

std::size_t allowed_count(const Rule& rule) {
  std::size_t count = 0;
  while (count < rule.one_of.size() && !rule.one_of[count].empty()) ++count;
  return count;
}

bool is_number(const bj::value& value) {
  return value.is_number();
}

// Integral numbers as numbers without a fraction, for messages and contexts.
bj::value number_value(double number) {
  if (number == std::floor(number) && std::abs(number) < 9e15) return static_cast<std::int64_t>(number);
  return number;
}

bool check_text(Reader& reader, const Rule& rule, const bj::value& input) {
  const std::string_view text = input.get_string();
  if (const std::size_t count = allowed_count(rule); count > 0) {
    const auto end = rule.one_of.begin() + static_cast<std::ptrdiff_t>(count);
    if (std::find(rule.one_of.begin(), end, text) == end) {
      const std::string expected = listed(rule.one_of.data(), count);
      reader.fail("literal_error", "Must be " + expected, input, {{"expected", expected}});
      return false;
    }
  }
  if (!rule.pattern.empty()) {
    if (pattern_matcher == nullptr) throw std::logic_error("no pattern matcher is installed");
    if (!pattern_matcher(text, rule.pattern)) {
      reader.fail("string_pattern_mismatch", fmt::format("Must match the pattern {}", rule.pattern), input,
                  {{"pattern", rule.pattern}});
      return false;
    }
  }
  if (rule.check != nullptr) {
    if (std::string problem = rule.check(text); !problem.empty()) {
      reader.fail("value_error", std::move(problem), input, {{"error", bj::object()}});
      return false;
    }
  }
  return true;
}

bool check_length(Reader& reader, const Rule& rule, const bj::value& input, std::size_t length,
                  bool is_text) {
  const auto signed_length = static_cast<std::int64_t>(length);
  const std::string_view unit = is_text ? "character" : input.is_array() ? "item" : "entry";
  const auto units = [&](std::int64_t n) {
    return unit == "entry" ? (n == 1 ? std::string("entry") : std::string("entries"))
                           : fmt::format("{}{}", unit, plural(n));
  };
  if (rule.min_length >= 0 && signed_length < rule.min_length) {
    reader.fail(is_text ? "string_too_short" : "too_short",
                fmt::format("Must have at least {} {}", rule.min_length, units(rule.min_length)), input,
                {{"min_length", rule.min_length}});
    return false;
  }
  if (rule.max_length >= 0 && signed_length > rule.max_length) {
    reader.fail(is_text ? "string_too_long" : "too_long",
                fmt::format("Must have at most {} {}", rule.max_length, units(rule.max_length)), input,
                {{"max_length", rule.max_length}});
    return false;
  }
  return true;
}

bool check_rule(Reader& reader, const Rule& rule, const bj::value& input, bool numeric) {
  if (numeric) {
    const auto number =
        input.is_string() ? parse_double(trim(input.get_string())) : input.to_number<double>();
    if (number && rule.ge && *number < *rule.ge) {
      reader.fail("greater_than_equal", fmt::format("Must be {} or more", *rule.ge), input,
                  {{"ge", number_value(*rule.ge)}});
      return false;
    }
    if (number && rule.le && *number > *rule.le) {
      reader.fail("less_than_equal", fmt::format("Must be {} or less", *rule.le), input,
                  {{"le", number_value(*rule.le)}});
      return false;
    }
    return true;
  }
  if (input.is_string()) {
    return check_length(reader, rule, input, characters(input.get_string()), true) &&
           check_text(reader, rule, input);
  }
  if (const bj::object* map = input.if_object()) return check_length(reader, rule, input, map->size(), false);
  if (const bj::array* list = input.if_array()) {
    bool good = check_length(reader, rule, input, list->size(), false);
    for (std::size_t i = 0; i < list->size(); ++i) {
      if (!(*list)[i].is_string()) continue;
      reader.enter(i);
      good = check_text(reader, rule, (*list)[i]) && good;
      reader.leave();
    }
    return good;
  }
  return true;
}

}  // namespace

void set_pattern_matcher(bool (*matches)(std::string_view, std::string_view)) {
  pattern_matcher = matches;
}

Reader::Reader(bj::array root, bool from_text) : loc_(std::move(root)), from_text_(from_text) {}

void Reader::fail(std::string_view type, std::string message, const bj::value& input, bj::object context) {
  if (problems_.size() == kMostProblems) return;
  auto budget = kLargestInput;
  const bool secret = std::any_of(loc_.begin(), loc_.end(), [](const bj::value& step) {
    return step.is_string() && names_secret(step.get_string());
  });
  bj::object problem{{"type", type},
                     {"loc", loc_},
                     {"msg", std::move(message)},
                     {"input", !secret && fits(input, budget) ? without_secrets(input) : bj::value()}};
  if (!context.empty()) problem.emplace("ctx", std::move(context));
  problems_.push_back(std::move(problem));
}

void Reader::restart(bj::array root, bool from_text) {
  loc_ = std::move(root);
  from_text_ = from_text;
}

void Reader::finish() const {
  if (problems_.empty()) return;
  // One line for logs and for callers that are not HTTP clients: "name: Field required (and 2 more)".
  const bj::object& first = problems_[0].get_object();
  std::string where;
  const bj::array& loc = first.at("loc").get_array();
  for (std::size_t i = loc.size() > 1 ? 1 : 0; i < loc.size(); ++i) {
    if (!where.empty()) where += '.';
    where += loc[i].is_string() ? std::string(loc[i].get_string()) : bj::serialize(loc[i]);
  }
  std::string message = fmt::format("{}: {}", where, std::string_view(first.at("msg").get_string()));
  if (problems_.size() > 1) message += fmt::format(" (and {} more)", problems_.size() - 1);
  throw Error(ErrorKind::invalid, message, problems_);
}

void Check::whole(std::string message) {
  reader_.fail("value_error", std::move(message), input_, {{"error", bj::object()}});
}
void Check::field(std::string_view key, std::string message) {
  const bj::object* object = input_.if_object();
  const bj::value* input = object != nullptr ? object->if_contains(key) : nullptr;
  reader_.enter(key);
  reader_.fail("value_error", std::move(message), input != nullptr ? *input : bj::value(),
               {{"error", bj::object()}});
  reader_.leave();
}
bool Check::given(std::string_view key) const {
  const bj::object* object = input_.if_object();
  return object != nullptr && object->contains(key);
}

std::size_t count_values(std::string_view text) {
  std::size_t count = 1;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\')
        ++i;
      else if (c == '"')
        in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == ',' || c == '[' || c == '{') {
      ++count;
    }
  }
  return count;
}

bj::value parse(std::string_view text, bj::array root) {
  bj::parse_options options;
  options.max_depth = kMaxDepth;
  bj::stream_parser parser({}, options);
  boost::system::error_code error;
  const std::size_t used = parser.write_some(text.data(), text.size(), error);
  std::string problem;
  std::size_t at = used;
  if (error) {
    problem = error.message();
  } else if (const auto rest = text.find_first_not_of(" \t\r\n", used); rest != std::string_view::npos) {
    problem = "extra data";
    at = rest;
  } else {
    parser.finish(error);
    if (!error) return parser.release();
    problem = error.message();
    at = text.size();
  }
  Reader reader(std::move(root));
  reader.enter(at);
  reader.fail("json_invalid", fmt::format("No valid JSON: {} at byte {}", problem, at), bj::object(),
              {{"error", problem}});
  reader.finish();
  return {};
}

bj::object Components::reference(std::type_index type, const char* mangled_name,
                                 bj::object (*make)(Components&)) {
  auto found = names_.find(type);
  if (found == names_.end()) {
    // agnes::access::(anonymous namespace)::CreateToken -> access.CreateToken
    std::string name;
    for (const auto& part : split(boost::core::demangle(mangled_name), ':')) {
      if (part.empty() || part == "agnes" || part.starts_with('(')) continue;
      if (!name.empty()) name += '.';
      for (char c : part) name += std::isalnum(static_cast<unsigned char>(c)) || c == '_' ? c : '_';
    }
    const std::string wanted = name;
    for (int n = 2; schemas_.contains(name); ++n) name = fmt::format("{}{}", wanted, n);
    schemas_.emplace(name, nullptr);  // taken before `make` runs: a type may hold itself
    found = names_.emplace(type, name).first;
    schemas_[name] = make(*this);
  }
  return {{"$ref", "#/components/schemas/" + found->second}};
}

void append_text(std::string& out, std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  std::size_t done = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c != '"' && c != '\\') continue;
    out.append(text, done, i - done);
    done = i + 1;
    out += '\\';
    switch (c) {
      case '"':
      case '\\':
        out += static_cast<char>(c);
        break;
      case '\n':
        out += 'n';
        break;
      case '\r':
        out += 'r';
        break;
      case '\t':
        out += 't';
        break;
      default:
        out += "u00";
        out += kHex[c >> 4];
        out += kHex[c & 15];
    }
  }
  out.append(text, done, text.size() - done);
  out += '"';
}

namespace detail {

bool read_text(Reader& reader, const bj::value& value, std::string& out) {
  const bj::string* text = value.if_string();
  if (text == nullptr) {
    reader.fail("string_type", "Must be a text", value);
    return false;
  }
  out.assign(text->data(), text->size());
  return true;
}

bool read_bool(Reader& reader, const bj::value& value, bool& out) {
  if (const bool* given = value.if_bool()) {
    out = *given;
    return true;
  }
  if (reader.from_text() && value.is_string()) {
    const std::string text = to_lower(value.get_string());
    for (std::string_view yes : {"true", "1", "yes", "on", "t", "y"})
      if (text == yes) return out = true;
    for (std::string_view no : {"false", "0", "no", "off", "f", "n"})
      if (text == no) return out = false, true;
    reader.fail("bool_parsing", "Must be true or false", value);
    return false;
  }
  reader.fail("bool_type", "Must be true or false", value);
  return false;
}

bool read_int(Reader& reader, const bj::value& value, std::int64_t lowest, std::uint64_t highest,
              std::int64_t& out) {
  bool in_range = true;
  if (const auto* i = value.if_int64()) {
    out = *i;
  } else if (const auto* u = value.if_uint64()) {
    // Only values over INT64_MAX come as unsigned.
    in_range = *u <= highest;
    out = static_cast<std::int64_t>(*u);
    if (in_range) return true;
  } else if (const auto* d = value.if_double()) {
    if (*d != std::floor(*d)) {
      reader.fail("int_from_float", "Must be a whole number", value);
      return false;
    }
    in_range = std::abs(*d) < 9.2e18;
    out = in_range ? static_cast<std::int64_t>(*d) : 0;
  } else if (value.is_string()) {
    std::string_view text = trim(value.get_string());
    if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
    const auto parsed = parse_int(text);
    if (!parsed) {
      reader.fail("int_parsing", "Must be a whole number", value);
      return false;
    }
    out = *parsed;
  } else {
    reader.fail("int_type", "Must be a whole number", value);
    return false;
  }
  if (out < 0 ? out < lowest : static_cast<std::uint64_t>(out) > highest) in_range = false;
  if (!in_range) reader.fail("int_parsing_size", "The number is out of range", value);
  return in_range;
}

bool read_double(Reader& reader, const bj::value& value, double& out) {
  if (is_number(value)) {
    out = value.to_number<double>();
    return true;
  }
  if (value.is_string()) {
    const auto parsed = parse_double(trim(value.get_string()));
    if (parsed && std::isfinite(*parsed)) {
      out = *parsed;
      return true;
    }
    reader.fail("float_parsing", "Must be a number", value);
    return false;
  }
  reader.fail("float_type", "Must be a number", value);
  return false;
}

bool read_time(Reader& reader, const bj::value& value, Timestamp& out) {
  if (!value.is_string()) {
    reader.fail("datetime_type", "Must be a date and time", value);
    return false;
  }
  const auto parsed = parse_timestamp(value.get_string());
  if (!parsed) {
    reader.fail("datetime_parsing", "Must be a date and time such as 2026-01-31T12:00:00", value,
                {{"error", "not an ISO 8601 date"}});
    return false;
  }
  out = *parsed;
  return true;
}

const bj::object* as_map(Reader& reader, const bj::value& value) {
  const bj::object* map = value.if_object();
  if (map == nullptr) reader.fail("dict_type", "Must be an object", value);
  return map;
}
const bj::array* as_list(Reader& reader, const bj::value& value) {
  const bj::array* list = value.if_array();
  if (list == nullptr) reader.fail("list_type", "Must be a list", value);
  return list;
}
bool read_object(Reader& reader, const bj::value& value, bj::object& out) {
  const bj::object* map = as_map(reader, value);
  if (map != nullptr) out = *map;
  return map != nullptr;
}
bool read_array(Reader& reader, const bj::value& value, bj::array& out) {
  const bj::array* list = as_list(reader, value);
  if (list != nullptr) out = *list;
  return list != nullptr;
}

int read_name(Reader& reader, const bj::value& value, const std::string_view* names, std::size_t count) {
  if (value.is_string())
    for (std::size_t i = 0; i < count; ++i)
      if (names[i] == std::string_view(value.get_string())) return static_cast<int>(i);
  const std::string expected = listed(names, count);
  reader.fail("literal_error", "Must be " + expected, value, {{"expected", expected}});
  return -1;
}

bj::value write_double(double number) {
  if (!std::isfinite(number)) return nullptr;  // JSON has no such number
  return number;
}

std::string_view key_of(std::string_view member, const Rule& rule) {
  if (!rule.key.empty()) return rule.key;
  if (member.ends_with('_')) member.remove_suffix(1);
  return member;
}

const Rule* find_rule(const Rule* rules, std::size_t count, std::string_view member) {
  const Rule* general = nullptr;
  for (std::size_t i = 0; i < count; ++i) {
    if (rules[i].field == member) return &rules[i];
    if (rules[i].field == "*") general = &rules[i];
  }
  return general;
}

bool read_struct(Reader& reader, const bj::value& value, void* object, const std::vector<Member>& members,
                 void (*check)(const void*, Check&)) {
  const bj::object* input = value.if_object();
  if (input == nullptr) {
    reader.fail("model_attributes_type", "Must be an object", value);
    return false;
  }
  bool good = true;
  for (const Member& member : members) {
    const bj::value* given = input->if_contains(member.key);
    if (given == nullptr && !member.required) continue;
    reader.enter(member.key);
    if (given == nullptr) {
      reader.fail("missing", "Field required", reader.from_text() ? bj::value() : value);
      good = false;
    } else if (given->is_null() && member.nullable) {
      member.set_null(object);
    } else {
      good = member.read(reader, *given, object) &&
             check_rule(reader, member.rule, *given, member.rule.ge || member.rule.le) && good;
    }
    reader.leave();
  }
  if (good && check != nullptr) {
    const bool before = reader.failed();
    Check whole(reader, value);
    check(object, whole);
    good = before || !reader.failed();
  }
  return good;
}

bj::value write_struct(const void* object, const std::vector<Member>& members) {
  bj::object out;
  out.reserve(members.size());
  for (const Member& member : members) {
    bj::value value;
    if (!member.write(object, value)) continue;
    if (member.rule.omit_null && value.is_null()) continue;
    out.emplace(member.key, std::move(value));
  }
  return out;
}

bj::object enum_schema(const std::string_view* names, std::size_t count) {
  bj::array values;
  for (std::size_t i = 0; i < count; ++i) values.emplace_back(names[i]);
  return {{"type", "string"}, {"enum", std::move(values)}};
}

namespace {
void add_rule(bj::object& schema, const Rule& rule) {
  const bj::value* type = schema.if_contains("type");
  const std::string_view kind =
      type != nullptr && type->is_string() ? std::string_view(type->get_string()) : "";
  if (kind == "array") {
    if (rule.min_length >= 0) schema["minItems"] = rule.min_length;
    if (rule.max_length >= 0) schema["maxItems"] = rule.max_length;
    if (bj::value* items = schema.if_contains("items"); items != nullptr && items->is_object()) {
      Rule each = rule;
      each.min_length = each.max_length = -1;
      each.description = {};
      add_rule(items->get_object(), each);
    }
    return;
  }
  if (kind == "string") {
    if (rule.min_length >= 0) schema["minLength"] = rule.min_length;
    if (rule.max_length >= 0) schema["maxLength"] = rule.max_length;
    if (!rule.pattern.empty()) schema["pattern"] = rule.pattern;
    if (const std::size_t count = allowed_count(rule); count > 0)
      schema["enum"] = enum_schema(rule.one_of.data(), count).at("enum");
  }
  if (rule.ge) schema["minimum"] = number_value(*rule.ge);
  if (rule.le) schema["maximum"] = number_value(*rule.le);
}
}  // namespace

bj::object struct_schema(Components& components, const std::vector<Member>& members, const void* defaults) {
  bj::object properties;
  bj::array required;
  for (const Member& member : members) {
    bj::object schema = member.schema(components);
    add_rule(schema, member.rule);
    if (member.nullable) schema = {{"anyOf", {std::move(schema), {{"type", "null"}}}}};
    if (!member.rule.description.empty()) schema["description"] = member.rule.description;
    bj::value value;
    if (member.required)
      required.emplace_back(member.key);
    else if (!member.nullable && member.write(defaults, value) && !value.is_null())
      schema["default"] = std::move(value);
    properties.emplace(member.key, std::move(schema));
  }
  bj::object out{{"type", "object"}, {"properties", std::move(properties)}};
  if (!required.empty()) out.emplace("required", std::move(required));
  return out;
}

}  // namespace detail

}  // namespace agnes::json
