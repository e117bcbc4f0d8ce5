#include "core/auth/google.h"

#include <algorithm>
#include <atomic>

#include <fmt/format.h>

#include "core/auth/oidc_attempt.h"
#include "core/auth/oidc_provider.h"
#include "core/auth/sign_in.h"
#include "core/identity/users.h"
#include "lib/base/error.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/addresses.h"
#include "lib/http_client/client.h"

namespace agnes::auth::google {

namespace {

using http::Auth;
using http::Request;
using http::Response;

constexpr std::string_view kGoogle = "https://accounts.google.com";
constexpr std::string_view kCookie = "google_sign_in";
constexpr std::string_view kCookiePath = "/auth/google";
constexpr const char* kCallback = "/auth/google/callback";
constexpr std::string_view kScopes = "openid email profile";
constexpr std::string_view kGroupsScope = "https://www.googleapis.com/auth/cloud-identity.groups.readonly";
// Of one address: there is nothing to guess here, and a whole office may share one.
constexpr identity::Rate kTries{60, 60};
constexpr int kMostAtOnce = 8;  // each holds a thread while Google is asked
constexpr std::size_t kLongestCode = 4096, kLongestName = 200;

// Why somebody does not get in: `code` is for the sign-in page, what() for the log.
class Denied : public Error {
 public:
  Denied(const char* code, const std::string& why) : Error(ErrorKind::unauthenticated, why), code_(code) {}
  const char* code() const { return code_; }

 private:
  const char* code_;
};

std::vector<std::string> domains_of(const std::string& text) {
  std::vector<std::string> out;
  for (const auto& part : split(text, ',')) {
    auto domain = to_lower(trim(part));
    if (domain.starts_with('@')) domain.erase(0, 1);
    if (!domain.empty()) out.push_back(std::move(domain));
  }
  return out;
}

// Of a parameter that stands there twice, programs on the way may have looked at the other one.
std::string only_query(const Request& request, std::string_view name) {
  auto values = request.query_all(name);
  if (values.size() > 1) throw Denied("oauth_failed", fmt::format("the callback has two '{}'", name));
  return values.empty() ? std::string() : std::move(values.front());
}

class SignIn {
 public:
  SignIn(identity::Identity& identity, GoogleSettings settings)
      : access_(identity),
        settings_(std::move(settings)),
        provider_(settings_.issuer),
        attempts_(identity.settings().jwt_secret, "google") {
    if (settings_.issuer == kGoogle)
      issuers_ = {std::string(kGoogle), "accounts.google.com"};  // Google's tokens may carry either
    else
      issuers_ = {settings_.issuer};
    scopes_ = kScopes;
    if (asks_for_consent()) (scopes_ += ' ') += kGroupsScope;
    if (settings_.allowed_domains.empty())
      log::warn("everybody with a Google account may sign in: name your domains in auth.allowed_domain");
  }

  Response login(const Request& request) {
    return guarded(request, [&] {
      const auto next = request.query("next").value_or("");
      const auto attempt = attempts_.begin(is_own_path(next) ? next : "", seconds(now()));
      http_client::Params params{{"response_type", "code"},
                                 {"client_id", settings_.client_id},
                                 {"redirect_uri", redirect_uri(request)},
                                 {"scope", scopes_},
                                 {"state", attempt.state},
                                 {"nonce", attempts_.nonce(attempt)},
                                 {"code_challenge", attempts_.challenge(attempt)},
                                 {"code_challenge_method", "S256"}};
      // A hint, so that Google offers the right one of several accounts; the check comes afterwards.
      if (settings_.allowed_domains.size() == 1) params.emplace_back("hd", settings_.allowed_domains.front());
      auto response =
          Response::redirect(http_client::with_params(provider_.discover().authorization_endpoint, params));
      response.cookie(cookie(request, attempts_.seal(attempt), oidc::Attempts::kLifetime));
      return response;
    });
  }

  Response callback(const Request& request) {
    auto response = guarded(request, [&] {
      const auto attempt = finished_attempt(request);
      const auto user = authenticate(request, attempt);
      auto done =
          Response::redirect(is_own_path(attempt.next) ? attempt.next : access_.settings().home_route);
      done.cookie(session_cookie(access_, request, user));
      return done;
    });
    // Who is told to come back later has not used it up yet.
    if (response.status < 400) response.cookie(cookie(request, "", 0));
    return response;
  }

 private:
  // Runs `work` within the limits. Whatever goes wrong leads back to the sign-in page.
  template <class Work>
  Response guarded(const Request& request, Work&& work) {
    identity::refuse_embedded(request);
    if (auto refused =
            over_limit(access_, request, "google " + http::address_key(request.client_address()), kTries))
      return *std::move(refused);
    struct Slot {
      std::atomic<int>& count;
      bool ok;
      explicit Slot(std::atomic<int>& c) : count(c), ok(c.fetch_add(1) < kMostAtOnce) {}
      ~Slot() { count.fetch_sub(1); }
    } const slot(at_once_);
    if (!slot.ok) return come_back(request, 503, "Too many people sign in right now: try again", 1);
    try {
      auto response = work();
      response.header("Cache-Control", "no-store");
      return response;
    } catch (const Denied& denied) {
      log::info("a sign-in with Google was refused: {}", denied.what());
      return failed(denied.code());
    } catch (const Error& error) {
      log::warn("a sign-in with Google failed: {}", error.what());
      return failed("oauth_failed");
    }
  }

  static Response failed(std::string_view code) {
    auto response = Response::redirect(fmt::format("/login?error={}", code), 307);
    response.header("Cache-Control", "no-store");
    return response;
  }

  Response::Cookie cookie(const Request& request, std::string value, std::int64_t max_age) const {
    return {.name = std::string(kCookie),
            .value = std::move(value),
            .max_age = max_age,
            .path = std::string(kCookiePath),
            .same_site = "lax",
            .http_only = true,
            .secure = access_.settings().address.secure(request)};
  }

  // As it is registered with Google, which refuses any other.
  std::string redirect_uri(const Request& request) const {
    return access_.settings().address.for_request(request) + kCallback;
  }

  // The attempt of this browser that the provider has sent back, which ends with this.
  oidc::Attempt finished_attempt(const Request& request) {
    const auto moment = seconds(now());
    const auto state = only_query(request, "state");
    const auto attempt = attempts_.open(request.cookie(kCookie), moment);
    if (!attempt)
      throw Denied("oauth_failed", "this browser has not begun one, or more than ten minutes ago");
    if (state.empty() || !constant_time_equal(state, attempt->state))
      throw Denied("oauth_failed", "it is not the one that this browser began");
    if (!attempts_.use(*attempt, moment)) throw Denied("oauth_failed", "it was used before");
    // RFC 9207: an answer of another provider than the one that was asked.
    if (const auto issuer = only_query(request, "iss"); !issuer.empty() && !is_issuer(issuer))
      throw Denied("oauth_failed", "another provider answered");
    if (const auto error = only_query(request, "error"); !error.empty())
      throw Denied("oauth_failed", fmt::format("Google says '{}'", escape_control(error.substr(0, 60))));
    return *attempt;
  }

  bool asks_for_consent() const { return settings_.reads_groups && !settings_.directory; }

  bool is_issuer(const std::string& issuer) const {
    return std::find(issuers_.begin(), issuers_.end(), issuer) != issuers_.end();
  }

  identity::User authenticate(const Request& request, const oidc::Attempt& attempt) {
    const auto code = only_query(request, "code");
    if (code.empty() || code.size() > kLongestCode) throw Denied("oauth_failed", "the callback has no code");
    const auto tokens = provider_.exchange({settings_.client_id, settings_.client_secret}, code,
                                           redirect_uri(request), attempts_.verifier(attempt), scopes_);
    const auto identity = verified(tokens, attempt);
    check_identity(identity);
    const auto email = to_lower(identity.email);
    const auto groups = groups_of(tokens, email);
    const auto user = account(email, identity.name, request.client_address());
    try {
      if (!user.active) throw Denied("deactivated", fmt::format("the account of {} is deactivated", email));
      if (groups) admit(user, *groups, request.client_address());
    } catch (const Denied& denied) {
      note(user, request.client_address(), "login_failed", denied.code());
      throw;
    }
    access_.users().claim(user);
    note(user, request.client_address(), "google_login", "");
    return user;
  }

  jose::IdToken verified(const oidc::Tokens& tokens, const oidc::Attempt& attempt) {
    try {
      return provider_.verify(tokens.id_token, {.issuers = issuers_,
                                                .client_id = settings_.client_id,
                                                .nonce = attempts_.nonce(attempt),
                                                .now = seconds(now())});
    } catch (const jose::Refused& refused) {
      throw Denied("oauth_failed", fmt::format("the ID token is refused: {}", refused.what()));
    }
  }

  void check_identity(const jose::IdToken& identity) const {
    if (identity.email.empty() || !identity::problem_with_email(identity.email).empty())
      throw Denied("no_email", "the account has no usable email address");
    if (!identity.email_verified)
      throw Denied("email_not_verified", fmt::format("the address {} is not verified", identity.email));
    // These belong to the server itself.
    if (iequals(identity.email, identity::kSchedulerEmail) ||
        (access_.settings().local_dev && iequals(identity.email, access_.settings().local_dev_email)))
      throw Denied("oauth_failed", fmt::format("{} is not a person's account", identity.email));
    const auto& allowed = settings_.allowed_domains;
    if (allowed.empty()) return;
    const auto is_allowed = [&](std::string_view domain) {
      return std::find(allowed.begin(), allowed.end(), to_lower(domain)) != allowed.end();
    };
    const auto domain = to_lower(identity.email.substr(identity.email.find('@') + 1));
    if (!is_allowed(domain))
      throw Denied("domain_not_allowed", fmt::format("{} is not in auth.allowed_domain", identity.email));
    // Without an organisation it is a private account that somebody has opened with a company's address,
    // perhaps long ago: only for its own addresses does Google vouch then.
    if (identity.hosted_domain.empty() && domain != "gmail.com")
      throw Denied("domain_not_allowed",
                   fmt::format("{} is a private Google account: no organisation owns it", identity.email));
    if (!identity.hosted_domain.empty() && !is_allowed(identity.hosted_domain))
      throw Denied("domain_not_allowed",
                   fmt::format("{} belongs to the organisation {}, which is not in auth.allowed_domain",
                               identity.email, identity.hosted_domain));
  }

  // Nothing when they cannot be read: then everything stays as it was, and nobody is locked out.
  std::optional<std::vector<std::string>> groups_of(const oidc::Tokens& tokens,
                                                    const std::string& email) const {
    if (!settings_.reads_groups) return std::nullopt;
    // This is the user's choice and no fault: whoever hides their groups could keep those that they have
    // left.
    if (asks_for_consent() &&
        std::find(tokens.scopes.begin(), tokens.scopes.end(), kGroupsScope) == tokens.scopes.end())
      throw Denied("groups_not_shared", fmt::format("{} did not let Agnes see their groups", email));
    try {
      return settings_.directory ? settings_.directory->groups_of(email)
                                 : read_groups(settings_.groups_api, tokens.access_token, email);
    } catch (const Error& error) {
      log::warn("the Google groups of {} cannot be read, their memberships stay as they are: {}", email,
                error.what());
      return std::nullopt;
    }
  }

  void admit(const identity::User& user, const std::vector<std::string>& groups, const std::string& address) {
    const auto relevant = relevant_groups(groups, settings_.rules);
    // Before the door: who is in none any more loses what these groups gave, also for sessions and tokens of
    // before.
    try {
      sync_groups(access_.directory(), user, relevant, settings_.rules, address);
    } catch (const std::exception& error) {
      log::warn("the Google groups of {} cannot be stored, their memberships stay as they are: {}",
                user.email, error.what());
    }
    if (!settings_.rules.prefix.empty() && relevant.empty())
      throw Denied("not_in_allowed_group", fmt::format("{} is in no group that begins with '{}'", user.email,
                                                       settings_.rules.prefix));
  }

  std::optional<identity::User> find(const std::string& email) const {
    return access_.directory().read([&](const identity::Tables& tables) {
      const auto* user = tables.user_by_email(email);
      return user != nullptr ? std::optional(*user) : std::nullopt;
    });
  }

  identity::User account(const std::string& email, const std::string& name, const std::string& address) {
    if (auto user = find(email)) return *user;
    auto shown = std::string(trim(escape_control(name)));
    if (shown.size() > kLongestName || !is_utf8(shown)) shown = email;
    try {
      return access_.users().create(identity::Actor{.id = {}, .email = {}, .address = address}, email, shown);
    } catch (const Error& error) {
      // Their other browser was quicker.
      if (error.kind() != ErrorKind::conflict) throw;
      if (auto user = find(email)) return *user;
      throw;
    }
  }

  void note(const identity::User& user, const std::string& address, const char* action, const char* result) {
    try {
      access_.directory().store().write([&](state::Tx& tx) {
        state::record(tx, {user.id, user.email, address}, action, "auth", {{"provider", "google"}}, result);
      });
    } catch (const std::exception& error) {
      log::error("a sign-in could not be audited: {}", error.what());
    }
  }

  identity::Identity& access_;
  const GoogleSettings settings_;
  oidc::Provider provider_;
  oidc::Attempts attempts_;
  std::vector<std::string> issuers_;
  std::string scopes_;
  std::atomic<int> at_once_ = 0;
};

}  // namespace

GoogleSettings read_settings(const config::Config& config) {
  const auto given = config.get<GoogleSignInSettings>();
  GoogleSettings settings{.client_id = given.google_client_id,
                          .client_secret = given.google_client_secret,
                          .issuer = given.google_issuer,
                          .groups_api = given.google_groups_api,
                          .allowed_domains = domains_of(given.allowed_domain),
                          .reads_groups = false,
                          .directory = make_directory(given),
                          .rules = group_rules(config.get<identity::GroupSettings>())};
  while (settings.groups_api.ends_with('/')) settings.groups_api.pop_back();
  const auto& rules = settings.rules;
  settings.reads_groups = settings.directory || given.google_groups || !rules.prefix.empty() ||
                          !rules.admin_email.empty() || !rules.everyone_email.empty();
  return settings;
}

bool is_configured(const config::Config& config) {
  const auto given = config.get<GoogleSignInSettings>();
  return !given.google_client_id.empty() && !given.google_client_secret.empty();
}

void add_routes(http::Routes& routes, identity::Identity& identity, const config::Config& config) {
  const auto sign_in =
      is_configured(config) ? std::make_shared<SignIn>(identity, read_settings(config)) : nullptr;
  const auto route = [&](const char* path, const char* summary, Response (SignIn::*answer)(const Request&)) {
    routes.get(path,
               {.auth = Auth::none,
                .tag = "auth",
                .summary = summary,  // asks the provider
                .answer_type = "text/html"},
               [sign_in, answer](const Request& request) {
                 return sign_in ? ((*sign_in).*answer)(request)
                                : Response::redirect("/login?error=google_not_configured", 307);
               });
  };
  route("/auth/google/login", "Sign in with Google", &SignIn::login);
  route(kCallback, "Where Google sends the browser back to", &SignIn::callback);
}

}  // namespace agnes::auth::google
