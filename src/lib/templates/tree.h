#pragma once

#include <memory>
#include <string>
#include <vector>

#include <boost/json/value.hpp>

#include "lib/base/error.h"
#include "lib/templates/template.h"

// Inside templates/: what a template is made of. The tree is as deep as the source nests, which the parser bounds: chains
// (a or b or c, x.a.b|f|g, elif) are lists.
namespace agnes::templates {

Error template_error(int line, std::string_view why);

struct Expression;

// One step behind a value: .name, [index], |filter(arguments), is test.
struct Postfix {
  enum class Kind { key, index, filter, test } kind;
  int line;
  std::string name = {};  // of a key, a filter or a test
  bool negated = false;   // of a test
  std::vector<Expression> arguments = {};
  std::vector<std::pair<std::string, Expression>> named = {};
};

struct Expression {
  enum class Kind {
    literal,
    list,  // of literals
    name,
    any,         // or
    all,         // and
    negation,    // not
    concat,      // ~
    comparison,  // `text` is its operator
    choice,      // parts: condition, value, otherwise (may be missing)
  } kind = Kind::literal;
  int line = 0;
  std::string text = {};
  boost::json::value value = nullptr;
  std::vector<Expression> parts = {};
  std::vector<Postfix> postfixes = {};
};

struct Node {
  enum class Kind { text, output, branch, loop } kind;
  int line;
  std::string text = {};  // of a text; a loop's variable
  std::vector<Expression> expressions =
      {};  // of an output: one; of a branch: its conditions; of a loop: the list and its condition
  std::vector<Template::Block> blocks =
      {};  // of a branch: one each condition, and `else`; of a loop: the body, and `else`
};

struct Template::Block {
  std::vector<Node> nodes;
};

// A value on the way. Not copied where it stands in what was given.
class Value {
 public:
  // Nothing: `why` says what is not there.
  static Value missing(std::string why) {
    Value out;
    out.why_ = std::move(why);
    return out;
  }
  static Value of(boost::json::value value) {
    Value out;
    out.json_ = std::make_shared<const boost::json::value>(std::move(value));
    return out;
  }
  // What outlives the rendering.
  static Value within(const boost::json::value& value) {
    Value out;
    out.json_ = std::shared_ptr<const boost::json::value>(std::shared_ptr<void>(), &value);
    return out;
  }
  Value part(const boost::json::value& inner) const {
    Value out;
    out.json_ = std::shared_ptr<const boost::json::value>(json_, &inner);
    return out;
  }
  bool is_missing() const { return json_ == nullptr; }
  const std::string& why() const { return why_; }
  const boost::json::value& operator*() const { return *json_; }
  const boost::json::value* operator->() const { return json_.get(); }

 private:
  std::shared_ptr<const boost::json::value> json_;
  std::string why_;
};

// What a rendering has cost.
class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits) {}
  void spend(std::size_t steps, int line) {
    steps_ += steps;
    if (steps_ > limits_.steps)
      throw template_error(line, "the template takes too long: it repeats too much");
  }
  void check_text(std::size_t bytes, int line) const {
    if (bytes > limits_.output)
      throw template_error(
          line, "the text grows too long: " + std::to_string(limits_.output) + " bytes are the most");
  }
  // Of a value that is copied or looked through.
  void spend_on(const boost::json::value& value, int line);

 private:
  const Limits limits_;
  std::size_t steps_ = 0;
};

bool is_true(const boost::json::value& value);  // as Python has it: not empty, not zero
std::string text_of(const boost::json::value& value);
bool is_equal(const boost::json::value& a, const boost::json::value& b);
bool is_less(const boost::json::value& a, const boost::json::value& b, int line);
bool is_in(const boost::json::value& item, const boost::json::value& all, int line);

// A filter's call.
struct FilterCall {
  const Postfix& filter;
  std::vector<Value> arguments;
  std::vector<std::pair<std::string, Value>> named;
  Budget& budget;
  int line() const { return filter.line; }
  // By position or name; null when it was not given. Throws when it has no value.
  const boost::json::value* argument(std::size_t at, std::string_view name) const;
};
bool is_filter(std::string_view name);
Value apply_filter(const Value& value, const FilterCall& call);

// The block of a source.
std::shared_ptr<const Template::Block> parse_block(std::string_view source);

}  // namespace agnes::templates
