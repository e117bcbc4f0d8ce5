#include "core/identity/email_outbox.h"

#include <fmt/format.h>

#include "lib/base/env.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/request.h"

namespace agnes::identity {

namespace {

using Link = Users::Link;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kSmtpsPort = 465;            // RFC 8314
constexpr int kThreads = 2;                // a relay that hangs for one mail does not hold up all
constexpr std::size_t kMostWaiting = 500;  // strangers fill it: it must not grow with their zeal
constexpr int kTries = 3;
constexpr seconds kLongestWait{300};

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

EmailOutbox::EmailOutbox(Users& users, mail::MailSettings settings, app::PublicAddress address)
    : users_(users), settings_(std::move(settings)), address_(std::move(address)) {
  if (!ready()) return;
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this] { run(); });
}

EmailOutbox::~EmailOutbox() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (auto& thread : threads_) thread.join();
  if (!waiting_.empty()) log::warn("{} mails were waiting and are not sent", waiting_.size());
}

void EmailOutbox::request(Link kind, const std::string& email, const std::string& address) {
  if (!ready()) {
    log::warn("a link was asked for, and no mail is set up: see docs/access.md");
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMostWaiting) {
      log::error("{} mails wait already: one more is not sent", waiting_.size());
      return;
    }
    waiting_.emplace(Clock::now(), Task{kind, email, address});
  }
  wake_.notify_one();
}

bool EmailOutbox::send(Link kind, const std::string& email, const std::string& url) {
  if (!settings_.usable()) return false;
  try {
    mail::send_mail(settings_, mail_of(kind, email, url), stopping_);
    return true;
  } catch (const std::exception& error) {
    log::error("no mail to {}: {}", email, error.what());
    return false;
  }
}

void EmailOutbox::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      wake_.wait(lock);
    } else if (const auto due = waiting_.begin()->first; due > Clock::now()) {
      wake_.wait_until(lock, due);
    } else {
      Task task = std::move(waiting_.begin()->second);
      waiting_.erase(waiting_.begin());
      lock.unlock();
      try {
        work(std::move(task));
      } catch (const std::exception& error) {
        log::error("a link could not be sent: {}", error.what());
      }
      lock.lock();
    }
  }
}

void EmailOutbox::work(Task task) {
  if (task.mail.to.empty()) {
    const auto link = users_.request_link(task.kind, task.email, task.address);
    if (!link) return;
    task.mail =
        mail_of(task.kind, link->email, link_address(address_.url(), task.kind, link->email, link->secret));
  }
  ++task.tries;
  try {
    mail::send_mail(settings_, task.mail, stopping_);
  } catch (const mail::MailError& error) {
    if (stopping_) return;
    const bool again = error.temporary() && task.tries < kTries;
    log::error("no mail to {}{}: {}", task.mail.to, again ? " yet" : "", error.what());
    if (!again) return;
    // A quarter of a second, then four, unless we were told how long.
    const auto wait = error.wait() > seconds(0) ? milliseconds(std::min(error.wait(), kLongestWait))
                                                : milliseconds(task.tries == 1 ? 250 : 4000);
    {
      const std::lock_guard lock(mutex_);
      waiting_.emplace(Clock::now() + wait, std::move(task));
    }
    wake_.notify_one();
  }
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
    throw Error(ErrorKind::invalid,
                "email.from_address (or SMTP_FROM) is no address, or email.from_name has control characters");
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
