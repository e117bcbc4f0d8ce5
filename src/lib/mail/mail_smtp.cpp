#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/http_client/curl_api.h"
#include "lib/mail/mail.h"

namespace agnes::mail {

namespace {

using http_client::curl;

struct Upload {
  std::string_view rest;
  const StopToken* stop;
};

std::size_t hand_out(char* buffer, std::size_t size, std::size_t count, void* self) {
  auto& upload = *static_cast<Upload*>(self);
  const auto piece = upload.rest.substr(0, size * count);
  std::copy(piece.begin(), piece.end(), buffer);
  upload.rest.remove_prefix(piece.size());
  return piece.size();
}

int report_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  return static_cast<const Upload*>(self)->stop->stop_requested() ? 1 : 0;
}

struct Session {
  CURL* handle = curl().easy_init();
  curl_slist* recipients = nullptr;
  ~Session() {
    curl().slist_free_all(recipients);
    curl().easy_cleanup(handle);
  }
};

MailError smtp_error(CURLcode code, long answered, const MailSettings& settings, const char* said) {
  const auto relay = fmt::format("the mail relay {}:{}", settings.smtp_host, settings.smtp_port);
  switch (code) {
    case CURLE_USE_SSL_FAILED:
      return {false, fmt::format("{} does not offer STARTTLS: nothing is sent unencrypted unless "
                                 "SMTP_USE_TLS=false says so",
                                 relay)};
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return {false, fmt::format("cannot trust {}: {}; set SSL_CERT_FILE to the bundle of who signed its "
                                 "certificate",
                                 relay, escape_control(said))};
    case CURLE_LOGIN_DENIED:
      if (answered >= 500 || answered < 400)
        return {false,
                fmt::format("{} refused the sign-in: check email.smtp_user and email.smtp_password", relay)};
      break;
    default:
      break;
  }
  // What the relay said may name the address; curl's own text does not hold secrets.
  const auto reason = *said != '\0' ? std::string(said) : std::string(curl().easy_strerror(code));
  const bool refused = answered >= 500 && answered < 600;
  return {!refused, fmt::format("{} did not take a mail: {}", relay, escape_control(reason))};
}

}  // namespace

void send_by_smtp(const MailSettings& settings, const Mail& mail, const StopToken& stop) {
  const auto message = mail_message(settings, mail, now());
  Session session;
  if (session.handle == nullptr) throw MailError(true, "libcurl cannot start: out of memory");
  Upload upload{message, &stop};
  char said[CURL_ERROR_SIZE] = "";
  const auto set = [&](CURLoption option, auto value) { curl().easy_setopt(session.handle, option, value); };

  const bool bracket = settings.smtp_host.find(':') != std::string::npos && settings.smtp_host[0] != '[';
  const auto url =
      fmt::format("{}://{}:{}", settings.security == MailSettings::Security::tls ? "smtps" : "smtp",
                  bracket ? "[" + settings.smtp_host + "]" : settings.smtp_host, settings.smtp_port);
  const auto sender = "<" + settings.from_address + ">", recipient = "<" + mail.to + ">";
  session.recipients = curl().slist_append(nullptr, recipient.c_str());
  const auto trust = http_client::trusted_certificates();
  set(CURLOPT_URL, url.c_str());
  set(CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  set(CURLOPT_PROXY, "");  // proxies of the environment are for the web
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_ERRORBUFFER, static_cast<char*>(said));
  set(CURLOPT_CONNECTTIMEOUT, 10L);
  set(CURLOPT_TIMEOUT, 30L);
  // All or nothing: a relay, or somebody between, cannot talk us out of TLS.
  if (settings.security != MailSettings::Security::none)
    set(CURLOPT_USE_SSL, static_cast<long>(CURLUSESSL_ALL));
  if (trust.file) set(CURLOPT_CAINFO, trust.file->c_str());
  if (trust.folder) set(CURLOPT_CAPATH, trust.folder->c_str());
  if (!settings.smtp_user.empty()) {
    set(CURLOPT_USERNAME, settings.smtp_user.c_str());
    set(CURLOPT_PASSWORD, settings.smtp_password.c_str());
  }
  set(CURLOPT_MAIL_FROM, sender.c_str());
  set(CURLOPT_MAIL_RCPT, session.recipients);
  set(CURLOPT_UPLOAD, 1L);
  set(CURLOPT_READFUNCTION, &hand_out);
  set(CURLOPT_READDATA, static_cast<void*>(&upload));
  set(CURLOPT_NOPROGRESS, 0L);
  set(CURLOPT_XFERINFOFUNCTION, &report_progress);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(&upload));

  const CURLcode code = curl().easy_perform(session.handle);
  if (code == CURLE_OK) return;
  long answered = 0;
  curl().easy_getinfo(session.handle, CURLINFO_RESPONSE_CODE, &answered);
  throw smtp_error(code, answered, settings, said);
}

}  // namespace agnes::mail
