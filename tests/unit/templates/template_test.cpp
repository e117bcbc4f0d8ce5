#include "lib/templates/template.h"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace agnes::templates {
namespace {

const boost::json::object& values() {
  static const boost::json::object all = boost::json::parse(R"({
    "user": {"name": "", "email": "ana@example.com", "is_admin": true, "groups": ["Sales", "Everyone"]},
    "nobody": null, "n": 3, "half": 0.5, "text": "<b>&\"'", "words": "one two",
    "tables": [{"name": "orders", "rows": 10, "mode": "local", "owner": {"name": "Ana"}},
               {"name": "Costs", "rows": 2, "mode": "remote", "owner": {"name": "Bob"}}],
    "empty": [], "items": {"keys": 1}})")
                                             .as_object();
  return all;
}

std::string filled(std::string_view source) {
  try {
    return Template::parse(source).render(values());
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::bad_request);
    EXPECT_EQ(std::string_view(error.what()).find('\n'), std::string_view::npos);
    return fmt::format("! {}", error.what());
  }
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string out;
  for (std::size_t i = 0; i < times; ++i) out += text;
  return out;
}

TEST(Template, FillsIn) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", ""},
      {"plain { text } {", "plain { text } {"},
      {"one line\n", "one line"},
      {"two\n\n", "two\n"},
      {"{{ user.email }}", "ana@example.com"},
      {"{{user['email']}}", "ana@example.com"},
      {"{{ user.groups[0] }} {{ user.groups[-1] }} {{ user.groups.1 }}", "Sales Everyone Everyone"},
      {"{{ user.is_admin }} {{ nobody }} {{ n }} {{ half }}", "True None 3 0.5"},
      {"{{ user.groups }}", R"(["Sales","Everyone"])"},
      {"{{ 'a' ~ 1 ~ \"b\" }} {{ 'it\\'s' }}", "a1b it's"},
      {"{{ user.name or user.email }}", "ana@example.com"},
      {"{{ user.is_admin and n }}", "3"},
      {"{{ not user.name }} {{ not n }}", "True False"},
      {"{{ 1 == 1.0 }} {{ n >= 3 }} {{ n < 3 }} {{ n != 4 }} {{ 'a' < 'b' }} {{ -1 < 0 }}",
       "True True False True True True"},
      {"{{ 'Sales' in user.groups }} {{ 'x' not in user.groups }} {{ 'one' in words }} {{ 'keys' in items }}",
       "True True True True"},
      {"{{ 'local' in ['local', 'remote'] }}", "True"},
      {"{{ 'a' if n else 'b' }}{{ 'a' if none else 'b' }}{{ 'a' if none }}", "ab"},
      {"{{ nope is defined }} {{ n is defined }} {{ nope is undefined }} {{ nobody is none }} {{ n is not "
       "none }}",
       "False True True True True"},
      {"{{ user.nope is defined }} {{ nobody.x is defined }} {{ (user.nope) is not defined }}",
       "False False True"},
      {"{{ nope | default('x') }} {{ nope|d }} {{ user.name|default('x', true) }} {{ n|default(4) }}",
       "x  x 3"},
      {"{% if n %}a{% endif %}{% if none %}b{% elif n == 3 %}c{% else %}d{% endif %}", "ac"},
      {"{% for t in tables %}{{ loop.index }}{{ t.name }}{% if not loop.last %}, {% endif %}{% endfor %}",
       "1orders, 2Costs"},
      {"{% for t in tables if t.rows > 5 %}{{ t.name }}{{ loop.length }}{% endfor %}", "orders1"},
      {"{% for t in empty %}x{% else %}empty{% endfor %}", "empty"},
      {"{% for a in tables %}{% for b in user.groups %}{{ a.rows }}{{ b[0:1] if false else loop.first }} {% "
       "endfor %}{% endfor %}",
       "! line 1: slices ([a:b]) are not supported"},
      {"{% for n in [1, 2] %}{{ n }}{% endfor %}{{ n }}", "123"},
      {"{# a comment {{ nope }} #}x{#- another -#} y", "xy"},
      {"a \n {%- if n -%} \n b \n {%- endif -%} \n c", "abc"},
      {"a {{- n -}} b", "a3b"},
      {"{% raw %}{{ nope }}{% if %}{% endraw %}!", "{{ nope }}{% if %}!"},
      {"{{ tables | length }} {{ 'zl\xC3\xA1' | count }}", "2 3"},
      {"{{ tables | map(attribute='name') | join(', ') }} {{ tables|map(attribute='owner.name')|join }}",
       "orders, Costs AnaBob"},
      {"{{ tables | join('/', attribute='name') }}", "orders/Costs"},
      {"{{ tables | sort(attribute='name') | map(attribute='name') | join(' ') }}", "Costs orders"},
      {"{{ [3, 1, 2] | sort(reverse=true) | join }} {{ [1, 2, 1] | unique | join }} {{ [1, 2] | reverse | "
       "join }}",
       "321 12 21"},
      {"{{ tables | selectattr('mode', 'equalto', 'remote') | map(attribute='name') | join }}", "Costs"},
      {"{{ tables | rejectattr('mode', 'in', ['remote']) | map(attribute='name') | first }}", "orders"},
      {"{{ ['', 'a'] | select | join }} {{ [0, 1] | reject | last }}", "a 0"},
      {"{{ text | e }} {{ text | safe }}", "&lt;b&gt;&amp;&quot;&#39; <b>&\"'"},
      {"{{ words | upper }} {{ words | title }} {{ words | capitalize }} {{ ' x ' | trim }}",
       "ONE TWO One Two One two x"},
      {"{{ words | replace('o', '0') }}", "0ne tw0"},
  };
  for (const auto& [source, wanted] : kCases) EXPECT_EQ(filled(source), wanted) << source;
}

TEST(Template, NamesLineAndCause) {
  const std::pair<const char*, const char*> kCases[] = {
      {"a\n{{ nope }}", "! line 2: `nope` is not defined"},
      {"{{ user.nope }}", "! line 1: an object has no `nope`"},
      {"\n\n{% if nobody.x %}{% endif %}", "! line 3: none has no `x`"},
      {"{{ user.groups[5] }}", "! line 1: the list has 2 entries"},
      {"{% if %}", "! line 1: a value is expected, and there is %}"},
      {"{% if n %}\n\nx", "! line 1: the block has no `endif`"},
      {"{% for t in tables %}", "! line 1: the block has no `endfor`"},
      {"{% for t in n %}{% endfor %}", "! line 1: a loop needs a list, and this is a number"},
      {"x\n{{ n", "! line 2: the template ends where }} is expected"},
      {"{{ 'x }}", "! line 1: a text has no end"},
      {"{# x", "! line 1: a comment has no end"},
      {"{% raw %}", "! line 1: the block has no `endraw`"},
      {"{% endif %}", "! line 1: there is no statement `endif` here: if, for, raw"},
      {"{{ 1 / 0 }}", "! line 1: / is not supported: no arithmetic"},
      {"{{ n | nope }}", "! line 1: there is no filter `nope` here"},
      {"{{ n is odd }}", "! line 1: there is no test `odd`: defined, undefined, none"},
      {"{{ n | join }}", "! line 1: the filter `join` needs a list"},
      {"{{ user < 1 }}", "! line 1: only two numbers or two texts have an order"},
      {"{{ tables | map(attribute='nope') }}", "! line 1: an entry of the list has no `nope`"},
      {"{{ [nope] }}", "! line 1: a list may hold texts and numbers only"},
      {"{{ 1x }}", "! line 1: 1x is no number"},
      {"{% for loop in tables %}{% endfor %}", "! line 1: the loop's variable cannot be called `loop`"},
  };
  for (const auto& [source, wanted] : kCases) EXPECT_EQ(filled(source), wanted) << source;
}

// What such templates are attacked with: nothing is reached but the values.
TEST(Template, ReachesNothingElse) {
  for (const char* source : {"{{ ''.__class__ }}",
                             "{{ ''.__class__.__mro__[1].__subclasses__() }}",
                             "{{ user.__class__ }}",
                             "{{ user['__class__'] }}",
                             "{{ user.groups.__len__ }}",
                             "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
                             "{{ self }}",
                             "{{ self._TemplateReference__context }}",
                             "{{ config }}",
                             "{{ request.application }}",
                             "{{ lipsum.__globals__ }}",
                             "{{ namespace() }}",
                             "{{ range(10) }}",
                             "{{ dict(a=1) }}",
                             "{{ user.keys() }}",
                             "{{ user.items() }}",
                             "{{ items.keys() }}",
                             "{{ user | attr('name') }}",
                             "{{ () }}",
                             "{{ {} }}",
                             "{{ 'x' | format(1) }}",
                             "{{ n | string }}",
                             "{{ ['a'] | map('upper') }}",
                             "{% include '/etc/passwd' %}",
                             "{% import 'os' as os %}",
                             "{% extends 'x' %}",
                             "{% macro m() %}{% endmacro %}",
                             "{% set x = 1 %}",
                             "{% call x() %}{% endcall %}",
                             "{% block b %}{% endblock %}",
                             "{% do x %}",
                             "{{ x := 1 }}",
                             "{{ n.real }}",
                             "{{ `id` }}",
                             "{{ n ** 2 }}",
                             "{{ 'a' * 1000000000 }}",
                             "{{ loop }}",
                             "{{ user.groups.append('x') }}"})
    EXPECT_TRUE(filled(source).starts_with("! line 1: ")) << source << ": " << filled(source);
}

TEST(Template, CostsWhatItMay) {
  // Nested without end: the parser would call itself as often as the text says.
  for (const char* opening : {"{{ (", "{{ not ", "{% if n %}", "{% for t in tables %}", "{{ [", "{{ a[",
                              "{{ n|d(", "{{ 1 if 1 else "})
    EXPECT_TRUE(filled(std::string(opening) + repeated(std::string_view(opening).substr(3), 100'000))
                    .starts_with("! line 1"))
        << opening;
  for (const char* block : {"{% if n %}", "{% for t in tables %}"})
    EXPECT_EQ(filled(repeated(block, 10'000)), "! line 1: blocks are nested too deeply");
  EXPECT_EQ(filled("{{ " + repeated("not ", 10'000) + "n }}"),
            "! line 1: an expression is nested too deeply");
  // Long, but not deep.
  EXPECT_EQ(filled("{{ " + repeated("n and ", 30'000) + "n }}"), "3");
  EXPECT_EQ(filled("{{ words" + repeated("|upper", 30'000) + " }}"), "ONE TWO");
  EXPECT_EQ(filled("{{ user" + repeated(".a", 60'000) + " }}"), "! line 1: an object has no `a`");
  EXPECT_EQ(filled("{% if none %}" + repeated("{% elif none %}", 10'000) + "{% endif %}"), "");
  // Loops in loops, texts that grow.
  std::string loops;
  for (int i = 0; i < 38; ++i) loops += fmt::format("{{% for t{} in tables %}}", i);
  loops += "x" + repeated("{% endfor %}", 38);
  EXPECT_EQ(filled(loops), "! line 1: the template takes too long: it repeats too much");
  const std::string a(100'000, 'a');
  EXPECT_EQ(filled("{{ '" + a + "' | replace('a', '" + a.substr(0, 90'000) + "') }}"),
            "! line 1: the text grows too long: 1048576 bytes are the most");
  EXPECT_TRUE(filled("{{ '" + a + "'" + repeated("|e|replace('&', '&amp;&amp;')", 20) + " }}").size() <
              200'000);
  EXPECT_EQ(filled("{{ '" + repeated("<", 1000) + "'" + repeated("|replace('<', '<<<<<<<<<<')", 10) + " }}"),
            "! line 1: the text grows too long: 1048576 bytes are the most");
  EXPECT_EQ(filled("{% for a in tables %}{% for b in tables %}" + a + a + a + "{% endfor %}{% endfor %}"),
            "! line 1: the text grows too long: 1048576 bytes are the most");
}

TEST(Template, TakesWhatIsNoText) {
  EXPECT_EQ(filled(std::string_view("a\0b", 3)), std::string("a\0b", 3));
  EXPECT_TRUE(filled("{{ \xff }}").starts_with("! line 1"));
  EXPECT_TRUE(filled("{{ \x1b[31m }}").starts_with("! line 1: a value is expected, and there is \\x1"));
}

}  // namespace
}  // namespace agnes::templates
