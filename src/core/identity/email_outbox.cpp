#include "core/identity/email_outbox.h"

#include <fmt/format.h>

#include "lib/base/env.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/request.h"

namespace agnes::identity {

namespace {

using Link = Users::Link;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kSmtpsPort = 465;            // RFC 8314
constexpr std::size_t kAtOnce = 2;         // a relay that hangs for one mail does not hold up all
constexpr std::size_t kMostWaiting = 500;  // anybody can fill the queue: it is bounded
constexpr int kAttempts = 3;
// A quarter of a second, then four, unless the relay says how long.
constexpr milliseconds kFirstWait{250};
constexpr seconds kLongestWait{300};
// Who asked before that, when the server was down since, has given up or asked again.
constexpr std::int64_t kTooOldSeconds = 3600;

mail::Mail mail_of(Link kind, const std::string& email, const std::string& url) {
  switch (kind) {
    case Link::setup:
      return {email, "Set up your account",
              fmt::format("There is an account for you on Agnes. Choose your password here:\n\n{}\n\n"
                          "The link works once, for seven days.\n",
                          url)};
    case Link::reset:
      return {
          email, "Set a new password",
          fmt::format("Somebody, you we hope, asked for a new password for your account on Agnes. Choose it "
                      "here:\n\n{}\n\nThe link works once, for a day. If it was not you, there is nothing to "
                      "do: your password stays as it is.\n",
                      url)};
    case Link::sign_in:
      break;
  }
  return {email, "Your link to sign in",
          fmt::format(
              "Sign in to Agnes by opening this link:\n\n{}\n\nIt works once, for an hour. If you did not "
              "ask for it, there is nothing to do; give it to nobody.\n",
              url)};
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

std::string link_address(const std::string& base, Link kind, const std::string& email,
                         const std::string& secret) {
  const char* page = kind == Link::setup   ? "/auth/password/setup"
                     : kind == Link::reset ? "/auth/password/reset"
                                           : "/auth/email/verify";
  return fmt::format("{}{}?email={}&token={}", base, page, http::percent_encode(email), secret);
}

// As it is kept on disk: no link, and nothing that tells whether there is an account.
struct EmailOutbox::Request {
  Link kind = Link::sign_in;
  std::string email, address;  // of the account; that the request came from
  Timestamp asked;
  // Lists of runs show it, so it does not have the address, for which somebody may have mistyped a password. One for
  // each request: whether another one still waits, which it does for an account only, must not show in the answer's
  // time.
  std::string key() const {
    return md5_hex(fmt::format("{} {} {}", static_cast<int>(kind), to_lower(email), asked.micros))
        .substr(0, 12);
  }
  BOOST_DESCRIBE_CLASS(Request, (), (kind, email, address, asked), (), ())
};

EmailOutbox::EmailOutbox(Users& users, mail::MailSettings settings, app::PublicAddress address,
                         jobs::Service& jobs)
    : users_(users), settings_(std::move(settings)), address_(std::move(address)), jobs_(jobs) {
  jobs_.on_ended([this](const jobs::Run& run) {
    if (run.job != kMailJob) return;
    const std::lock_guard lock(mutex_);
    made_.erase(run.id);
  });
}

jobs::Kind EmailOutbox::kind() {
  return {.name = kMailJob,
          .description = "Sends the links that people asked for",
          .at_once = kAtOnce,
          .most_queued = kMostWaiting,
          .retry = {.attempts = kAttempts,
                    .base = kFirstWait,
                    .cap = kLongestWait,
                    .factor = 16,
                    .wait = [](const std::exception& error) -> std::optional<milliseconds> {
                      const auto* mail = dynamic_cast<const mail::MailError*>(&error);
                      if (mail == nullptr || !mail->temporary()) return std::nullopt;
                      return mail->wait();
                    }},
          .durable = true,
          .work = jobs::work<Request>([this](const jobs::Context& context, const Request& request) {
            work(context, request);
            return jobs::Done();
          })};
}

void EmailOutbox::request(Link kind, const std::string& email, const std::string& address) {
  if (!ready()) {
    log::warn("a link was asked for, and no mail is set up: see docs/access.md");
    return;
  }
  try {
    jobs_.enqueue_typed(kMailJob, Request{kind, email, address, now()});
  } catch (const Error& error) {
    log::error("a link is not sent: {}", error.what());
  }
}

bool EmailOutbox::send(Link kind, const std::string& email, const std::string& url) {
  if (!settings_.usable()) return false;
  try {
    mail::send_mail(settings_, mail_of(kind, email, url), {});
    return true;
  } catch (const std::exception& error) {
    log::error("no mail to {}: {}", email, error.what());
    return false;
  }
}

void EmailOutbox::work(const jobs::Context& context, const Request& request) {
  if (!ready() || agnes::seconds(now()) - agnes::seconds(request.asked) > kTooOldSeconds) return;
  mail::Mail mail;
  {
    const std::lock_guard lock(mutex_);
    if (const auto made = made_.find(context.run_id()); made != made_.end()) mail = made->second;
  }
  if (mail.to.empty()) {
    const auto link = users_.request_link(request.kind, request.email, request.address);
    if (!link) return;
    mail = mail_of(request.kind, link->email,
                   link_address(address_.url(), request.kind, link->email, link->secret));
    const std::lock_guard lock(mutex_);
    made_[context.run_id()] = mail;
  }
  mail::send_mail(settings_, mail, context.stop());
}

mail::MailSettings read_mail_settings(const config::Config& config, const app::PublicAddress& address) {
  const auto settings = config.get<EmailSettings>();
  mail::MailSettings out;
  out.smtp_host = settings.smtp_host;
  out.smtp_port = settings.smtp_port;
  out.smtp_user = settings.smtp_user;
  out.smtp_password = settings.smtp_password;
  if (settings.smtp_use_tls == "implicit" ||
      (is_truthy(settings.smtp_use_tls) && out.smtp_port == kSmtpsPort))
    out.security = mail::MailSettings::Security::tls;
  else if (!is_truthy(settings.smtp_use_tls))
    out.security = mail::MailSettings::Security::none;
  out.sendgrid_key = std::string(trim(settings.sendgrid_key));
  out.sendgrid_url = settings.sendgrid_url;
  out.from_name = settings.from_name;
  out.from_address = out.sendgrid_key.empty() ? settings.smtp_from : settings.from_address;
  if (!out.usable()) return out;

  if (out.from_address.empty()) {
    out.from_address = "noreply@example.com";
    log::warn("mails are sent as {}, which relays refuse: set email.from_address", out.from_address);
  }
  try {
    mail::mail_message(out, {"somebody@example.com", "", ""}, now());
  } catch (const mail::MailError&) {
    throw Error(
        ErrorKind::invalid,
        "email.from_address (or SMTP_FROM) is not an address, or email.from_name has control characters");
  }
  if (!address.known())
    log::warn(
        "mail is set up, but not where people reach this server: set SERVER_URL, or nobody is sent a link");
  if (out.sendgrid_key.empty() && out.security == mail::MailSettings::Security::none &&
      !is_loopback(out.smtp_host))
    log::warn("mails to {} go unencrypted, links and password included: SMTP_USE_TLS is off", out.smtp_host);
  return out;
}

}  // namespace agnes::identity
