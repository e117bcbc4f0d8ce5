#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "cli/api.h"
#include "contract/access.h"
#include "contract/users.h"

// Names and addresses, as people know things, to the ids of the interface.
namespace agnes::cli {

// By id or email address; throws Failure when there is none.
contract::User find_user(Api& api, const std::string& id_or_email);
// An id stays as it is; an email address is looked up. Throws Failure when nobody has it.
std::string user_id_of(Api& api, const std::string& id_or_email);
// By id or name; nothing when there is none.
std::optional<contract::Group> find_group(Api& api, const std::string& id_or_name);
// The same; throws Failure.
contract::Group group_of(Api& api, const std::string& id_or_name);
// The ids of what `text` names, of one type of resource (`table`), by id or name, with commas between. Names are not
// unique: an id goes before them. Of several each must be there, or Failure is thrown; a single one that is not known
// stays as it is, and the server says whether it takes it.
// With `suggest`, one that is not known is refused, too, when something comes close to it.
std::vector<std::string> resource_ids(Api& api, const std::string& type, const std::string& text,
                                      bool suggest);

// The answer of `send` for a registered table, `name` as somebody wrote it: where the server has none of that id (404),
// that for the one which is meant by another case or by its name. Throws Failure when only something else comes close.
Response send_for_table(Api& api, const std::string& name,
                        const std::function<Response(const std::string& id)>& send);

}  // namespace agnes::cli
