#include "cli/rules.h"

#include "cli/json_text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {
fs::path rules_folder(const Workspace& workspace) {
  return workspace.root / ".claude" / "rules";
}

bool is_rule_file(const std::string& name) {
  return name.starts_with("km_") && name.ends_with(".md");
}

std::int64_t count_rules(const fs::path& folder) {
  std::int64_t count = 0;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error))
    if (is_rule_file(entry.path().filename())) ++count;
  return count;
}

// Ids become file names.
bool is_safe_id(const std::string& id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '_' || c == '-';
  });
}

std::string title_of(const json::object& item) {
  const std::string title = plain(item, "title");
  return title.empty() ? "Untitled" : title;
}
std::string rule_text(const json::object& item) {
  std::string text = "# " + title_of(item) + "\n";
  for (const auto& [key, label] : {std::pair{"domain", "Domain"}, std::pair{"category", "Category"}})
    if (const std::string value = plain(item, key); !value.empty())
      text += fmt::format("_{}: {}_\n", label, value);
  return text + "\n" + plain(item, "content") + "\n";
}

std::vector<json::object> items_of(const json::object& bundle, std::string_view key) {
  std::vector<json::object> items;
  if (const auto* list = bundle.if_contains(key); list != nullptr && list->is_array())
    for (const auto& item : list->get_array())
      if (item.is_object()) items.push_back(item.get_object());
  return items;
}
}  // namespace

Rules sync_rules(Api& api, const Workspace& workspace, const Rules& known) {
  const fs::path folder = rules_folder(workspace);
  http_client::Request request{.method = "GET", .path = "/api/memory/bundle", .headers = {}, .body = {}};
  const bool unchanged_here = !known.etag.empty() && count_rules(folder) == known.count;
  if (unchanged_here) request.headers.emplace_back("If-None-Match", known.etag);
  const Response response = api.send(request);
  if (unchanged_here && response.status == 304) return known;
  // A server that has none, and what an earlier one left is not its word.
  const bool none = response.status == 404;
  if (!none) expect(response, {200}, "fetch the rules");
  const json::value answer = none ? json::value(json::object()) : response.json();
  if (!answer.is_object()) throw Error(ErrorKind::bad_gateway, "the rules are not a JSON object");

  std::map<std::string, std::string> files;
  for (const auto& item : items_of(answer.get_object(), "mandatory"))
    if (const std::string id = plain(item, "id"); is_safe_id(id)) files["km_" + id + ".md"] = rule_text(item);
  std::string approved;
  for (const auto& item : items_of(answer.get_object(), "approved"))
    approved += "\n## " + title_of(item) + "\n\n" + plain(item, "content") + "\n";
  if (!approved.empty()) files["km_approved.md"] = "# Approved Corporate Knowledge\n" + approved;

  if (!files.empty()) fs::create_directories(folder);
  for (const auto& [name, text] : files)
    if (read_file(folder / name) != text) replace_file(folder / name, text);
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (is_rule_file(name) && !files.contains(name)) fs::remove(entry.path(), error);
  }
  return {std::string(response.header("etag").value_or("")), static_cast<std::int64_t>(files.size())};
}

}  // namespace agnes::cli
