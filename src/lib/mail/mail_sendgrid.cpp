#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <fmt/format.h>

#include "lib/base/text.h"
#include "lib/http_client/client.h"
#include "lib/mail/mail.h"

// SendGrid's v3 API: POST /v3/mail/send, 202 when it is taken.
namespace agnes::mail {

namespace {

// {"errors": [{"message": ...}]}; its text is untrusted.
std::string said_by(const http_client::Response& answer) {
  try {
    const auto first = answer.json().at("errors").at(0).at("message").as_string();
    return escape_control(std::string_view(first).substr(0, 200));
  } catch (const std::exception&) {
    return "no reason given";
  }
}

}  // namespace

void send_by_sendgrid(const MailSettings& settings, const Mail& mail, const StopToken& stop) {
  check_address(settings.from_address);
  check_address(mail.to);
  if (escape_control(mail.subject) != mail.subject)
    throw MailError(false, "a mail's header would hold control characters: it is not sent");
  using boost::json::array;
  using boost::json::object;
  object from;
  from["email"] = settings.from_address;
  if (!settings.from_name.empty()) from["name"] = settings.from_name;
  object to, personalization, content, clicks, opens, tracking, body;
  to["email"] = mail.to;
  personalization["to"] = array(1, std::move(to));
  content["type"] = "text/plain";
  content["value"] = mail.text;
  // Otherwise links lead through SendGrid, which would then hold them.
  clicks["enable"] = clicks["enable_text"] = opens["enable"] = false;
  tracking["click_tracking"] = std::move(clicks);
  tracking["open_tracking"] = std::move(opens);
  body["personalizations"] = array(1, std::move(personalization));
  body["from"] = std::move(from);
  body["subject"] = mail.subject;
  body["content"] = array(1, std::move(content));
  body["tracking_settings"] = std::move(tracking);
  http_client::Response answer;
  try {
    http_client::Client client({.server = settings.sendgrid_url,
                                .token = settings.sendgrid_key,
                                .user_agent = "agnes-server/" AGNES_VERSION,
                                .cancelled = stop});
    answer = client.send_json("POST", "/v3/mail/send", body);
  } catch (const http_client::TransportError& error) {
    throw MailError(error.cause() != http_client::TransportError::Cause::untrusted, error.what());
  } catch (const Error& error) {
    throw MailError(false, error.what());
  }
  if (answer.ok()) return;
  if (answer.status == 401 || answer.status == 403)
    throw MailError(false, fmt::format("SendGrid refused the key (HTTP {}): check SENDGRID_API_KEY and its "
                                       "permission to send mail",
                                       answer.status));
  const auto asked = answer.header("retry-after");
  const auto wait =
      std::chrono::seconds(std::max<std::int64_t>(0, asked ? parse_int(*asked).value_or(0) : 0));
  throw MailError(answer.status == 429 || answer.status >= 500,
                  fmt::format("SendGrid did not take a mail (HTTP {}): {}", answer.status, said_by(answer)),
                  wait);
}

}  // namespace agnes::mail
