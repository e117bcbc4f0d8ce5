#include "cli/redact.h"

#include <algorithm>
#include <cctype>
#include <optional>

#include "lib/base/text.h"

namespace agnes::cli {

namespace {

constexpr std::size_t kLargestKey = 16384;
constexpr std::size_t kLongestValue = 4096;
// A prefix of so many characters is hardly a part of another word, as "sk-" is of "task-force".
constexpr std::size_t kLongPrefix = 4;
constexpr std::string_view kMark = "[redacted]";

bool is_alnum(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
// Of base64 and base64url, but for the padding.
bool is_token_char(char c) {
  return is_alnum(c) || c == '-' || c == '_' || c == '+' || c == '/' || c == '.' || c == '~';
}
bool is_word_char(char c) {
  return is_alnum(c) || c == '-' || c == '_';
}
// What ends a value in JSON (also escaped within a string), YAML, a shell and an address.
bool is_value_char(char c) {
  return c > ' ' && c < 0x7f && std::string_view("\"'\\`,;&()[]{}<>|").find(c) == std::string_view::npos;
}

template <class Is>
std::size_t span(std::string_view text, std::size_t from, Is is) {
  std::size_t end = from;
  while (end < text.size() && is(text[end])) ++end;
  return end - from;
}

struct Prefix {
  std::string_view text;
  std::size_t shortest;  // characters behind it
};
constexpr Prefix kPrefixes[] = {
    {"ghp_", 20},        {"gho_", 20},     {"ghu_", 20},   {"ghs_", 20},      {"ghr_", 20},
    {"github_pat_", 20}, {"glpat-", 16},   {"xoxb-", 10},  {"xoxp-", 10},     {"xoxa-", 10},
    {"xoxr-", 10},       {"xoxs-", 10},    {"xapp-", 10},  {"sk-", 20},       {"sk_live_", 16},
    {"sk_test_", 16},    {"rk_live_", 16}, {"whsec_", 16}, {"AKIA", 16},      {"ASIA", 16},
    {"AIza", 30},        {"ya29.", 20},    {"npm_", 30},   {"hf_", 20},       {"dop_v1_", 30},
    {"SG.", 30},         {"pypi-", 30},    {"shpat_", 20}, {"dckr_pat_", 20}, {"atlassian_", 30},
    {"ATATT3", 30},
};

// The end of a token with a known prefix that begins at `at`; `at` when there is none.
std::size_t prefixed(std::string_view text, std::size_t at, std::size_t shortest) {
  if (std::string_view("gxsrwAynhdSpa").find(text[at]) == std::string_view::npos) return at;
  for (const auto& prefix : kPrefixes) {
    if (prefix.text.size() < shortest || text[at] != prefix.text.front()) continue;
    if (text.substr(at, prefix.text.size()) != prefix.text) continue;
    const auto rest = span(text, at + prefix.text.size(), [](char c) { return is_word_char(c) || c == '.'; });
    if (rest >= prefix.shortest) return at + prefix.text.size() + rest;
  }
  return at;
}

// "eyJ" is the beginning of {" in base64: header.payload.signature.
std::size_t web_token(std::string_view text, std::size_t at) {
  if (text.substr(at, 3) != "eyJ") return at;
  const auto head = span(text, at, is_word_char);
  std::size_t end = at + head;
  if (head < 10 || end >= text.size() || text[end] != '.') return at;
  const auto body = span(text, end + 1, is_word_char);
  end += 1 + body;
  if (body < 10) return at;
  if (end < text.size() && text[end] == '.') end += 1 + span(text, end + 1, is_word_char);
  return end;
}

// 123-45678-<40 letters and digits>
std::size_t storage_token(std::string_view text, std::size_t at) {
  std::size_t end = at;
  for (int part = 0; part < 2; ++part) {
    const auto digits = span(text, end, is_digit);
    if (digits == 0 || digits > 12 || end + digits >= text.size() || text[end + digits] != '-') return at;
    end += digits + 1;
  }
  const auto rest = span(text, end, is_alnum);
  return rest >= 30 && rest <= 64 ? end + rest : at;
}

std::size_t private_key(std::string_view text, std::size_t at) {
  if (text.substr(at, 11) != "-----BEGIN ") return at;
  constexpr std::string_view kEnd = "PRIVATE KEY-----";
  const auto key = text.substr(at, kLargestKey);
  if (key.substr(0, 64).find(kEnd) == key.npos) return at;
  const auto last = key.find(kEnd, std::min(key.find("-----END "), key.size()));
  // One that is cut off ends with its line.
  return last == key.npos ? std::min(text.find('\n', at), text.size()) : at + last + kEnd.size();
}

constexpr std::string_view kNames[] = {"token",  "secret",  "password",    "passwd",     "api_key",
                                       "apikey", "api-key", "private_key", "access_key", "secret_key"};

// Where the value begins when `at` is the end of a name such as "api_token", behind `name": "` or `NAME=`.
std::optional<std::size_t> value_behind(std::string_view text, std::size_t at) {
  const auto skip = [&](std::string_view chars) {
    while (at < text.size() && chars.find(text[at]) != chars.npos) ++at;
  };
  skip("\"'\\");
  skip(" \t");
  if (at >= text.size() || (text[at] != '=' && text[at] != ':')) return std::nullopt;
  ++at;
  skip(" \t");
  skip("\"'\\");
  return at < text.size() ? std::optional(at) : std::nullopt;
}

bool is_named_secret(std::string_view word) {
  const std::string lower = to_lower(word.substr(word.size() > 64 ? word.size() - 64 : 0));
  return std::any_of(std::begin(kNames), std::end(kNames),
                     [&](std::string_view name) { return lower.ends_with(name); });
}

// A value that is worth hiding: no variable, no number, no word of a programming language.
bool is_secret_value(std::string_view value) {
  if (value.size() < 8) return false;
  if (value.starts_with(kMark)) return false;
  return !std::all_of(value.begin(), value.end(), [](char c) { return is_digit(c) || c == '.'; });
}

class Redaction {
 public:
  Redaction(std::string_view text, const std::vector<std::string>& known) : text_(text), known_(known) {}

  std::string run() {
    std::size_t at = 0;
    while (at < text_.size()) {
      if (const auto past = colour(at); past > at) {
        at = past;
      } else if (const auto end = secret_at(at); end > at) {
        hide(at, end);
        at = end;
      } else if (is_word_char(text_[at])) {
        at = word(at);
      } else if (text_[at] == '\\') {
        at = escape(at);
      } else if (text_.substr(at, 3) == "://") {
        at = address(at + 3);
      } else {
        ++at;
      }
    }
    out_.append(text_.substr(kept_));
    return std::move(out_);
  }

 private:
  void hide(std::size_t from, std::size_t to) {
    out_.append(text_.substr(kept_, from - kept_)).append(kMark);
    kept_ = to;
  }

  // The end of a secret that begins at `at`, which is the beginning of a word or no part of one.
  std::size_t secret_at(std::size_t at) const {
    for (const auto& known : known_)
      if (known.size() >= 8 && text_.substr(at, known.size()) == known) return at + known.size();
    if (const auto end = prefixed(text_, at, 0); end > at) return end;
    for (const auto find : {web_token, storage_token, private_key})
      if (const auto end = find(text_, at); end > at) return end;
    return at;
  }

  // \n and \u003d of JSON, also of JSON within JSON, are no part of the word behind them.
  std::size_t escape(std::size_t at) const {
    at += span(text_, at, [](char c) { return c == '\\'; });
    if (at >= text_.size()) return at;
    if (std::string_view("nrtbf").find(text_[at]) != std::string_view::npos) return at + 1;
    return text_[at] == 'u' ? std::min(at + 5, text_.size()) : at;
  }

  // The rest of "ESC [32m" behind its first character, which is no part of the word behind it.
  std::size_t colour(std::size_t at) const {
    if (text_[at] != '[') return at;
    const auto end = at + 1 + span(text_.substr(0, std::min(text_.size(), at + 16)), at + 1, [](char c) {
                       return is_digit(c) || c == ';';
                     });
    return end < text_.size() && text_[end] == 'm' ? end + 1 : at;
  }

  // A secret within a word, as in "%3Dghp_..." and "token_ghp_...": those whose beginning is in no other word.
  std::optional<std::pair<std::size_t, std::size_t>> within(std::size_t at, std::size_t end) const {
    const bool is_head = end < text_.size() && text_[end] == '.' && span(text_, end + 1, is_word_char) >= 10;
    for (std::size_t i = at + 1; i < end; ++i) {
      const bool may_be_short = !is_alnum(text_[i - 1]) || (i >= 3 && text_[i - 3] == '%');
      if (const auto past = prefixed(text_, i, may_be_short ? 0 : kLongPrefix); past > i)
        return std::pair(i, past);
      if (is_head && text_[i] == 'e' && end - i >= 10)
        if (const auto past = web_token(text_, i); past > i) return std::pair(i, past);
    }
    return std::nullopt;
  }

  // A word that is no secret itself may tell that one follows. Returns where to go on.
  std::size_t word(std::size_t at) {
    const auto end = at + span(text_, at, is_word_char);
    const auto name = text_.substr(at, end - at);
    if (const auto found = within(at, end)) {
      hide(found->first, found->second);
      return found->second;
    }
    if ((iequals(name, "bearer") || iequals(name, "basic")) && end < text_.size() && text_[end] == ' ') {
      const auto length = span(text_, end + 1, [](char c) { return is_token_char(c) || c == '='; });
      if (length >= 16 && secret_at(end + 1) == end + 1) {
        hide(end + 1, end + 1 + length);
        return end + 1 + length;
      }
      return end;
    }
    if (!is_named_secret(name)) return end;
    const auto begin = value_behind(text_, end);
    if (!begin) return end;
    if (text_[*begin] == '$' || text_[*begin] == '%') return *begin;
    const auto length =
        span(text_.substr(0, std::min(text_.size(), *begin + kLongestValue)), *begin, is_value_char);
    if (secret_at(*begin) > *begin || !is_secret_value(text_.substr(*begin, length))) return *begin;
    hide(*begin, *begin + length);
    return *begin + length;
  }

  // name:password@ behind "://".
  std::size_t address(std::size_t at) {
    const auto part = [](char c) { return is_value_char(c) && c != '/' && c != '@' && c != ':'; };
    const auto name = at + span(text_, at, part);
    if (name >= text_.size() || text_[name] != ':') return at;
    const auto length =
        span(text_, name + 1, [](char c) { return is_value_char(c) && c != '/' && c != '@'; });
    const auto end = name + 1 + length;
    if (length == 0 || end >= text_.size() || text_[end] != '@') return at;
    hide(name + 1, end);
    return end;
  }

  const std::string_view text_;
  const std::vector<std::string>& known_;
  std::string out_;
  std::size_t kept_ = 0;  // up to here the text is in `out_`
};

}  // namespace

std::string without_secrets(std::string_view text, const std::vector<std::string>& known) {
  return Redaction(text, known).run();
}

}  // namespace agnes::cli
