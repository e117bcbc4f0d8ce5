#pragma once

#include "features/uploads/uploads.h"
#include "lib/http/routes.h"

namespace agnes::uploads {

// /api/upload: each account's own files, and /profile/sessions/NAME, where they were once downloaded.
void add_upload_routes(http::Routes& routes, Uploads& uploads, const UploadSettings& settings);

}  // namespace agnes::uploads
