#include <algorithm>
#include <array>
#include <cctype>
#include <limits>

#include "lib/base/text.h"
#include "lib/templates/tree.h"

namespace agnes::templates {

namespace {

constexpr int kDeepest = 40;

bool is_name_start(char c) {
  return std::isalpha(static_cast<unsigned char>(c)) != 0 || c == '_';
}
bool is_name_part(char c) {
  return is_name_start(c) || std::isdigit(static_cast<unsigned char>(c)) != 0;
}
bool is_space(char c) {
  return c == ' ' || (c >= '\t' && c <= '\r');
}

struct Token {
  enum class Kind { name, text, number, sign, end } kind = Kind::end;
  std::string text = {};
  boost::json::value value = nullptr;
  int line = 0;
};

// The tokens between {{ and }} or {% and %}.
class Tokens {
 public:
  Tokens(std::string_view source, std::size_t at, int line, std::string_view closing)
      : source_(source), at_(at), line_(line), closing_(closing) {
    advance();
  }
  const Token& now() const { return token_; }
  bool is(std::string_view sign) const { return token_.kind == Token::Kind::sign && token_.text == sign; }
  bool is_word(std::string_view word) const {
    return token_.kind == Token::Kind::name && token_.text == word;
  }
  bool take(std::string_view sign) {
    if (!is(sign)) return false;
    advance();
    return true;
  }
  bool take_word(std::string_view word) {
    if (!is_word(word)) return false;
    advance();
    return true;
  }
  void expect(std::string_view sign) {
    if (!take(sign)) fail(fmt::format("{} is expected", sign));
  }
  void expect_word(std::string_view word) {
    if (!take_word(word)) fail(fmt::format("`{}` is expected", word));
  }
  std::string name(std::string_view what) {
    if (token_.kind != Token::Kind::name) fail(fmt::format("{} is expected", what));
    std::string out = token_.text;
    advance();
    return out;
  }
  Token next() {
    Token out = token_;
    advance();
    return out;
  }
  void expect_end() {
    if (token_.kind != Token::Kind::end) fail(fmt::format("{} is expected", closing_));
  }
  [[noreturn]] void fail(const std::string& expected) const {
    const std::string found =
        token_.kind == Token::Kind::end ? std::string(closing_) : escape_control(token_.text.substr(0, 40));
    throw template_error(token_.line, fmt::format("{}, and there is {}", expected, found));
  }
  std::size_t after() const { return at_; }  // of the end
  bool strips() const { return strips_; }    // whether it was -}}
  int line() const { return line_; }

 private:
  void advance() {
    if (token_.kind == Token::Kind::end && started_) return;
    started_ = true;
    while (at_ < source_.size() && is_space(source_[at_])) line_ += source_[at_++] == '\n' ? 1 : 0;
    token_ = Token{.line = line_};
    if (at_ == source_.size())
      throw template_error(line_, fmt::format("the template ends where {} is expected", closing_));
    const auto rest = source_.substr(at_);
    strips_ = rest.front() == '-' && rest.substr(1).starts_with(closing_);
    if (strips_ || rest.starts_with(closing_)) {
      at_ += closing_.size() + (strips_ ? 1 : 0);
      return;
    }
    const char c = rest.front();
    if (is_name_start(c))
      read_name();
    else if (c == '"' || c == '\'')
      read_text(c);
    else if (std::isdigit(static_cast<unsigned char>(c)) != 0 ||
             (c == '-' && rest.size() > 1 && std::isdigit(static_cast<unsigned char>(rest[1])) != 0))
      read_number();
    else
      read_sign();
  }
  void read_name() {
    const auto begin = at_;
    while (at_ < source_.size() && is_name_part(source_[at_])) ++at_;
    token_.kind = Token::Kind::name;
    token_.text = source_.substr(begin, at_ - begin);
  }
  void read_text(char quote) {
    token_.kind = Token::Kind::text;
    for (++at_; at_ < source_.size(); ++at_) {
      char c = source_[at_];
      if (c == quote) {
        ++at_;
        token_.value = boost::json::string(token_.text);
        return;
      }
      if (c == '\n') ++line_;
      if (c == '\\' && at_ + 1 < source_.size()) {
        c = source_[++at_];
        if (c == 'n')
          c = '\n';
        else if (c == 't')
          c = '\t';
        else if (c != '\\' && c != '"' && c != '\'')
          token_.text += '\\';
      }
      token_.text += c;
    }
    throw template_error(token_.line, "a text has no end");
  }
  void read_number() {
    const auto begin = at_++;
    while (at_ < source_.size() && (is_name_part(source_[at_]) || source_[at_] == '.')) ++at_;
    token_.kind = Token::Kind::number;
    token_.text = source_.substr(begin, at_ - begin);
    if (const auto whole = parse_int(token_.text))
      token_.value = *whole;
    else if (const auto real = parse_double(token_.text))
      token_.value = *real;
    else
      throw template_error(line_, fmt::format("{} is no number", escape_control(token_.text.substr(0, 40))));
  }
  void read_sign() {
    token_.kind = Token::Kind::sign;
    const auto rest = source_.substr(at_);
    for (const std::string_view two : {"==", "!=", "<=", ">=", "//", "**"})
      if (rest.starts_with(two)) token_.text = two;
    if (token_.text.empty())
      token_.text = rest.substr(0, first_character(rest).second == 0 ? 1 : first_character(rest).second);
    at_ += token_.text.size();
  }

  const std::string_view source_;
  std::size_t at_;
  int line_;
  const std::string_view closing_;
  Token token_;
  bool strips_ = false, started_ = false;
};

class ExpressionParser {
 public:
  explicit ExpressionParser(Tokens& tokens) : tokens_(tokens) {}

  // With `choice`, "a if b else c", too: not where an `if` may follow.
  Expression parse(bool choice = true) {
    const Nesting nesting(*this);
    Expression value = parse_any();
    if (!choice || !tokens_.is_word("if")) return value;
    Expression out = make(Expression::Kind::choice);
    tokens_.next();
    out.parts.push_back(parse_any());
    out.parts.push_back(std::move(value));
    if (tokens_.take_word("else")) out.parts.push_back(parse());
    return out;
  }

 private:
  struct Nesting {
    explicit Nesting(ExpressionParser& parser) : parser(parser) {
      if (++parser.depth_ > kDeepest)
        throw template_error(parser.tokens_.now().line, "an expression is nested too deeply");
    }
    ~Nesting() { --parser.depth_; }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ExpressionParser& parser;
  };
  Expression make(Expression::Kind kind) const {
    Expression out;
    out.kind = kind;
    out.line = tokens_.now().line;
    return out;
  }
  // One, or several with `kind` between them.
  template <class Part, class Joined>
  Expression chain(Expression::Kind kind, Part part, Joined joined) {
    Expression first = part();
    if (!joined()) return first;
    Expression out = make(kind);
    out.parts.push_back(std::move(first));
    do out.parts.push_back(part());
    while (joined());
    return out;
  }
  Expression parse_any() {
    return chain(
        Expression::Kind::any, [&] { return parse_all(); }, [&] { return tokens_.take_word("or"); });
  }
  Expression parse_all() {
    return chain(
        Expression::Kind::all, [&] { return parse_negation(); }, [&] { return tokens_.take_word("and"); });
  }
  Expression parse_negation() {
    if (!tokens_.is_word("not")) return parse_comparison();
    const Nesting nesting(*this);
    Expression out = make(Expression::Kind::negation);
    tokens_.next();
    out.parts.push_back(parse_negation());
    return out;
  }
  std::string take_comparison() {
    for (const std::string_view sign : {"==", "!=", "<=", ">=", "<", ">"})
      if (tokens_.take(sign)) return std::string(sign);
    if (tokens_.take_word("in")) return "in";
    if (!tokens_.is_word("not")) return "";
    tokens_.next();
    tokens_.expect_word("in");
    return "not in";
  }
  Expression parse_comparison() {
    Expression left = parse_concat();
    Expression out = make(Expression::Kind::comparison);
    out.text = take_comparison();
    if (out.text.empty()) return left;
    out.parts.push_back(std::move(left));
    out.parts.push_back(parse_concat());
    return out;
  }
  Expression parse_concat() {
    return chain(
        Expression::Kind::concat, [&] { return parse_postfix(); }, [&] { return tokens_.take("~"); });
  }
  Expression parse_postfix() {
    Expression out = parse_primary();
    while (true) {
      const int line = tokens_.now().line;
      if (tokens_.take(".")) {
        // As Jinja has it, x.0 is an entry of a list.
        if (tokens_.now().kind == Token::Kind::number) {
          Postfix step{Postfix::Kind::index, line};
          step.arguments.push_back(parse_primary());
          out.postfixes.push_back(std::move(step));
        } else {
          out.postfixes.push_back({Postfix::Kind::key, line, tokens_.name("a name")});
        }
      } else if (tokens_.take("[")) {
        Postfix step{Postfix::Kind::index, line};
        step.arguments.push_back(parse());
        if (tokens_.is(":")) throw template_error(line, "slices ([a:b]) are not supported");
        tokens_.expect("]");
        out.postfixes.push_back(std::move(step));
      } else if (tokens_.take("|")) {
        out.postfixes.push_back(parse_filter(line));
      } else if (tokens_.is_word("is")) {
        tokens_.next();
        Postfix test{Postfix::Kind::test, line};
        test.negated = tokens_.take_word("not");
        test.name = tokens_.name("a test");
        if (test.name == "None") test.name = "none";
        if (test.name != "defined" && test.name != "undefined" && test.name != "none")
          throw template_error(
              line, fmt::format("there is no test `{}`: defined, undefined, none", test.name.substr(0, 40)));
        out.postfixes.push_back(std::move(test));
      } else {
        refuse_calls();
        return out;
      }
    }
  }
  Postfix parse_filter(int line) {
    Postfix filter{Postfix::Kind::filter, line, tokens_.name("a filter's name")};
    if (!is_filter(filter.name))
      throw template_error(line, fmt::format("there is no filter `{}` here", filter.name.substr(0, 40)));
    if (!tokens_.take("(")) return filter;
    while (!tokens_.take(")")) {
      Expression value = parse();
      if (tokens_.take("=")) {
        if (value.kind != Expression::Kind::name || !value.postfixes.empty())
          throw template_error(line, "an argument's name is expected before =");
        filter.named.emplace_back(value.text, parse());
      } else {
        filter.arguments.push_back(std::move(value));
      }
      if (!tokens_.is(")")) tokens_.expect(",");
    }
    return filter;
  }
  // Said in words, as they are what people miss.
  void refuse_calls() {
    if (tokens_.is("(")) throw template_error(tokens_.now().line, "nothing can be called here: use a filter");
    for (const std::string_view sign : {"+", "-", "*", "/", "%", "//", "**"})
      if (tokens_.is(sign))
        throw template_error(tokens_.now().line, fmt::format("{} is not supported: no arithmetic", sign));
  }
  Expression parse_primary() {
    Expression out = make(Expression::Kind::literal);
    if (tokens_.take("(")) {
      out = parse();
      tokens_.expect(")");
      // Its own steps are done before those behind the bracket, and "a or b" as a whole: one level more.
      Expression whole = make(Expression::Kind::any);
      whole.parts.push_back(std::move(out));
      return whole;
    }
    if (tokens_.take("[")) {
      boost::json::array entries;
      while (!tokens_.take("]")) {
        if (tokens_.is("[") || tokens_.is("("))
          throw template_error(out.line, "a list may hold texts and numbers only");
        const Expression entry = parse_primary();
        if (entry.kind != Expression::Kind::literal || entry.value.is_array())
          throw template_error(entry.line, "a list may hold texts and numbers only");
        entries.push_back(entry.value);
        if (!tokens_.is("]")) tokens_.expect(",");
      }
      out.value = std::move(entries);
      return out;
    }
    const Token token = tokens_.now();
    if (token.kind == Token::Kind::text || token.kind == Token::Kind::number) {
      out.value = token.value;
    } else if (token.kind == Token::Kind::name) {
      if (token.text == "true" || token.text == "True")
        out.value = true;
      else if (token.text == "false" || token.text == "False")
        out.value = false;
      else if (token.text != "none" && token.text != "None") {
        out.kind = Expression::Kind::name;
        out.text = token.text;
      }
    } else {
      tokens_.fail("a value is expected");
    }
    tokens_.next();
    return out;
  }

  Tokens& tokens_;
  int depth_ = 0;
};

class BlockParser {
 public:
  explicit BlockParser(std::string_view source) : source_(source) {}

  Template::Block parse() {
    // As Jinja does.
    if (source_.ends_with('\n')) source_.remove_suffix(1);
    Template::Block out = parse_block({});
    return out;
  }

 private:
  // Up to one of `ends` (as a word), whose statement is then open in `statement_`.
  Template::Block parse_block(std::vector<std::string_view> ends) {
    if (++depth_ > kDeepest) throw template_error(line_, "blocks are nested too deeply");
    Template::Block out;
    const int opened = line_;
    while (true) {
      const auto opening = find_opening();
      add_text(out, source_.substr(at_, opening - at_), opening);
      if (opening == std::string_view::npos || opening == source_.size()) {
        if (!ends.empty()) throw template_error(opened, fmt::format("the block has no `{}`", ends.back()));
        break;
      }
      const char kind = source_[opening + 1];
      at_ = opening + 2;
      if (at_ < source_.size() && (source_[at_] == '-' || source_[at_] == '+')) ++at_;
      if (kind == '#') {
        skip_comment();
        continue;
      }
      statement_ = std::make_unique<Tokens>(source_, at_, line_, kind == '{' ? "}}" : "%}");
      if (kind == '{') {
        Node node{Node::Kind::output, line_};
        node.expressions.push_back(ExpressionParser(*statement_).parse());
        close();
        out.nodes.push_back(std::move(node));
        continue;
      }
      const std::string word = statement_->name("a statement");
      if (std::find(ends.begin(), ends.end(), word) != ends.end()) {
        word_ = word;
        break;
      }
      if (word == "if")
        out.nodes.push_back(parse_branch());
      else if (word == "for")
        out.nodes.push_back(parse_loop());
      else if (word == "raw")
        parse_raw(out);
      else
        throw template_error(
            line_, fmt::format("there is no statement `{}` here: if, for, raw", word.substr(0, 40)));
    }
    --depth_;
    return out;
  }

  Node parse_branch() {
    Node node{Node::Kind::branch, line_};
    node.expressions.push_back(ExpressionParser(*statement_).parse());
    close();
    while (true) {
      node.blocks.push_back(parse_block({"elif", "else", "endif"}));
      if (word_ != "elif") break;
      node.expressions.push_back(ExpressionParser(*statement_).parse());
      close();
    }
    finish(node, "endif");
    return node;
  }
  Node parse_loop() {
    Node node{Node::Kind::loop, line_};
    node.text = statement_->name("a name");
    if (node.text == "loop") throw template_error(line_, "the loop's variable cannot be called `loop`");
    statement_->expect_word("in");
    ExpressionParser expressions(*statement_);
    node.expressions.push_back(expressions.parse(false));
    if (statement_->take_word("if")) node.expressions.push_back(expressions.parse());
    if (statement_->is_word("recursive")) throw template_error(line_, "recursive loops are not supported");
    close();
    node.blocks.push_back(parse_block({"else", "endfor"}));
    finish(node, "endfor");
    return node;
  }
  // An `else` that is open, and the end.
  void finish(Node& node, std::string_view end) {
    if (word_ == "else") {
      close();
      node.blocks.push_back(parse_block({end}));
    }
    close();
  }
  // Its text stands as it is.
  void parse_raw(Template::Block& out) {
    const int line = line_;
    close();
    const bool strips = strips_;
    for (auto from = at_;;) {
      const auto opening = source_.find("{%", from);
      if (opening == std::string_view::npos) throw template_error(line, "the block has no `endraw`");
      auto at = opening + 2;
      if (at < source_.size() && (source_[at] == '-' || source_[at] == '+')) ++at;
      while (at < source_.size() && is_space(source_[at])) ++at;
      if (!source_.substr(at).starts_with("endraw")) {
        from = opening + 2;
        continue;
      }
      strips_ = strips;
      add_text(out, source_.substr(at_, opening - at_), opening);
      statement_ = std::make_unique<Tokens>(source_, at, line_, "%}");
      statement_->expect_word("endraw");
      return close();
    }
  }

  void close() {
    statement_->expect_end();
    at_ = statement_->after();
    line_ = statement_->line();
    strips_ = statement_->strips();
    statement_.reset();
  }
  void skip_comment() {
    const auto end = source_.find("#}", at_);
    if (end == std::string_view::npos) throw template_error(line_, "a comment has no end");
    count_lines(source_.substr(at_, end - at_));
    strips_ = end > at_ && source_[end - 1] == '-';
    at_ = end + 2;
  }
  std::size_t find_opening() const {
    for (auto at = source_.find('{', at_); at != std::string_view::npos; at = source_.find('{', at + 1))
      if (at + 1 < source_.size() &&
          (source_[at + 1] == '{' || source_[at + 1] == '%' || source_[at + 1] == '#'))
        return at;
    return source_.size();
  }
  void add_text(Template::Block& out, std::string_view text, std::size_t opening) {
    const int line = line_;
    count_lines(text);
    if (strips_)
      while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    strips_ = false;
    if (opening + 2 < source_.size() && source_[opening + 2] == '-')
      while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    if (!text.empty()) out.nodes.push_back({Node::Kind::text, line, std::string(text)});
  }
  void count_lines(std::string_view text) {
    line_ += static_cast<int>(std::count(text.begin(), text.end(), '\n'));
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1, depth_ = 0;
  bool strips_ = false;  // the text that follows loses the white space at its beginning
  std::unique_ptr<Tokens> statement_;
  std::string word_;
};

}  // namespace

Error template_error(int line, std::string_view why) {
  return {ErrorKind::bad_request, fmt::format("line {}: {}", line, why)};
}

std::shared_ptr<const Template::Block> parse_block(std::string_view source) {
  return std::make_shared<const Template::Block>(BlockParser(source).parse());
}

}  // namespace agnes::templates
