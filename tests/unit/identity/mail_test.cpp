#include "lib/mail/mail.h"

#include <gtest/gtest.h>

#include "app/config/config.h"
#include "app/config/schema.h"
#include "core/identity/email_outbox.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

namespace agnes::mail {
namespace {

const Timestamp kMoment{1'767'323'045'000'000};  // 2026-01-02 03:04:05, a Friday

MailSettings settings(const std::string& name = "") {
  MailSettings out;
  out.smtp_host = "relay.example.com";
  out.from_address = "agnes@example.com";
  out.from_name = name;
  return out;
}

struct Parts {
  std::vector<std::string> headers;  // folded lines joined
  std::string body;
  std::string header(std::string_view name) const {
    for (const auto& line : headers)
      if (line.starts_with(std::string(name) + ": ")) return line.substr(name.size() + 2);
    return "(none)";
  }
};

Parts parts_of(const std::string& message) {
  const auto end = message.find("\r\n\r\n");
  Parts out;
  for (std::size_t at = 0; at < end;) {
    const auto next = std::min(message.find("\r\n", at), end);
    const auto line = message.substr(at, next - at);
    if (line.starts_with(' ') && !out.headers.empty())
      out.headers.back() += line;
    else
      out.headers.push_back(line);
    at = next + 2;
  }
  out.body = message.substr(end + 4);
  return out;
}

Parts message(const Mail& mail, const std::string& from_name = "") {
  return parts_of(mail_message(settings(from_name), mail, kMoment));
}

bool is_refused(const MailSettings& from, const Mail& mail) {
  try {
    mail_message(from, mail, kMoment);
    return false;
  } catch (const MailError& error) {
    EXPECT_FALSE(error.temporary());
    EXPECT_EQ(escape_control(error.what()), error.what()) << "fit for a log";
    return true;
  }
}

// What an encoded header says (RFC 2047).
std::string decoded(const std::string& header) {
  std::string out;
  for (const auto& word : split(header, ' ')) {
    EXPECT_TRUE(word.starts_with("=?UTF-8?B?") && word.ends_with("?=")) << word;
    EXPECT_LE(word.size(), 75u);
    const auto piece = from_base64(word.substr(10, word.size() - 12)).value_or("?");
    EXPECT_TRUE(is_utf8(piece)) << "no character is torn";
    out += piece;
  }
  return out;
}

TEST(MailMessage, SaysWhatAMailHasToSay) {
  const auto parts = message({"ana@example.com", "Hello", "one\ntwo\n"}, "Agnes \"the\" Analyst");
  EXPECT_EQ(parts.header("Date"), "Fri, 02 Jan 2026 03:04:05 +0000");
  EXPECT_EQ(parts.header("From"), R"("Agnes \"the\" Analyst" <agnes@example.com>)");
  EXPECT_EQ(parts.header("To"), "ana@example.com");
  EXPECT_EQ(parts.header("Subject"), "Hello");
  EXPECT_EQ(parts.header("Auto-Submitted"), "auto-generated");
  EXPECT_EQ(parts.header("Content-Type"), "text/plain; charset=utf-8");
  EXPECT_EQ(parts.header("Content-Transfer-Encoding"), "7bit");
  const auto id = parts.header("Message-ID");
  EXPECT_TRUE(id.starts_with("<") && id.ends_with("@example.com>")) << id;
  EXPECT_NE(id, message({"ana@example.com", "Hello", ""}).header("Message-ID"));
  EXPECT_EQ(parts.body, "one\r\ntwo\r\n\r\n");
}

TEST(MailMessage, EncodesWhatIsNoPlainText) {
  const std::string long_subject = "Příliš žluťoučký kůň úpěl ďábelské ódy, \xf0\x9f\x90\x8e a zase znovu";
  const auto parts = message({"ana@example.com", long_subject, "Straße\n"}, "Agnès");
  EXPECT_EQ(decoded(parts.header("Subject")), long_subject);
  EXPECT_EQ(decoded(split(parts.header("From"), ' ').front()), "Agnès");
  EXPECT_TRUE(parts.header("From").ends_with(" <agnes@example.com>"));
  EXPECT_EQ(parts.header("Content-Transfer-Encoding"), "base64");
  EXPECT_EQ(from_base64(trim(parts.body)), "Straße\n");
  // A line that is longer than SMTP allows, or a line end of its own making, is encoded, too.
  for (const std::string& text : {std::string(1000, 'x'), std::string("a\rb"), std::string("a\r\n.\r\nb")}) {
    const auto encoded = message({"ana@example.com", "s", text});
    EXPECT_EQ(encoded.header("Content-Transfer-Encoding"), "base64");
    std::string joined;
    for (const auto& line : split(encoded.body, '\n')) {
      EXPECT_LE(line.size(), 77u);
      joined += trim(line);
    }
    EXPECT_EQ(from_base64(joined), text);
  }
}

TEST(MailMessage, NothingAddsAHeaderOrARecipient) {
  for (const std::string& bad :
       {std::string("a@example.com\r\nBcc: evil@example.com"),
        std::string("a@example.com\nBcc: e@example.com"), std::string("a@example.com\rX: y"),
        std::string("a@example.com,evil@example.com"), std::string("a@example.com evil@example.com"),
        std::string("a@example.com>,<evil@example.com"), std::string("<a@example.com>"),
        std::string("a@example.com;b"), std::string("\"a\r\n\"@example.com"), std::string("a@b@example.com"),
        std::string("a@example.com\0b", 15), std::string("a"), std::string("@example.com"), std::string("a@"),
        std::string(""), std::string("(x)a@example.com"), std::string("\xd0\xb0na@example.com"),
        std::string(250, 'a') + "@example.com"}) {
    EXPECT_TRUE(is_refused(settings(), {bad, "s", "t"})) << escape_control(bad);
    auto from = settings();
    from.from_address = bad;
    EXPECT_TRUE(is_refused(from, {"a@example.com", "s", "t"})) << escape_control(bad);
  }
  for (const char* bad :
       {"s\r\nBcc: evil@example.com", "s\nX: y", "s\r", "s\t", "s\x7f", "\xff\xfe", "ä\r\nX: y"}) {
    EXPECT_TRUE(is_refused(settings(), {"a@example.com", bad, "t"})) << escape_control(bad);
    EXPECT_TRUE(is_refused(settings(bad), {"a@example.com", "s", "t"})) << escape_control(bad);
  }
  // What looks like an encoded word or like more headers stays text.
  const auto parts =
      message({"a@example.com", "s", "\r\n\r\nBcc: evil@example.com\n"}, "a\\\" <evil@example.com>, b");
  EXPECT_EQ(parts.header("Bcc"), "(none)");
  EXPECT_EQ(parts.header("From"), R"("a\\\" <evil@example.com>, b" <agnes@example.com>)");
}

TEST(MailSettingsTest, ChooseHowTheRelayIsSpokenTo) {
  config::Schema schema;
  schema.add<identity::EmailSettings>();
  config::use(std::move(schema));
  const TemporaryFolder folder(fs::temp_directory_path());
  const auto security = [&](const char* port, const char* use_tls) {
    ::setenv("SMTP_HOST", "relay.example.com", 1);
    ::setenv("SMTP_FROM", "agnes@example.com", 1);
    ::setenv("SMTP_PORT", port, 1);
    ::setenv("SMTP_USE_TLS", use_tls, 1);
    const auto out =
        identity::read_mail_settings(config::Config::read({folder.path(), folder.path(), folder.path()}),
                                     app::PublicAddress("https://agnes.example.com"));
    for (const char* name : {"SMTP_HOST", "SMTP_FROM", "SMTP_PORT", "SMTP_USE_TLS"}) ::unsetenv(name);
    return out.security;
  };
  using Security = MailSettings::Security;
  EXPECT_EQ(security("587", ""), Security::starttls);
  EXPECT_EQ(security("587", "true"), Security::starttls);
  EXPECT_EQ(security("25", "1"), Security::starttls);
  EXPECT_EQ(security("465", ""), Security::tls);
  EXPECT_EQ(security("465", "True"), Security::tls);
  EXPECT_EQ(security("2465", "implicit"), Security::tls);
  EXPECT_EQ(security("465", "implicit"), Security::tls);
  EXPECT_EQ(security("587", "false"), Security::none);
  EXPECT_EQ(security("465", "false"), Security::none);
}

}  // namespace
}  // namespace agnes::mail
