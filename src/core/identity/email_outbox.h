#pragma once

#include <map>
#include <mutex>
#include <string>

#include "app/public_address.h"
#include "core/identity/users.h"
#include "lib/jobs/service.h"
#include "lib/mail/mail.h"

namespace agnes::identity {

struct EmailSettings {
  static constexpr std::string_view kSection = "email";
  std::string from_address, from_name, smtp_host;
  int smtp_port = 587;
  std::string smtp_user, smtp_password;
  std::string smtp_use_tls = "true", smtp_from;
  std::string sendgrid_key, sendgrid_url = "https://api.sendgrid.com";
  static constexpr config::Rule kRules[] = {
      {.member = "from_address", .variable = "EMAIL_FROM_ADDRESS", .help = "Sender of mails"},
      {.member = "from_name", .help = "Sender's name"},
      {.member = "smtp_host", .variable = "SMTP_HOST", .help = "Mail relay"},
      {.member = "smtp_port",
       .variable = "SMTP_PORT",
       .ge = 1,
       .le = 65'535,
       .help = "587 for STARTTLS, 465 for TLS"},
      {.member = "smtp_user", .variable = "SMTP_USER", .help = "Mail relay: user"},
      {.member = "smtp_password",
       .variable = "SMTP_PASSWORD",
       .secret = true,
       .help = "Mail relay: password"},
      {.member = "smtp_use_tls",
       .variable = "SMTP_USE_TLS",
       .variable_only = true,
       .one_of = {"true", "1", "yes", "on", "false", "0", "no", "off", "implicit"},
       .help =
           "false: mail goes to the relay unencrypted; implicit: TLS from the first byte, as on port 465"},
      {.member = "smtp_from",
       .variable = "SMTP_FROM",
       .variable_only = true,
       .same_as = "email.from_address",
       .help = "Sender of mails through the relay; email.from_address when unset"},
      {.member = "sendgrid_key",
       .variable = "SENDGRID_API_KEY",
       .variable_only = true,
       .secret = true,
       .help = "Mails go through SendGrid"},
      {.member = "sendgrid_url",
       .variable = "SENDGRID_API_URL",
       .variable_only = true,
       .help = "SendGrid's address: https://api.eu.sendgrid.com for one"},
  };
};
BOOST_DESCRIBE_STRUCT(EmailSettings, (),
                      (from_address, from_name, smtp_host, smtp_port, smtp_user, smtp_password, smtp_use_tls,
                       smtp_from, sendgrid_key, sendgrid_url))

inline constexpr const char* kMailJob = "mail";

// Sends people the links that lead into their accounts. Thread-safe.
class EmailOutbox {
 public:
  // `users` and `jobs` must outlive it, and `jobs` be stopped before it goes.
  EmailOutbox(Users& users, mail::MailSettings settings, app::PublicAddress address, jobs::Service& jobs);
  EmailOutbox(const EmailOutbox&) = delete;
  EmailOutbox& operator=(const EmailOutbox&) = delete;

  const mail::MailSettings& settings() const { return settings_; }
  // Where links lead.
  const app::PublicAddress& address() const { return address_; }
  // Whether links can be sent: there is a way, and it is known where they lead.
  bool ready() const { return settings_.usable() && address_.known(); }

  // For somebody who is not known: the account of `email`, if there is one that may have such a link, is sent
  // one. Everything happens later, as a run of kMailJob, so neither the answer nor its time tells whether there
  // is. A mail that is refused temporarily is tried three times in all, also after a restart. What is kept on disk is
  // who asked for what: the link is made when the mail is sent, and only in memory until it was.
  void request(Users::Link kind, const std::string& email, const std::string& address);

  // Sends a link that is there, now; false (and why in the log) when that fails.
  bool send(Users::Link kind, const std::string& email, const std::string& url);

  // The background job.
  jobs::Kind kind();

 private:
  struct Request;
  void work(const jobs::Context& context, const Request& request);

  Users& users_;
  const mail::MailSettings settings_;
  const app::PublicAddress address_;
  jobs::Service& jobs_;
  std::mutex mutex_;                        // guards the next
  std::map<std::string, mail::Mail> made_;  // by the id of a run that has not ended
};

// Reads configuration and environment; says in the log what makes mail impossible or unsafe. Throws Error
// (`invalid`) for a sender that is not an address.
mail::MailSettings read_mail_settings(const config::Config& config, const app::PublicAddress& address);

// The address that such a link has under `base` ("https://agnes.example.com").
std::string link_address(const std::string& base, Users::Link kind, const std::string& email,
                         const std::string& secret);

}  // namespace agnes::identity
