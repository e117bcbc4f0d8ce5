#include "connectors/keboola/cloud.h"

#include "connectors/answer.h"
#include "connectors/source_error.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/http_client/call.h"

namespace agnes::connectors::keboola {

namespace {

using boost::json::object;

[[noreturn]] void no_way(const std::string& place) {
  throw source_error(ErrorKind::bad_gateway, "upstream_error",
                     fmt::format("Keboola keeps the export where it cannot be fetched from ({})", place));
}

// "bucket" and "exports/part 1" of "s3://bucket/exports/part 1".
std::pair<std::string, std::string> place_of(const std::string& url, std::string_view scheme) {
  const auto rest = url.substr(scheme.size());
  const auto slash = rest.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == rest.size()) no_way(std::string(scheme));
  return {rest.substr(0, slash), rest.substr(slash + 1)};
}

// Slashes stay.
std::string encoded_path(const std::string& key) {
  std::string out;
  for (const auto& part : split(key, '/')) out += "/" + http_client::percent_encode(part);
  return out;
}

// "20260102T030405Z"
std::string basic_time(Timestamp t) {
  std::string out;
  for (const char c : format_iso(Timestamp{seconds(t) * 1'000'000}))
    if (c != '-' && c != ':') out += c;
  return out + "Z";
}

CloudRequest from_aws(const std::string& url, const object& file, const KeboolaSettings& settings,
                      Timestamp moment) {
  const auto [bucket, key] = place_of(url, "s3://");
  const auto credentials = object_at(file, "credentials");
  const auto id = text_at(credentials, "AccessKeyId"), secret = text_at(credentials, "SecretAccessKey"),
             session = text_at(credentials, "SessionToken"), region = text_at(file, "region");
  if (id.empty() || secret.empty() || region.empty()) no_way("s3:// without credentials");
  std::string server = settings.aws_server;
  // A bucket with dots has no certificate of its own.
  if (server.empty()) server = fmt::format("https://s3.{}.amazonaws.com", region);
  const std::string host = server.substr(server.find("://") + 3);
  const std::string path = "/" + http_client::percent_encode(bucket) + encoded_path(key);

  const std::string time = basic_time(moment), day = time.substr(0, 8),
                    scope = day + "/" + region + "/s3/aws4_request";
  const std::string payload = "UNSIGNED-PAYLOAD";
  std::string headers = fmt::format("host:{}\nx-amz-content-sha256:{}\nx-amz-date:{}\n", host, payload, time);
  std::string names = "host;x-amz-content-sha256;x-amz-date";
  if (!session.empty()) {
    headers += "x-amz-security-token:" + session + "\n";
    names += ";x-amz-security-token";
  }
  const std::string canonical = fmt::format("GET\n{}\n\n{}\n{}\n{}", path, headers, names, payload);
  const std::string to_sign = fmt::format("AWS4-HMAC-SHA256\n{}\n{}\n{}", time, scope, sha256_hex(canonical));
  std::string derived = hmac_sha256("AWS4" + secret, day);
  for (const std::string_view part :
       {std::string_view(region), std::string_view("s3"), std::string_view("aws4_request")})
    derived = hmac_sha256(derived, part);
  CloudRequest out{
      server + path,
      {{"x-amz-content-sha256", payload},
       {"x-amz-date", time},
       {"Authorization", fmt::format("AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={}, Signature={}", id,
                                     scope, names, to_hex(hmac_sha256(derived, to_sign)))}}};
  if (!session.empty()) out.headers.emplace_back("x-amz-security-token", session);
  return out;
}

CloudRequest from_google(const std::string& url, const object& file, const KeboolaSettings& settings) {
  const auto [bucket, key] = place_of(url, "gs://");
  const auto token = text_at(object_at(file, "gcsCredentials"), "access_token");
  if (token.empty()) no_way("gs:// without a token");
  return {fmt::format("{}/storage/v1/b/{}/o/{}?alt=media", settings.google_server,
                      http_client::percent_encode(bucket), http_client::percent_encode(key)),
          {{"Authorization", "Bearer " + token}}};
}

// azure://account.blob.core.windows.net/container/blob, with "BlobEndpoint=...;SharedAccessSignature=sv=...".
CloudRequest from_azure(const std::string& url, const object& file) {
  const auto [host, path] = place_of(url, "azure://");
  const auto connection = text_at(object_at(file, "absCredentials"), "SASConnectionString");
  constexpr std::string_view kSignature = "SharedAccessSignature=";
  const auto at = connection.find(kSignature);
  if (at == std::string::npos) no_way("azure:// without a signature");
  auto signature = connection.substr(at + kSignature.size());
  signature = signature.substr(0, signature.find(';'));
  return {fmt::format("https://{}{}?{}", host, encoded_path(path), signature), {}};
}

}  // namespace

CloudRequest cloud_request(const std::string& url, const object& file, const KeboolaSettings& settings,
                           Timestamp moment) {
  CloudRequest out;
  if (url.starts_with("gs://"))
    out = from_google(url, file, settings);
  else if (url.starts_with("s3://"))
    out = from_aws(url, file, settings, moment);
  else if (url.starts_with("azure://"))
    out = from_azure(url, file);
  else
    out.url = url;
  if (!http_client::may_carry_secrets(out.url)) {
    const auto end = out.url.find("://");
    no_way(end == std::string::npos
               ? "no address"
               : escape_control(out.url.substr(0, std::min<std::size_t>(end, 20))) + "://");
  }
  return out;
}

}  // namespace agnes::connectors::keboola
