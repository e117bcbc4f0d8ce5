#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "app/config/config.h"
#include "core/identity/users.h"
#include "lib/mail/mail.h"

namespace agnes::identity {

// Sends people the links that lead into their accounts. Thread-safe.
class EmailOutbox {
 public:
  // `users` must outlive it.
  EmailOutbox(Users& users, mail::MailSettings settings);
  // Ends what is being sent; what waits is not sent.
  ~EmailOutbox();
  EmailOutbox(const EmailOutbox&) = delete;
  EmailOutbox& operator=(const EmailOutbox&) = delete;

  const mail::MailSettings& settings() const { return settings_; }
  // Whether links can be sent: there is a way, and it is known where they lead.
  bool ready() const { return settings_.usable() && !settings_.public_url.empty(); }

  // For somebody who is not known: the account of `email`, if there is one that may have such a link, is sent
  // one. Everything happens later on another thread, so neither the answer nor its time tells whether there
  // is. A mail that is not taken for now is tried three times in all.
  void request(Users::Link kind, const std::string& email, const std::string& address);

  // Sends a link that is there, now; false (and why in the log) when that fails.
  bool send(Users::Link kind, const std::string& email, const std::string& url);

 private:
  using Clock = std::chrono::steady_clock;
  struct Task {
    Users::Link kind;
    std::string email, address;
    mail::Mail mail = {};  // once the link is made
    int tries = 0;
  };
  void run();
  void work(Task task);

  Users& users_;
  const mail::MailSettings settings_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::multimap<Clock::time_point, Task> waiting_;  // by when to begin
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> threads_;
};

// Reads configuration and environment; says in the log what makes mail impossible or unsafe. Throws Error
// (`invalid`) for a sender that is no address.
mail::MailSettings read_mail_settings(const config::Config& config);

// The address that such a link has under `base` ("https://agnes.example.com").
std::string link_address(const std::string& base, Users::Link kind, const std::string& email,
                         const std::string& secret);

}  // namespace agnes::identity
