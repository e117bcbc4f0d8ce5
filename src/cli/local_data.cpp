#include "cli/local_data.h"

#include "cli/outcome.h"

namespace agnes::cli {

duck::Database open_local(const Workspace& workspace) {
  const std::string file = workspace.database().string();
  if (!fs::exists(workspace.database()))
    throw Failure(Cause::failed, fmt::format("no data here: {} does not exist", file),
                  "run agnes pull, or go to your workspace");
  try {
    return duck::Database({workspace.database(), {{"access_mode", "READ_ONLY"}}});
  } catch (const duck::NewerFormat& error) {
    throw Failure(Cause::failed, error.what(), "agnes pull keeps it and makes another");
  } catch (const Error& error) {
    if (!duck::is_database(workspace.database()))
      throw Failure(Cause::failed, file + " is no database", "agnes pull keeps it and makes another");
    if (!duck::is_locked(error)) throw;
    throw Failure(Cause::failed, fmt::format("{} is open for writing in another program", file),
                  "close it and try again");
  }
}

}  // namespace agnes::cli
