#include "core/identity/actor.h"

#include "core/state/audit.h"

namespace agnes::identity {

void record(duck::Connection& connection, const Actor& actor, std::string action, std::string resource,
            boost::json::object params, std::string result) {
  if (!actor.address.empty()) params["ip"] = actor.address;
  const auto unless_empty = [](std::string text) {
    return text.empty() ? std::optional<std::string>{} : std::optional(std::move(text));
  };
  state::audit(connection, {.user_id = unless_empty(actor.id),
                            .action = std::move(action),
                            .resource = unless_empty(std::move(resource)),
                            .params = std::move(params),
                            .result = unless_empty(std::move(result)),
                            .duration_ms = std::nullopt});
}

}  // namespace agnes::identity
