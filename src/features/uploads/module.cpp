#include "app/module.h"

#include "features/uploads/upload_routes.h"

namespace agnes::uploads {

namespace {

class UploadsModule final : public app::Module {
 public:
  explicit UploadsModule(app::Services& services)
      : settings_(services.config.get<UploadSettings>()), uploads_(services.places.data, settings_) {}

  void routes(http::Routes& routes) override { add_upload_routes(routes, uploads_, settings_); }

 private:
  const UploadSettings settings_;
  Uploads uploads_;
};

void declare(app::Declarations& declarations) {
  declarations.settings.add<UploadSettings>();
}

}  // namespace

app::ModuleKind module() {
  return {"uploads", declare, app::make_module<UploadsModule>};
}

}  // namespace agnes::uploads
