#include "connectors/remote_access.h"

#include "lib/base/error.h"

namespace agnes::connectors {

namespace {

query::Attachment attachment_of(const catalog::RemoteEngine& engine,
                                const std::vector<EngineAccess>& engines) {
  query::Attachment out{
      .alias = engine.alias, .extension = engine.extension, .url = engine.url, .token = {}, .secret = false};
  for (const auto& access : engines)
    if (access.extension == engine.extension && access.token)
      if (auto token = access.token(engine)) {
        out.token = *std::move(token);
        out.secret = true;
        return out;
      }
  if (engine.token_env.empty()) return out;
  out.token = config::outside(engine.token_env).value_or("");
  if (out.token.empty())
    throw Error(ErrorKind::unavailable,
                fmt::format("The engine {} ({}) cannot be reached: {} is not set on the server", engine.alias,
                            engine.extension, engine.token_env));
  return out;
}

void check_costs(const std::vector<EngineAccess>& engines, const std::vector<query::RemoteUse>& uses,
                 const std::string& sql) {
  for (const auto& access : engines) {
    std::vector<query::RemoteUse> billed;
    for (const auto& use : uses)
      if (use.table->remote->extension == access.extension) billed.push_back(use);
    if (!billed.empty() && access.check_cost) access.check_cost(billed, sql);
  }
}

}  // namespace

query::RemoteAccess remote_access(const std::vector<EngineAccess>& engines,
                                  const sync::Extensions& extensions) {
  query::RemoteAccess out;
  out.attachment = [&engines](const catalog::RemoteEngine& engine) { return attachment_of(engine, engines); };
  out.check_cost = [&engines](const std::vector<query::RemoteUse>& uses, const std::string& sql) {
    check_costs(engines, uses, sql);
  };
  out.extension_folder = extensions.folder();
  out.unsigned_extensions = extensions.allow_unsigned();
  return out;
}

}  // namespace agnes::connectors
