#pragma once

#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "app/config/config.h"
#include "app/config/secret_file.h"

namespace agnes::config {

// What administrators change while the server runs: `state/instance.yaml`, which lies over the operator's own
// `config/instance.yaml` (that one is never written), and the secrets in `state/.env_overlay`. Only what was
// changed is in the overlay, so later edits of the operator's file still count; secrets are in it as ${NAMES}
// only. Both files have mode 600. Thread-safe.
class Overlay {
 public:
  // Make it when the server starts, after its Config was loaded.
  explicit Overlay(const Places& places);

  // Both files together as they are written, ${VARIABLES} not filled in. Holds secrets where an operator
  // wrote some. Throws Error (conflict) naming the file when one cannot be read.
  boost::json::object written() const;

  struct SaveResult {
    boost::json::array diff;  // see `differences`
    std::vector<std::string>
        overridden;  // "email.smtp_host (SMTP_HOST)": the environment wins over what was saved
  };
  // Merges sections over what is there, after taking out the objects at `cleared` (paths). Masked secrets
  // mean unchanged. Throws Error, with nothing changed: `invalid` naming each setting that does not exist or
  // has a value of the wrong kind, and when the server could not start with the outcome; `bad_request` for an
  // address that may not be used; `conflict` when the overlay that is there cannot be read. After a crash
  // each file is the old one or the new one, and no reference in the overlay is without its secret.
  SaveResult save(const boost::json::object& sections, const std::vector<std::string>& cleared = {});

  // The variable of the environment that wins over whatever is saved for the setting; nothing when none does.
  std::optional<std::string> overriding(const Setting& setting) const;

  // Whether the files are not those that the server started with.
  bool restart_pending() const;

 private:
  std::string fingerprint() const;

  fs::path base_, overlay_, env_overlay_;
  SecretFile secrets_;
  std::map<std::string, std::string> secrets_at_start_;
  std::string started_with_;
};

// Each thing that is wrong with sections sent by an administrator: "email.smtp_port must be ...".
std::vector<std::string> problems_of(const boost::json::object& sections);

}  // namespace agnes::config
