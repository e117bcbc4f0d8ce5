#include "lib/base/text.h"
#include "lib/templates/tree.h"

namespace agnes::templates {

namespace json = boost::json;

namespace {

// The names that are known at a place: loops add theirs.
class Scope {
 public:
  Scope(const json::object& values, const Scope* outer = nullptr) : values_(values), outer_(outer) {}
  Value find(std::string_view name) const {
    for (const Scope* scope = this; scope != nullptr; scope = scope->outer_)
      if (const auto* found = scope->values_.if_contains(name)) return Value::within(*found);
    return Value::missing(fmt::format("`{}` is not defined", name.substr(0, 60)));
  }

 private:
  const json::object& values_;
  const Scope* outer_;
};

const char* kind_of(const json::value& value) {
  if (value.is_null()) return "none";
  if (value.is_string()) return "a text";
  if (value.is_array()) return "a list";
  if (value.is_object()) return "an object";
  return value.is_bool() ? "true or false" : "a number";
}

class Renderer {
 public:
  explicit Renderer(const Limits& limits) : budget_(limits) {}

  void render(const Template::Block& block, const Scope& scope) {
    for (const Node& node : block.nodes) {
      budget_.spend(1, node.line);
      switch (node.kind) {
        case Node::Kind::text:
          write(node.text, node.line);
          break;
        case Node::Kind::output: {
          const Value value = required(node.expressions[0], scope);
          budget_.spend_on(*value, node.line);
          write(text_of(*value), node.line);
          break;
        }
        case Node::Kind::branch:
          render_branch(node, scope);
          break;
        case Node::Kind::loop:
          render_loop(node, scope);
          break;
      }
    }
  }
  std::string take() { return std::move(out_); }

 private:
  void write(std::string_view text, int line) {
    budget_.check_text(out_.size() + text.size(), line);
    out_ += text;
  }

  void render_branch(const Node& node, const Scope& scope) {
    for (std::size_t i = 0; i < node.blocks.size(); ++i)
      if (i >= node.expressions.size() || is_true(*required(node.expressions[i], scope)))
        return render(node.blocks[i], scope);
  }

  void render_loop(const Node& node, const Scope& scope) {
    const Value list = required(node.expressions[0], scope);
    if (!list->is_array())
      throw template_error(node.line, fmt::format("a loop needs a list, and this is {}", kind_of(*list)));
    std::vector<const json::value*> entries;
    for (const auto& entry : list->get_array()) {
      budget_.spend(1, node.line);
      if (node.expressions.size() > 1) {
        json::object own;
        own[node.text] = entry;
        budget_.spend_on(entry, node.line);
        if (!is_true(*required(node.expressions[1], Scope(own, &scope)))) continue;
      }
      entries.push_back(&entry);
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
      budget_.spend_on(*entries[i], node.line);
      json::object own;
      own[node.text] = *entries[i];
      own["loop"] = json::object{{"index", i + 1},
                                 {"index0", i},
                                 {"first", i == 0},
                                 {"last", i + 1 == entries.size()},
                                 {"length", entries.size()},
                                 {"revindex", entries.size() - i},
                                 {"revindex0", entries.size() - i - 1}};
      render(node.blocks[0], Scope(own, &scope));
    }
    if (entries.empty() && node.blocks.size() > 1) render(node.blocks[1], scope);
  }

  Value required(const Expression& expression, const Scope& scope) {
    Value value = evaluate(expression, scope);
    if (value.is_missing()) throw template_error(expression.line, value.why());
    return value;
  }

  Value evaluate(const Expression& expression, const Scope& scope) {
    budget_.spend(1, expression.line);
    Value value = evaluate_plain(expression, scope);
    for (const Postfix& step : expression.postfixes) {
      budget_.spend(1, step.line);
      value = apply(value, step, scope);
    }
    return value;
  }

  Value evaluate_plain(const Expression& expression, const Scope& scope) {
    const auto& parts = expression.parts;
    switch (expression.kind) {
      case Expression::Kind::literal:
      case Expression::Kind::list:
        return Value::within(expression.value);
      case Expression::Kind::name:
        return scope.find(expression.text);
      case Expression::Kind::any:
      case Expression::Kind::all: {
        // A bracket around something that may be missing: `(x.y) is defined`.
        if (parts.size() == 1) return evaluate(parts[0], scope);
        for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
          Value value = required(parts[i], scope);
          if (is_true(*value) == (expression.kind == Expression::Kind::any)) return value;
        }
        return required(parts.back(), scope);
      }
      case Expression::Kind::negation:
        return Value::of(!is_true(*required(parts[0], scope)));
      case Expression::Kind::concat: {
        std::string text;
        for (const auto& part : parts) {
          const Value value = required(part, scope);
          budget_.spend_on(*value, expression.line);
          text += text_of(*value);
          budget_.check_text(text.size(), expression.line);
        }
        budget_.spend(text.size() / 16, expression.line);
        return Value::of(json::string(text));
      }
      case Expression::Kind::comparison:
        return Value::of(compare(expression, *required(parts[0], scope), *required(parts[1], scope)));
      case Expression::Kind::choice:
        if (is_true(*required(parts[0], scope))) return evaluate(parts[1], scope);
        return parts.size() > 2 ? evaluate(parts[2], scope) : Value::of(json::string());
    }
    return Value::missing("nothing");
  }

  bool compare(const Expression& expression, const json::value& a, const json::value& b) {
    const int line = expression.line;
    budget_.spend_on(a, line);
    budget_.spend_on(b, line);
    const std::string& sign = expression.text;
    if (sign == "==") return is_equal(a, b);
    if (sign == "!=") return !is_equal(a, b);
    if (sign == "<") return is_less(a, b, line);
    if (sign == ">") return is_less(b, a, line);
    if (sign == "<=") return !is_less(b, a, line);
    if (sign == ">=") return !is_less(a, b, line);
    return is_in(a, b, line) == (sign == "in");
  }

  Value apply(const Value& value, const Postfix& step, const Scope& scope) {
    if (step.kind == Postfix::Kind::filter) {
      FilterCall call{step, {}, {}, budget_};
      for (const auto& argument : step.arguments) call.arguments.push_back(evaluate(argument, scope));
      for (const auto& [name, argument] : step.named)
        call.named.emplace_back(name, evaluate(argument, scope));
      return apply_filter(value, call);
    }
    if (step.kind == Postfix::Kind::test) {
      if (step.name == "none") {
        if (value.is_missing()) throw template_error(step.line, value.why());
        return Value::of(value->is_null() != step.negated);
      }
      return Value::of((value.is_missing() == (step.name == "undefined")) != step.negated);
    }
    if (value.is_missing()) throw template_error(step.line, value.why());
    if (step.kind == Postfix::Kind::key) return key_of(value, step.name);
    const Value index = required(step.arguments[0], scope);
    if (index->is_string()) return key_of(value, index->get_string());
    return entry_of(value, *index);
  }

  static Value key_of(const Value& value, std::string_view key) {
    if (value->is_object())
      if (const auto* found = value->get_object().if_contains(key)) return value.part(*found);
    return Value::missing(fmt::format("{} has no `{}`", kind_of(*value), escape_control(key.substr(0, 60))));
  }
  static Value entry_of(const Value& value, const json::value& index) {
    if (!value->is_array() || !index.is_int64())
      return Value::missing(fmt::format("{} has no entry of this kind", kind_of(*value)));
    const auto& list = value->get_array();
    const auto size = static_cast<std::int64_t>(list.size());
    const auto at = index.get_int64() < 0 ? size + index.get_int64() : index.get_int64();
    if (at < 0 || at >= size) return Value::missing(fmt::format("the list has {} entries", size));
    return value.part(list[static_cast<std::size_t>(at)]);
  }

  Budget budget_;
  std::string out_;
};

}  // namespace

Template Template::parse(std::string_view source) {
  return Template(parse_block(source));
}

std::string Template::render(const json::object& values, const Limits& limits) const {
  Renderer renderer(limits);
  renderer.render(*root_, Scope(values));
  return renderer.take();
}

}  // namespace agnes::templates
