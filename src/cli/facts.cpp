#include "cli/facts.h"

#include <boost/json/parse.hpp>

#include "cli/output.h"

namespace agnes::cli {

namespace {
constexpr std::int64_t kDay = 86400;

// `out` stays as it was where the server does not tell.
template <class T>
void ask(Api& api, const std::string& path, T& out) {
  const Response response = api.get(path);
  if (response.ok()) out = contract::read<T>(response.json());
}

std::optional<Facts> read_facts(const Workspace& workspace, const std::string& server) {
  const auto text = read_file(workspace.facts());
  if (!text) return std::nullopt;
  boost::system::error_code error;
  auto facts = contract::read<Facts>(boost::json::parse(*text, error));
  if (error || facts.server != server) return std::nullopt;
  return facts;
}
}  // namespace

void renew_facts(Api& api, const Workspace& workspace, bool changed) {
  if (!changed)
    if (const auto file = stat_file(workspace.facts());
        file && file->modified_ns / 1'000'000'000 > seconds(now()) - kDay)
      return;
  try {
    Facts facts = read_facts(workspace, api.server()).value_or(Facts{.server = api.server()});
    facts.fetched = now();
    ask(api, "/api/v2/catalog", facts.catalogue);
    ask(api, "/api/metrics", facts.metrics);
    replace_quickly(workspace.facts(), json::to_text(facts), 0644);
  } catch (const http_client::Cancelled&) {
    throw;
  } catch (const Failure&) {
    throw;
  } catch (const Error&) {
    // They are a convenience; the next pull tries again.
  }
}

std::optional<Facts> load_facts() {
  const auto root = find_workspace();
  if (!root) return std::nullopt;
  return read_facts({*root}, http_client::normalize_server(server_url()));
}

Facts recall(const http_client::TransportError& error) {
  auto facts = load_facts();
  if (!facts) throw error;
  note("Note: {}. This is from the last pull, {} ago", error.what(), age_text(facts->fetched));
  return std::move(*facts);
}

std::string age_text(Timestamp moment) {
  const std::int64_t age = std::max<std::int64_t>(0, seconds(now()) - seconds(moment));
  if (age < 60) return fmt::format("{} s", age);
  if (age < 3600) return fmt::format("{} min", age / 60);
  if (age < 2 * kDay) return fmt::format("{} h", age / 3600);
  return fmt::format("{} d", age / kDay);
}

}  // namespace agnes::cli
