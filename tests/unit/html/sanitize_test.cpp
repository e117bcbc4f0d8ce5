#include "lib/html/sanitize.h"

#include <gtest/gtest.h>

namespace agnes::html {
namespace {

TEST(Sanitize, KeepsWhatIsKnown) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", ""},
      {"a text", "a text"},
      {"1 < 2 & 3 > 2", "1 &lt; 2 &amp; 3 &gt; 2"},
      {"&amp; &copy; &#65; &nope &", "&amp; &copy; &#65; &amp;nope &amp;"},
      {"<p class=\"lead\" onclick=\"x()\">Hello <b>all</b><script>alert(1)</script></p>",
       "<p class=\"lead\">Hello <b>all</b></p>"},
      {"<H2 STYLE=\"color:red\">Now</H2>", "<h2>Now</h2>"},
      {"<a href=\"https://example.com/?a=1&b=2\" target=_blank>x</a>",
       "<a href=\"https://example.com/?a=1&amp;b=2\" target=\"_blank\" rel=\"noopener noreferrer\">x</a>"},
      {"<a href='/news#x' rel='me'>x</a>", "<a href=\"/news#x\" rel=\"noopener noreferrer\">x</a>"},
      {"<a href=mailto:ana@example.com>x</a>",
       "<a href=\"mailto:ana@example.com\" rel=\"noopener noreferrer\">x</a>"},
      {"<img src=a.png alt='\"x\" <y>'>", "<img src=\"a.png\" alt=\"&quot;x&quot; &lt;y&gt;\">"},
      {"a<br/>b<hr>", "a<br>b<hr>"},
      {"<ul><li>a<li>b</ul>", "<ul><li>a</li><li>b</li></ul>"},
      {"<p>a<p>b<div>c", "<p>a</p><p>b</p><div>c</div>"},
      {"<table><tr><td>1<td>2<tr><td>3</table>",
       "<table><tr><td>1</td><td>2</td></tr><tr><td>3</td></tr></table>"},
      {"<b><i>x</b>y</i>", "<b><i>x</i></b>y"},
      {"</p></b>x", "x"},
      {"<blink>x</blink><custom-element>y</custom-element>", "xy"},
      {"a<!-- no -->b<!-->c<!---->d<!--x--!>e<!doctype html>f<?xml ?>g</ >h", "abcdefgh"},
      {"<iframe src=\"https://www.youtube.com/embed/abc\" onload=\"x()\">y</iframe>z",
       "<iframe src=\"https://www.youtube.com/embed/abc\"></iframe>z"},
      {"<iframe src=\"https://player.vimeo.com/video/1\" allowfullscreen></iframe>",
       "<iframe src=\"https://player.vimeo.com/video/1\" allowfullscreen=\"\"></iframe>"},
      {"<p>before</p><iframe src=\"https://evil.example\"><p>after</p>", "<p>before</p>"},
      {"<form><input></form><svg><script>1</script></svg>", ""},
  };
  for (const auto& [from, to] : kCases) {
    EXPECT_EQ(sanitize(from), to) << from;
    EXPECT_EQ(sanitize(to), to) << from;
  }
}

TEST(Sanitize, LetsNothingRun) {
  for (const char* attack :
       {"<script>alert(1)</script>",
        "<SCRIPT SRC=//e.example></SCRIPT >x",
        "<scr<script>ipt>alert(1)</script>",
        "<img src=x onerror=alert(1)>",
        "<img src=x onerror\n=\nalert(1)>",
        "<img/src=x/onerror=alert(1)>",
        "<a href=javascript:alert(1)>x</a>",
        "<a href=\"jav&#x09;ascript:alert(1)\">x</a>",
        "<a href=\"&#106;avascript:alert(1)\">x</a>",
        "<a href=\"&#106avascript:alert(1)\">x</a>",
        "<a href=\"javascript&colon;alert(1)\">x</a>",
        "<a href=\" \x01javascript:alert(1)\">x</a>",
        "<a href=\"JaVaScRiPt:alert(1)\">x</a>",
        "<a href=\"data:text/html,<script>alert(1)</script>\">x</a>",
        "<a href=\"vbscript:x\">x</a>",
        "<a href='x' onmouseover='alert(1)'>x</a>",
        "<a href=x\" onclick=\"alert(1)>x</a>",
        "<svg onload=alert(1)>",
        "<math><mi xlink:href=javascript:alert(1)>",
        "<style>@import 'x'</style>",
        "<p style=\"background:url(javascript:x)\">x</p>",
        "<iframe srcdoc=\"<script>alert(1)</script>\"></iframe>",
        "<iframe src=\"javascript:alert(1)\"></iframe>",
        "<iframe src=\"https://www.youtube.com.evil.example/embed/\"></iframe>",
        "<iframe src=\"https://www.youtube.com/embed/../redirect?q=x\"></iframe>",
        "<iframe src=\"https://www.youtube.com/embed/%2E%2e/redirect?q=x\"></iframe>",
        "<iframe src=\" java\nscript:alert(1)//https://www.youtube.com/embed/\"></iframe>",
        "<object data=x></object>",
        "<embed src=x>",
        "<base href=//evil.example>",
        "<meta http-equiv=refresh content=0>",
        "<link rel=stylesheet href=x>",
        "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\"></noscript>",
        "<textarea><script>alert(1)</textarea>",
        "<title><img src=x onerror=alert(1)></title>",
        "<!--><script>alert(1)</script>-->",
        "<![CDATA[<script>alert(1)</script>]]>",
        "<p title=\"`onmouseover=alert(1)`\">",
        "<div class=\"a\"onclick=\"x\">",
        "<img alt=\"`><script>alert(1)</script>\">",
        "<form action=javascript:alert(1)><button>x",
        "<p class='\"><script>alert(1)</script>'>"}) {
    const std::string out = sanitize(attack);
    // Every < that is left begins one of our tags; no such tag has an attribute that runs.
    for (auto at = out.find('<'); at != std::string::npos; at = out.find('<', at + 1)) {
      const auto end = out.find('>', at);
      ASSERT_NE(end, std::string::npos) << attack;
      std::string tag = out.substr(at, end - at);
      // What stands between quotes is a value.
      std::string names;
      bool quoted = false;
      for (const char c : tag) {
        if (c == '"')
          quoted = !quoted;
        else if (!quoted)
          names += c;
      }
      EXPECT_FALSE(quoted) << attack << ": " << out;
      for (const char* bad : {"<script", "<style", "<svg", "<math", "<base", "<meta", "<link", "<object",
                              " on", " style", " srcdoc"})
        EXPECT_EQ(names.find(bad), std::string::npos) << attack << ": " << out;
      EXPECT_EQ(tag.find("=\"javascript:"), std::string::npos) << attack << ": " << out;
      EXPECT_EQ(tag.find("=\"data:"), std::string::npos) << attack << ": " << out;
    }
  }
  EXPECT_EQ(sanitize("<a href=\"javascript&colon;alert(1)\">x</a>"),
            "<a href=\"javascript&amp;colon;alert(1)\" rel=\"noopener noreferrer\">x</a>")
      << "a relative address, whatever a browser knows of references";
}

TEST(Sanitize, IsBounded) {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += "<div>";
  EXPECT_EQ(sanitize(deep).size(), 100 * std::string("<div></div>").size());
  for (const char* piece : {"<!--", "</", "<a ", "<a b=\"", "&#", "<", "<iframe>", "<script>", "</script",
                            "<p title='", "&amp", "<!"}) {
    std::string many;
    for (int i = 0; i < 200'000; ++i) many += piece;
    EXPECT_LE(sanitize(many).size(), 5 * many.size()) << piece;
  }
}

TEST(Sanitize, TellsTheTextInOneLine) {
  EXPECT_EQ(plain_text("<h2>Now</h2>\n<p>1 &lt; 2 &amp; <b>more</b></p>", 120), "Now 1 < 2 & more");
  EXPECT_EQ(plain_text("", 120), "");
  EXPECT_EQ(plain_text("12345", 5), "12345");
  EXPECT_EQ(plain_text("123456", 5), "1234…");
  EXPECT_EQ(plain_text("zl\xC3\xA1 d\xC5\xAFl", 5), "zl\xC3\xA1…");
}

}  // namespace
}  // namespace agnes::html
