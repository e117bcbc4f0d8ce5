// Where credentials come from: key files, gcloud's file, the metadata server.
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include "lib/base/env.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/google/answer.h"
#include "lib/google/credentials.h"
#include "lib/http_client/call.h"
#include "lib/jose/signing_key.h"

namespace agnes::google {

namespace {

constexpr const char* kKeyFile = "service_account";
constexpr const char* kPersonsFile = "authorized_user";
constexpr std::string_view kMetadataHost = "metadata.google.internal";
constexpr std::string_view kMetadataPath = "/computeMetadata/v1/instance/service-accounts/default/";
constexpr std::chrono::seconds kMetadataTimeout{3};  // it is on the same machine

struct CredentialsFile {
  std::string type;
  // service_account
  std::string client_email, private_key, private_key_id, token_uri;
  // authorized_user
  std::string client_id, client_secret, refresh_token;
  static constexpr json::Rule rules[] = {{.field = "*", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(CredentialsFile, (),
                      (type, client_email, private_key, private_key_id, token_uri, client_id, client_secret,
                       refresh_token))

class KeyFile : public Credentials {
 public:
  KeyFile(const CredentialsFile& file, Services services)
      : Credentials(std::move(services)),
        email_(file.client_email),
        key_id_(file.private_key_id),
        token_url_(file.token_uri.empty() ? services_.token_url : file.token_uri),
        key_(file.private_key) {
    if (email_.empty()) throw Error(ErrorKind::bad_request, "it names no client_email");
    if (!http_client::may_carry_secrets(token_url_))
      throw Error(ErrorKind::bad_request, "its token_uri is not an https address");
  }

  std::string account() override { return email_; }
  const std::string& token_url() const override { return token_url_; }

  std::string sign_jwt(const boost::json::object& claims, const std::string& account) override {
    if (account != email_) return Credentials::sign_jwt(claims, account);
    boost::json::object header{{"alg", "RS256"}, {"typ", "JWT"}};
    if (!key_id_.empty()) header["kid"] = key_id_;
    const auto text =
        base64url(boost::json::serialize(header)) + "." + base64url(boost::json::serialize(claims));
    return text + "." + base64url(key_.sign(text));
  }

 private:
  Token fetch(const std::string& scopes) override { return bearer_grant(*this, email_, "", scopes); }

  const std::string email_, key_id_, token_url_;
  const jose::SigningKey key_;
};

// A person's, for development. Its scopes were fixed when they signed in.
class Person : public Credentials {
 public:
  Person(CredentialsFile file, Services services) : Credentials(std::move(services)), file_(std::move(file)) {
    if (file_.client_id.empty() || file_.client_secret.empty() || file_.refresh_token.empty())
      throw Error(ErrorKind::bad_request, "client_id, client_secret or refresh_token is missing");
  }

  std::string account() override {
    throw NoCredentials("a person has signed in with gcloud; a service account is needed here");
  }

 private:
  Token fetch(const std::string&) override {
    constexpr std::string_view kWhat = "token for the person that signed in with gcloud";
    return token_of(ask(services_.token_url,
                        http_client::form_request({{"grant_type", "refresh_token"},
                                                   {"client_id", file_.client_id},
                                                   {"client_secret", file_.client_secret},
                                                   {"refresh_token", file_.refresh_token}}),
                        kWhat),
                    kWhat);
  }

  const CredentialsFile file_;
};

class Machine : public Credentials {
 public:
  explicit Machine(Services services)
      : Credentials(std::move(services)),
        server_(fmt::format("http://{}", env_or("GCE_METADATA_HOST", kMetadataHost))) {}

  std::string account() override {
    std::lock_guard lock(email_mutex_);
    if (email_.empty()) email_ = trim(get("email").body);
    return email_;
  }

 private:
  Token fetch(const std::string& scopes) override {
    const auto list = join(split(scopes, ' '), ",");
    return token_of(get(http_client::with_params("token", {{"scopes", list}})),
                    "token for this machine's service account");
  }

  http_client::Response get(const std::string& what) const {
    http_client::Request request;
    request.headers = {{"Metadata-Flavor", "Google"}};
    try {
      auto response = http_client::call(fmt::format("{}{}{}", server_, kMetadataPath, what), request,
                                        {.timeout = kMetadataTimeout, .direct = true});
      // What else answers at that name, a captive portal say, does not set it.
      if (response.header("metadata-flavor") != "Google")
        throw NoCredentials(fmt::format("{} is not a metadata server of Google's", server_));
      if (response.status == 404)
        throw NoCredentials(
            "this machine has no service account: attach one, or set "
            "GOOGLE_APPLICATION_CREDENTIALS to the key file of one");
      if (response.status != 200)
        throw Error(ErrorKind::bad_gateway, fmt::format("the metadata server answered {}", response.status));
      return response;
    } catch (const http_client::TransportError& error) {
      throw NoCredentials(fmt::format(
          "no Google credentials: set GOOGLE_APPLICATION_CREDENTIALS to the key file of a service "
          "account (this machine has none: {})",
          error.what()));
    }
  }

  const std::string server_;
  std::mutex email_mutex_;
  std::string email_;
};

std::optional<fs::path> file_of_gcloud() {
  const auto folder = env("CLOUDSDK_CONFIG");
  const auto home = env("HOME");
  if (!folder && !home) return std::nullopt;
  auto file = (folder ? fs::path(*folder) : fs::path(*home) / ".config" / "gcloud") /
              "application_default_credentials.json";
  std::error_code ignored;
  return fs::exists(file, ignored) ? std::optional(file) : std::nullopt;
}

}  // namespace

CredentialsPtr file_credentials(const std::filesystem::path& file, Services services) {
  const auto unusable = [&](const std::string& why) {
    return NoCredentials(fmt::format("the Google credentials {} cannot be used: {}", file.string(), why));
  };
  try {
    const auto text = read_file(file);
    if (!text) throw unusable("there is no such file");
    CredentialsFile content;
    try {
      content = json::from_json<CredentialsFile>(json::parse(*text));
    } catch (const std::exception&) {  // whose message may show what the file holds
      throw unusable("it is not a JSON file of credentials");
    }
    if (content.type == kKeyFile) return std::make_shared<KeyFile>(content, std::move(services));
    if (content.type == kPersonsFile)
      return std::make_shared<Person>(std::move(content), std::move(services));
    throw unusable(
        fmt::format("its type is '{}', not '{}'", escape_control(content.type.substr(0, 40)), kKeyFile));
  } catch (const NoCredentials&) {
    throw;
  } catch (const Error& error) {
    throw unusable(error.what());
  }
}

CredentialsPtr machine_credentials(Services services) {
  return std::make_shared<Machine>(std::move(services));
}

CredentialsPtr named_credentials(Services services) {
  const auto file = env("GOOGLE_APPLICATION_CREDENTIALS");
  return file ? file_credentials(*file, std::move(services)) : nullptr;
}

CredentialsPtr default_credentials(Services services) {
  if (auto named = named_credentials(services)) return named;
  if (const auto file = file_of_gcloud()) return file_credentials(*file, std::move(services));
  return machine_credentials(std::move(services));
}

}  // namespace agnes::google
