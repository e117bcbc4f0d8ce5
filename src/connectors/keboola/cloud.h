#pragma once

#include <string>

#include <boost/json/object.hpp>

#include "connectors/keboola/settings.h"
#include "lib/base/time.h"
#include "lib/http_client/client.h"

namespace agnes::connectors::keboola {

// How to fetch a file of an export from the storage of the cloud that the stack is in.
struct CloudRequest {
  std::string url;
  http_client::Headers headers;
};

// `url` is that of a file's detail, signed as it is (https), or one of a manifest: gs:// (Google), s3://
// (AWS) or azure://, for which `file`, the detail that was asked for with a federation token, has the
// credentials. Addresses of the services are STORAGE_EMULATOR_HOST and AWS_ENDPOINT_URL_S3 where these are
// set, as in their own clients. Throws Error (bad_gateway) for one that cannot be fetched; the message holds
// nothing of it but its scheme.
//
// Sources: "File detail" and "sliced files" of Keboola's Storage API; the JSON API of Google Cloud Storage;
// "Signature Version 4" of AWS; shared access signatures of Azure Storage.
CloudRequest cloud_request(const std::string& url, const boost::json::object& file,
                           const KeboolaSettings& settings, Timestamp moment = now());

}  // namespace agnes::connectors::keboola
