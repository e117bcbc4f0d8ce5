#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "lib/base/error.h"
#include "lib/base/stop.h"
#include "lib/base/time.h"

// Mail to single people, over the operator's relay or SendGrid's API.
namespace agnes::mail {

// How mail leaves.
struct MailSettings {
  enum class Security { starttls, tls, none };

  std::string smtp_host;  // email.smtp_host, SMTP_HOST; empty: no relay
  int smtp_port = 587;    // email.smtp_port, SMTP_PORT
  // TLS from the first byte on port 465 or with SMTP_USE_TLS=implicit; else STARTTLS, and no mail where the
  // relay does not offer it; SMTP_USE_TLS=false: none.
  Security security = Security::starttls;
  std::string smtp_user, smtp_password;  // email.smtp_user, email.smtp_password; may be empty
  std::string sendgrid_key;              // SENDGRID_API_KEY; goes before a relay
  // SENDGRID_API_URL: https://api.eu.sendgrid.com, say.
  std::string sendgrid_url = "https://api.sendgrid.com";
  std::string from_address;  // SMTP_FROM for a relay, else email.from_address
  std::string from_name;     // email.from_name

  bool usable() const { return !sendgrid_key.empty() || !smtp_host.empty(); }
};

struct Mail {
  std::string to, subject, text;  // `text` in lines that end with \n
};

// The mail was not taken.
class MailError : public Error {
 public:
  // `wait`: how long the other side asked to be left alone.
  MailError(bool temporary, const std::string& message, std::chrono::seconds wait = {})
      : Error(ErrorKind::bad_gateway, message), temporary_(temporary), wait_(wait) {}
  bool temporary() const { return temporary_; }
  std::chrono::seconds wait() const { return wait_; }

 private:
  bool temporary_;
  std::chrono::seconds wait_;
};

// Hands the mail over, in 30 s at most, or throws MailError. `stop` ends it early. Thread-safe.
void send_mail(const MailSettings& settings, const Mail& mail, const StopToken& stop);

// The mail as RFC 5322 has it, lines ended by CRLF. Throws MailError for an address that could be read as
// anything but one address, and for a subject or sender with control characters: nothing can add a header.
std::string mail_message(const MailSettings& settings, const Mail& mail, Timestamp moment);
// Throws MailError as above.
void check_address(std::string_view address);

// Its two ways.
void send_by_smtp(const MailSettings& settings, const Mail& mail, const StopToken& stop);
void send_by_sendgrid(const MailSettings& settings, const Mail& mail, const StopToken& stop);

}  // namespace agnes::mail
