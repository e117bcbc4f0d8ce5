#include <algorithm>
#include <array>
#include <cctype>

#include "lib/base/html.h"
#include "lib/base/text.h"
#include "lib/templates/tree.h"

namespace agnes::templates {

namespace json = boost::json;

const json::value* FilterCall::argument(std::size_t at, std::string_view name) const {
  const Value* found = at < arguments.size() ? &arguments[at] : nullptr;
  for (const auto& [given, value] : named)
    if (given == name) found = &value;
  if (found == nullptr) return nullptr;
  if (found->is_missing()) throw template_error(line(), found->why());
  return &**found;
}

namespace {

Value text_value(std::string text, const FilterCall& call) {
  call.budget.check_text(text.size(), call.line());
  call.budget.spend(text.size() / 16, call.line());
  return Value::of(json::string(text));
}

const json::array& list_of(const Value& value, const FilterCall& call) {
  if (!value->is_array())
    throw template_error(call.line(), fmt::format("the filter `{}` needs a list", call.filter.name));
  return value->get_array();
}

std::string text_argument(const FilterCall& call, std::size_t at, std::string_view name,
                          std::optional<std::string> fallback) {
  const auto* given = call.argument(at, name);
  if (given != nullptr && given->is_string()) return std::string(given->get_string());
  if (given == nullptr && fallback) return std::move(*fallback);
  throw template_error(call.line(), fmt::format("the filter `{}` needs a text: {}", call.filter.name, name));
}

// The value of a path ("user.name") in an entry; null when there is none.
const json::value* attribute_of(const json::value& entry, std::string_view path) {
  const json::value* at = &entry;
  for (const auto& key : split(path, '.')) {
    at = at->is_object() ? at->get_object().if_contains(key) : nullptr;
    if (at == nullptr) return nullptr;
  }
  return at;
}
const json::value& required_attribute(const json::value& entry, const std::string& path,
                                      const FilterCall& call) {
  const auto* found = attribute_of(entry, path);
  if (found == nullptr)
    throw template_error(call.line(),
                         fmt::format("an entry of the list has no `{}`", escape_control(path.substr(0, 60))));
  return *found;
}

// ASCII only, as names of tables and groups are.
template <class Change>
std::string changed(std::string text, Change change) {
  bool first = true;
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    c = static_cast<char>(change(byte, first));
    first = std::isalnum(byte) == 0 && byte < 0x80 && byte != '\'';
  }
  return text;
}

std::string escaped(std::string_view text, const FilterCall& call) {
  // Each character becomes six at most.
  std::string out = escape_html(text);
  call.budget.check_text(out.size(), call.line());
  return out;
}

Value replace(const Value& value, const FilterCall& call) {
  const std::string what = text_argument(call, 0, "old", {}), by = text_argument(call, 1, "new", {});
  const std::string text = text_of(*value);
  if (what.empty()) throw template_error(call.line(), "the filter `replace` needs a text to replace");
  std::string out;
  for (std::size_t at = 0;;) {
    const auto found = text.find(what, at);
    out.append(text, at, found == std::string::npos ? std::string::npos : found - at);
    if (found == std::string::npos) return text_value(std::move(out), call);
    out += by;
    call.budget.check_text(out.size(), call.line());
    at = found + what.size();
  }
}

Value join_list(const Value& value, const FilterCall& call) {
  const std::string separator = text_argument(call, 0, "d", "");
  const bool of_attribute = call.argument(1, "attribute") != nullptr;
  const std::string attribute = of_attribute ? text_argument(call, 1, "attribute", {}) : "";
  std::string out;
  bool first = true;
  for (const auto& entry : list_of(value, call)) {
    if (!first) out += separator;
    first = false;
    out += text_of(of_attribute ? required_attribute(entry, attribute, call) : entry);
    call.budget.check_text(out.size(), call.line());
  }
  return text_value(std::move(out), call);
}

Value map_list(const Value& value, const FilterCall& call) {
  const std::string attribute = text_argument(call, 99, "attribute", {});
  const auto* fallback = call.argument(99, "default");
  json::array out;
  for (const auto& entry : list_of(value, call)) {
    const auto* found = attribute_of(entry, attribute);
    out.push_back(found != nullptr      ? *found
                  : fallback != nullptr ? *fallback
                                        : required_attribute(entry, attribute, call));
    call.budget.spend_on(out.back(), call.line());
  }
  return Value::of(std::move(out));
}

// select, reject, selectattr, rejectattr: by being true, or by being equal to something.
Value choose(const Value& value, const FilterCall& call, bool by_attribute, bool keep) {
  const std::string attribute = by_attribute ? text_argument(call, 0, "attribute", {}) : "";
  const std::size_t at = by_attribute ? 1 : 0;
  const bool has_test = call.arguments.size() > at;
  const std::string test = has_test ? text_argument(call, at, "test", {}) : "";
  const auto* other = call.argument(at + 1, "value");
  if (has_test &&
      ((test != "equalto" && test != "eq" && test != "==" && test != "ne" && test != "!=" && test != "in") ||
       other == nullptr))
    throw template_error(
        call.line(), fmt::format("the filter `{}` tests equalto, ne or in, with a value", call.filter.name));
  json::array out;
  for (const auto& entry : list_of(value, call)) {
    const auto* found = by_attribute ? attribute_of(entry, attribute) : &entry;
    bool holds = false;
    if (found != nullptr) {
      call.budget.spend_on(*found, call.line());
      if (!has_test)
        holds = is_true(*found);
      else if (test == "in")
        call.budget.spend_on(*other, call.line()), holds = is_in(*found, *other, call.line());
      else
        holds = is_equal(*found, *other) == (test != "ne" && test != "!=");
    }
    if (holds != keep) continue;
    call.budget.spend_on(entry, call.line());
    out.push_back(entry);
  }
  return Value::of(std::move(out));
}

Value sort_list(const Value& value, const FilterCall& call) {
  const auto* reverse = call.argument(0, "reverse");
  const bool by_attribute = call.argument(2, "attribute") != nullptr;
  const std::string attribute = by_attribute ? text_argument(call, 2, "attribute", {}) : "";
  const auto& list = list_of(value, call);
  // Of each entry what it is sorted by: texts in lower case, as Jinja does.
  std::vector<std::pair<json::value, const json::value*>> entries;
  for (const auto& entry : list) {
    call.budget.spend_on(entry, call.line());
    json::value key = by_attribute ? required_attribute(entry, attribute, call) : entry;
    if (key.is_string()) key = json::string(to_lower(key.get_string()));
    if (!key.is_string() && !key.is_number())
      throw template_error(call.line(), "only texts and numbers can be sorted");
    if (!entries.empty() && entries[0].first.is_string() != key.is_string())
      throw template_error(call.line(), "texts and numbers cannot be sorted together");
    call.budget.spend(16, call.line());  // of comparing it
    entries.emplace_back(std::move(key), &entry);
  }
  std::stable_sort(entries.begin(), entries.end(),
                   [&](const auto& a, const auto& b) { return is_less(a.first, b.first, call.line()); });
  if (reverse != nullptr && is_true(*reverse)) std::reverse(entries.begin(), entries.end());
  json::array out;
  for (const auto& entry : entries) out.push_back(*entry.second);
  return Value::of(std::move(out));
}

Value unique(const Value& value, const FilterCall& call) {
  json::array out;
  for (const auto& entry : list_of(value, call)) {
    bool known = false;
    for (const auto& other : out) {
      call.budget.spend_on(other, call.line());
      known = known || is_equal(other, entry);
    }
    if (known) continue;
    call.budget.spend_on(entry, call.line());
    out.push_back(entry);
  }
  return Value::of(std::move(out));
}

Value reversed(const Value& value, const FilterCall& call) {
  const auto& list = list_of(value, call);
  call.budget.spend_on(*value, call.line());
  return Value::of(json::array(list.rbegin(), list.rend()));
}

Value length(const Value& value, const FilterCall& call) {
  if (value->is_array()) return Value::of(value->get_array().size());
  if (value->is_object()) return Value::of(value->get_object().size());
  if (!value->is_string())
    throw template_error(call.line(), "only a list, an object and a text have a length");
  const std::string_view text = value->get_string();
  return Value::of(std::count_if(text.begin(), text.end(),
                                 [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

Value edge(const Value& value, const FilterCall& call, bool first) {
  const auto& list = list_of(value, call);
  if (list.empty()) return Value::missing("the list is empty");
  return value.part(first ? list.front() : list.back());
}

Value fallback(const Value& value, const FilterCall& call) {
  const auto* also_false = call.argument(1, "boolean");
  const bool wanted =
      value.is_missing() || (also_false != nullptr && is_true(*also_false) && !is_true(*value));
  if (!wanted) return value;
  const auto* other = call.argument(0, "default_value");
  if (other == nullptr) return Value::of(json::string());
  call.budget.spend_on(*other, call.line());
  return Value::of(*other);
}

int upper(unsigned char c, bool) {
  return c < 0x80 ? std::toupper(c) : c;
}
int lower(unsigned char c, bool) {
  return c < 0x80 ? std::tolower(c) : c;
}
int title(unsigned char c, bool first) {
  return first ? upper(c, first) : lower(c, first);
}

using Filter = Value (*)(const Value&, const FilterCall&);
struct Named {
  std::string_view name;
  Filter filter;
};
constexpr std::array kFilters{
    Named{"capitalize",
          [](const Value& value, const FilterCall& call) {
            std::string text = to_lower(text_of(*value));
            if (!text.empty()) text[0] = static_cast<char>(upper(static_cast<unsigned char>(text[0]), true));
            return text_value(std::move(text), call);
          }},
    Named{"count", length},
    Named{"d", fallback},
    Named{"default", fallback},
    Named{"e", [](const Value& value,
                  const FilterCall& call) { return text_value(escaped(text_of(*value), call), call); }},
    Named{"escape", [](const Value& value,
                       const FilterCall& call) { return text_value(escaped(text_of(*value), call), call); }},
    Named{"first", [](const Value& value, const FilterCall& call) { return edge(value, call, true); }},
    Named{"join", join_list},
    Named{"last", [](const Value& value, const FilterCall& call) { return edge(value, call, false); }},
    Named{"length", length},
    Named{"list", [](const Value& value, const FilterCall& call) { return list_of(value, call), value; }},
    Named{"lower", [](const Value& value,
                      const FilterCall& call) { return text_value(changed(text_of(*value), lower), call); }},
    Named{"map", map_list},
    Named{"reject",
          [](const Value& value, const FilterCall& call) { return choose(value, call, false, false); }},
    Named{"rejectattr",
          [](const Value& value, const FilterCall& call) { return choose(value, call, true, false); }},
    Named{"replace", replace},
    Named{"reverse", reversed},
    Named{"safe", [](const Value& value, const FilterCall&) { return value; }},
    Named{"select",
          [](const Value& value, const FilterCall& call) { return choose(value, call, false, true); }},
    Named{"selectattr",
          [](const Value& value, const FilterCall& call) { return choose(value, call, true, true); }},
    Named{"sort", sort_list},
    Named{"title", [](const Value& value,
                      const FilterCall& call) { return text_value(changed(text_of(*value), title), call); }},
    Named{"trim",
          [](const Value& value, const FilterCall& call) {
            return text_value(std::string(trim(text_of(*value))), call);
          }},
    Named{"unique", unique},
    Named{"upper", [](const Value& value,
                      const FilterCall& call) { return text_value(changed(text_of(*value), upper), call); }},
};

const Named* find_filter(std::string_view name) {
  for (const auto& one : kFilters)
    if (one.name == name) return &one;
  return nullptr;
}

}  // namespace

bool is_filter(std::string_view name) {
  return find_filter(name) != nullptr;
}

Value apply_filter(const Value& value, const FilterCall& call) {
  const Named* found = find_filter(call.filter.name);
  if (found->filter != fallback && value.is_missing()) throw template_error(call.line(), value.why());
  if (!value.is_missing() && found->filter != fallback) call.budget.spend_on(*value, call.line());
  return found->filter(value, call);
}

}  // namespace agnes::templates
