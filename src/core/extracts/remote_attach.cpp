#include "core/extracts/remote_attach.h"

#include <algorithm>
#include <set>

#include "core/extracts/settings.h"
#include "lib/base/secret_names.h"
#include "lib/base/text.h"

namespace agnes::extracts {

namespace {

constexpr std::size_t kMaxUrl = 2048;

// Names that DuckDB has for itself.
constexpr std::string_view kReservedAliases[] = {
    "main",       "temp",     "system", "memory", "information_schema",
    "pg_catalog", "recurring"};  // what USING KEY calls the rows so far

// Parts of names of parameters whose values are secrets.
template <class List>
bool contains(const List& list, std::string_view item) {
  return std::find(std::begin(list), std::end(list), item) != std::end(list);
}

bool is_variable(std::string_view name) {
  if (name.empty() || name.size() > 64 || name[0] < 'A' || name[0] > 'Z') return false;
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

// "host" or "host:port" in lower case, without the port that https has anyway; "" for anything else.
std::string host_of(std::string_view text) {
  std::string out = to_lower(trim(text));
  if (out.starts_with("https://")) out.erase(0, 8);
  while (out.ends_with('/')) out.pop_back();
  if (out.ends_with(":443")) out.resize(out.size() - 4);
  const auto colon = out.find(':');
  const auto name = std::string_view(out).substr(0, colon);
  const auto of = [](std::string_view part, std::string_view others) {
    return !part.empty() && std::all_of(part.begin(), part.end(), [&](char c) {
      return (c >= '0' && c <= '9') || others.find(c) != std::string_view::npos;
    });
  };
  if (!of(name, "abcdefghijklmnopqrstuvwxyz.-_")) return "";
  if (colon != std::string::npos && !of(std::string_view(out).substr(colon + 1), "")) return "";
  return out;
}
bool is_allowed(std::string_view host, const RemoteRules& rules) {
  const std::string wanted = host_of(host);
  return !wanted.empty() && std::any_of(rules.endpoints.begin(), rules.endpoints.end(),
                                        [&](const auto& endpoint) { return host_of(endpoint) == wanted; });
}
std::string elsewhere(std::string_view what) {
  return fmt::format(
      "its url sends the server's token to another place ({}); an operator allows it with "
      "AGNES_REMOTE_ATTACH_ENDPOINTS",
      escape_control(what));
}

// Names of parameters that say where an engine is.
bool is_place(std::string_view name) {
  for (const std::string_view end :
       {"endpoint", "host", "hostaddr", "server", "url", "uri", "address", "proxy"})
    if (name.ends_with(end)) return true;
  return false;
}

// All others say what to read at that place. What an extension makes of a name that is not listed is not known: it may be
// another place.
const std::vector<std::string> kParameters = {"project", "billing_project", "dataset", "database", "dbname",
                                              "schema",  "table",           "branch",  "location", "region"};

std::optional<std::string> secret_refusal(std::string_view part) {
  if (part.find('=') == std::string_view::npos) return std::nullopt;
  const std::string name = to_lower(part.substr(0, part.find('=')));
  if (names_secret(name))
    return fmt::format("its url holds a secret ({}); put it into a variable and its name into token_env",
                       escape_control(name));
  return std::nullopt;
}
std::optional<std::string> parameter_refusal(std::string_view part, const RemoteRules& rules) {
  if (auto why = secret_refusal(part)) return why;
  const auto equals = part.find('=');
  const std::string name = to_lower(part.substr(0, equals));
  const auto value = equals == std::string_view::npos ? std::string_view() : part.substr(equals + 1);
  if (is_place(name) && !is_allowed(value, rules)) return elsewhere(name);
  if (value.find("://") != std::string_view::npos)
    return fmt::format("its url holds another address ({})", escape_control(name));
  if (value.starts_with('/') || value.starts_with('.') || value.starts_with('~') || value.starts_with('\'') ||
      value.starts_with('"'))
    return fmt::format("its url names a path of this machine ({})", escape_control(name));
  if (is_identifier(name) && !is_place(name) && !contains(kParameters, name))
    return fmt::format("its url has a parameter that is not known ({}); known are {}, and endpoints",
                       escape_control(name), join(kParameters, ", "));
  if (value.find('@') != std::string_view::npos)
    return fmt::format("its url holds a user name or another address ({})", escape_control(name));
  return std::nullopt;
}

// "https://host/...?a=b"
std::optional<std::string> address_refusal(const std::string& url, const RemoteRules& rules) {
  const auto scheme_end = url.find("://");
  const std::string scheme = to_lower(url.substr(0, scheme_end));
  if (scheme == "http") return "its url would send the token unencrypted; write https://";
  if (scheme == "file") return "its url leads to a file of this machine";
  if (scheme != "https") return "its url is neither https://... nor name=value";
  const auto rest = std::string_view(url).substr(scheme_end + 3);
  const auto host_end = std::min(rest.find_first_of("/?#"), rest.size());
  const auto host = rest.substr(0, host_end);
  if (host.empty()) return "its url names no host";
  if (host.find('@') != std::string_view::npos)
    return "its url holds a user name or a password; put the secret into a variable and its name into "
           "token_env";
  // Whatever an extension splits its texts at: nothing that could be a parameter of its own is in the rest.
  if (url.find_first_of(" \\;,|'\"`<>") != std::string::npos) return "its url has characters that no url has";
  const auto query = std::min(rest.find_first_of("?#"), rest.size());
  for (const auto& part : split(rest.substr(std::min(query + 1, rest.size())), '&'))
    if (const auto why = parameter_refusal(part, rules)) return why;
  if (rest.find("://") != std::string_view::npos) return "its url holds another address";
  if (!is_allowed(host, rules)) return elsewhere("host");
  return std::nullopt;
}

// "https://host/...?a=b", or "project=p dataset=d" as extensions of databases take it. Taken apart, not searched: what
// is neither is refused, so that no extension reads it in another way.
std::optional<std::string> url_refusal(const std::string& given, const RemoteRules& rules) {
  const std::string url(trim(given));
  if (url.empty()) return "it has no url";
  if (url.size() > kMaxUrl) return fmt::format("its url is longer than {} bytes", kMaxUrl);
  if (!is_utf8(url) || escape_control(url) != url) return "its url has control characters";
  constexpr std::string_view kNeither = "its url is neither https://... nor name=value";
  const auto equals = url.find('=');
  if (const auto scheme_end = url.find("://"); scheme_end != std::string::npos && scheme_end < equals)
    return address_refusal(url, rules);
  const auto parts = split(url, ' ');
  for (const auto& part : parts)
    if (auto why = secret_refusal(part)) return why;
  std::set<std::string> seen;
  for (const auto& part : parts) {
    if (part.empty()) continue;
    const auto sign = part.find('=');
    if (sign == std::string::npos) return std::string(kNeither);
    const std::string name = to_lower(part.substr(0, sign));
    if (!seen.insert(name).second) return fmt::format("its url has {} twice", escape_control(name));
    if (const auto why = parameter_refusal(part, rules)) return why;
    const bool plain =
        is_identifier(name) && part.size() > sign + 1 &&
        std::all_of(part.begin() + static_cast<std::ptrdiff_t>(sign) + 1, part.end(), [](char c) {
          return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                 static_cast<unsigned char>(c) >= 0x80 ||
                 std::string_view("_.:/-+@%*").find(c) != std::string_view::npos;
        });
    if (!plain) return std::string(kNeither);
  }
  return std::nullopt;
}

// What is left of a statement without its white space: names (quoted ones without marks), and single marks.
struct Token {
  std::string text;
  bool name = false;
};
std::vector<Token> tokens(std::string_view sql) {
  const auto in_name = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
  };
  std::vector<Token> out;
  for (std::size_t i = 0; i < sql.size(); ++i) {
    const char c = sql[i];
    if (c == '\'' || c == '"') {
      std::string text;
      for (++i; i < sql.size(); ++i) {
        if (sql[i] == c && (i + 1 == sql.size() || sql[i + 1] != c)) break;
        if (sql[i] == c) ++i;
        text += sql[i];
      }
      out.push_back({c == '"' ? to_lower(text) : "'", c == '"'});
    } else if (in_name(c)) {
      const std::size_t begin = i;
      while (i + 1 < sql.size() && in_name(sql[i + 1])) ++i;
      out.push_back({to_lower(sql.substr(begin, i - begin + 1)), true});
    } else if (c != ' ' && c != '\n' && c != '\t' && c != '\r') {
      out.push_back({std::string(1, c), false});
    }
  }
  return out;
}

}  // namespace

RemoteRules remote_rules(const RemoteSettings& settings, RemoteRules rules) {
  rules.endpoints.insert(rules.endpoints.end(), settings.endpoints.begin(), settings.endpoints.end());
  if (!settings.extensions.empty()) rules.extensions = settings.extensions;
  if (!settings.token_envs.empty()) rules.token_envs = settings.token_envs;
  return rules;
}

std::optional<std::string> refusal(const RemoteAttach& row, const RemoteRules& rules) {
  if (!is_identifier(row.alias)) return "its alias must be letters, digits and '_', 64 at most";
  if (contains(kReservedAliases, to_lower(row.alias))) return "its alias is a name of DuckDB's own";
  // As written, like the names of variables: the lists are the operator's and hold what exactly is allowed.
  if (!is_identifier(row.extension) || !contains(rules.extensions, row.extension))
    return fmt::format(
        "the extension '{}' is not allowed here (allowed: {}); an operator allows it with "
        "AGNES_REMOTE_ATTACH_EXTENSIONS",
        escape_control(row.extension.substr(0, 64)), join(rules.extensions, ", "));
  if (!row.token_env.empty() && (!is_variable(row.token_env) || !contains(rules.token_envs, row.token_env)))
    return fmt::format(
        "the variable '{}' may not be read for an extract; an operator allows it with "
        "AGNES_REMOTE_ATTACH_TOKEN_ENVS",
        escape_control(row.token_env.substr(0, 64)));
  return url_refusal(row.url, rules);
}

RemoteNames remote_names(std::string_view create_view) {
  RemoteNames out;
  const auto all = tokens(create_view);
  const auto is = [&](std::size_t i, std::string_view text) {
    return i < all.size() && !all[i].name && all[i].text == text;
  };
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (!all[i].name) continue;
    const std::size_t first = i;
    while (is(i + 1, ".") && i + 2 < all.size() && all[i + 2].name) i += 2;
    if (i > first)
      out.catalogs.push_back(all[first].text);
    else if (is(i + 1, "("))
      out.functions.push_back(all[first].text);
  }
  return out;
}

}  // namespace agnes::extracts
