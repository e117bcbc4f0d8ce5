#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

namespace agnes::templates {

// What a template may cost. Beyond it, an error.
struct Limits {
  std::size_t output = 1 << 20;   // bytes of what is rendered, and of every text on the way
  std::size_t steps = 2'000'000;  // parts that are rendered, entries and bytes/16 that filters touch
};

// A text with places to fill in: a safe subset of Jinja, for texts that people write and the server fills.
//
//   {{ user.name or user.email }}   a value: names with .key, ["key"] and [0], texts, numbers, true, false, none
//   {% if a %}...{% elif b %}...{% else %}...{% endif %}
//   {% for t in tables if t.description %}{{ loop.index }} {{ t.name }}{% else %}none{% endfor %}
//   {% raw %}{{ as it stands }}{% endraw %}   {# a comment #}   {%- and -%} take the white space beside them
//   or, and, not, ==, !=, <, <=, >, >=, in, not in, ~, "a if b else c", is [not] defined | undefined | none
//   x | filter: capitalize, count, d, default, e, escape, first, join, last, length, list, lower, map, reject, rejectattr,
//     replace, reverse, safe, select, selectattr, sort, title, trim, unique, upper
//
// A template reaches the given JSON and nothing else: a name is a key, nothing is called, nothing is included. A name
// without a value is an error unless it is asked for by `is defined` or `default`. true, false and none are written as
// Jinja does (True, False, None), lists and objects as JSON. One line break at the end of the source is dropped.
//
// Immutable, thread-safe.
class Template {
 public:
  // Throws Error (bad_request): "line 3: ...".
  static Template parse(std::string_view source);
  // Throws Error (bad_request) likewise, also beyond a limit.
  std::string render(const boost::json::object& values, const Limits& limits = {}) const;

  struct Block;  // the tree, see tree.h

 private:
  explicit Template(std::shared_ptr<const Block> root) : root_(std::move(root)) {}
  std::shared_ptr<const Block> root_;
};

}  // namespace agnes::templates
