#pragma once

#include <map>
#include <mutex>
#include <string>

#include "app/config/config.h"
#include "core/identity/users.h"
#include "lib/jobs/service.h"
#include "lib/mail/mail.h"

namespace agnes::identity {

inline constexpr const char* kMailJob = "mail";

// Sends people the links that lead into their accounts. Thread-safe.
class EmailOutbox {
 public:
  // `users` and `jobs` must outlive it, and `jobs` be stopped before it goes.
  EmailOutbox(Users& users, mail::MailSettings settings, jobs::Service& jobs);
  EmailOutbox(const EmailOutbox&) = delete;
  EmailOutbox& operator=(const EmailOutbox&) = delete;

  const mail::MailSettings& settings() const { return settings_; }
  // Whether links can be sent: there is a way, and it is known where they lead.
  bool ready() const { return settings_.usable() && !settings_.public_url.empty(); }

  // For somebody who is not known: the account of `email`, if there is one that may have such a link, is sent
  // one. Everything happens later, as a run of kMailJob, so neither the answer nor its time tells whether there
  // is. A mail that is not taken for now is tried three times in all, also after a restart. What is kept on disk is
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
  jobs::Service& jobs_;
  std::mutex mutex_;                        // guards the next
  std::map<std::string, mail::Mail> made_;  // by the id of a run that has not ended
};

// Reads configuration and environment; says in the log what makes mail impossible or unsafe. Throws Error
// (`invalid`) for a sender that is no address.
mail::MailSettings read_mail_settings(const config::Config& config);

// The address that such a link has under `base` ("https://agnes.example.com").
std::string link_address(const std::string& base, Users::Link kind, const std::string& email,
                         const std::string& secret);

}  // namespace agnes::identity
