#include "lib/mail/mail.h"

#include <algorithm>

#include <fmt/format.h>

#include "lib/base/hash.h"
#include "lib/base/ids.h"
#include "lib/base/text.h"

namespace agnes::mail {

namespace {

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x80; });
}

// A header's text: as it is, or as encoded words of RFC 2047, which hold 75 characters at most.
std::string header_text(std::string_view text, bool quoted) {
  if (escape_control(text) != text || !is_utf8(text))
    throw MailError(false, "a mail's header would hold control characters: it is not sent");
  if (is_ascii(text)) {
    if (!quoted) return std::string(text);
    std::string out = "\"";
    for (const char c : text) out += (c == '"' || c == '\\') ? fmt::format("\\{}", c) : std::string(1, c);
    return out + "\"";
  }
  constexpr std::size_t kPiece = 42;  // bytes, 56 characters of base64
  std::string out;
  while (!text.empty()) {
    auto size = std::min(kPiece, text.size());
    while (size < text.size() && (static_cast<unsigned char>(text[size]) & 0xC0) == 0x80) --size;
    out += fmt::format("{}=?UTF-8?B?{}?=", out.empty() ? "" : "\r\n ", base64(text.substr(0, size)));
    text.remove_prefix(size);
  }
  return out;
}

// "Thu, 02 Jan 2026 03:04:05 +0000"
std::string header_date(Timestamp moment) {
  const std::time_t time = seconds(moment);
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  return fmt::format("{}, {:02} {} {} {:02}:{:02}:{:02} +0000", kDays[parts.tm_wday], parts.tm_mday,
                     kMonths[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

std::string base64_lines(std::string_view text) {
  constexpr std::size_t kLine = 76;
  const auto encoded = base64(text);
  std::string out;
  for (std::size_t i = 0; i < encoded.size(); i += kLine) out += encoded.substr(i, kLine) + "\r\n";
  return out;
}

}  // namespace

void check_address(std::string_view address) {
  const auto at = address.find('@');
  const bool plain = std::all_of(address.begin(), address.end(), [](unsigned char c) {
    return c > ' ' && c < 0x7f &&
           std::string_view("<>()[]\\,;:\"").find(static_cast<char>(c)) == std::string_view::npos;
  });
  if (!plain || at == std::string_view::npos || at == 0 || at + 1 == address.size() || address.size() > 254 ||
      address.find('@', at + 1) != std::string_view::npos)
    throw MailError(false,
                    fmt::format("'{}' is not an address that mail can be sent to", escape_control(address)));
}

std::string mail_message(const MailSettings& settings, const Mail& mail, Timestamp moment) {
  check_address(settings.from_address);
  check_address(mail.to);
  const auto from = settings.from_name.empty() ? settings.from_address
                                               : fmt::format("{} <{}>", header_text(settings.from_name, true),
                                                             settings.from_address);
  constexpr std::size_t kLongestLine = 900;  // RFC 5321 allows 998
  const auto lines = split(mail.text, '\n');
  const bool as_it_is =
      is_ascii(mail.text) && mail.text.find('\r') == std::string::npos &&
      std::all_of(lines.begin(), lines.end(), [&](const auto& line) { return line.size() <= kLongestLine; });
  std::string body;
  if (as_it_is)
    for (const auto& line : lines) body += line + "\r\n";
  else
    body = base64_lines(mail.text);
  return fmt::format(
      "Date: {}\r\n"
      "From: {}\r\n"
      "To: {}\r\n"
      "Subject: {}\r\n"
      "Message-ID: <{}@{}>\r\n"
      "Auto-Submitted: auto-generated\r\n"
      "MIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: {}\r\n"
      "\r\n{}",
      header_date(moment), from, mail.to, header_text(mail.subject, false), uuid4(),
      settings.from_address.substr(settings.from_address.find('@') + 1), as_it_is ? "7bit" : "base64", body);
}

void send_mail(const MailSettings& settings, const Mail& mail, const StopToken& stop) {
  if (!settings.usable())
    throw MailError(false, "no mail is set up: see email.smtp_host and SENDGRID_API_KEY");
  settings.sendgrid_key.empty() ? send_by_smtp(settings, mail, stop) : send_by_sendgrid(settings, mail, stop);
}

}  // namespace agnes::mail
