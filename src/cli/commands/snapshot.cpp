#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/facts.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "cli/snapshots.h"
#include "cli/table.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
constexpr std::size_t kLongestName = 64;

// "7d", "12h", "30m".
std::chrono::seconds duration_of(const std::string& text, std::string_view option) {
  const std::string_view number = std::string_view(text).substr(0, text.empty() ? 0 : text.size() - 1);
  const auto count = parse_int(number);
  const auto unit = text.empty() ? 0 : std::string_view("mhd").find(text.back()) + 1;
  if (!count || *count < 0 || *count > 100'000 || unit == 0 || unit > 3)
    throw Failure(Cause::usage, fmt::format("{} takes a time like 30m, 12h or 7d, and '{}' is none", option,
                                            escape_control(text)));
  static constexpr std::int64_t kSeconds[] = {60, 3600, 86400};
  return std::chrono::seconds(*count * kSeconds[unit - 1]);
}
// "500m", "1.5g", or bytes.
double bytes_of(const std::string& text, std::string_view option) {
  const auto unit =
      text.empty() ? std::string_view::npos : std::string_view("kmgt").find(to_lower(text).back());
  const bool has_unit = unit != std::string_view::npos;
  const auto number = parse_double(std::string_view(text).substr(0, text.size() - (has_unit ? 1 : 0)));
  if (!number || *number < 0)
    throw Failure(Cause::usage, fmt::format("{} takes a size like 500m or 1g, and '{}' is none", option,
                                            escape_control(text)));
  return *number * (has_unit ? std::pow(1024.0, static_cast<double>(unit) + 1) : 1);
}

std::optional<std::vector<std::string>> names_of(const std::optional<std::string>& text) {
  if (!text) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& part : split(*text, ','))
    if (const auto name = trim(part); !name.empty()) out.emplace_back(name);
  return out.empty() ? std::nullopt : std::optional(std::move(out));
}

void check_name(const std::string& name) {
  const bool plain =
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) != 0 || c == '_'; });
  if (plain && !name.empty() && name.size() <= kLongestName &&
      std::isdigit(static_cast<unsigned char>(name[0])) == 0)
    return;
  throw Failure(Cause::usage, fmt::format("'{}' cannot be the name of a snapshot", escape_control(name)),
                "--as NAME, of letters, digits and _, 64 at most, and no digit first");
}

// The workspace, which must have been made: its database is where the snapshot is queried.
Workspace made_workspace() {
  const auto root = find_workspace();
  if (!root || !fs::exists(Workspace{*root}.database()))
    throw Failure(Cause::failed, "there is no workspace with data here",
                  "agnes init makes one, agnes pull fills it");
  return {*root};
}

void show_estimate(const contract::ScanEstimate& estimate) {
  const auto number = [](const std::optional<std::int64_t>& value) {
    return value ? fmt::format("{}", *value) : std::string("unknown");
  };
  print("Estimate for {}:", estimate.table_id);
  print("  to be read:  {}", human_bytes(static_cast<std::uint64_t>(estimate.estimated_scan_bytes)));
  print("  rows:        {}", number(estimate.estimated_result_rows));
  if (estimate.estimated_result_bytes)
    print("  to be sent:  {}", human_bytes(static_cast<std::uint64_t>(*estimate.estimated_result_bytes)));
  print("  cost:        {:.4f} USD", estimate.bq_cost_estimate_usd);
}

contract::ScanEstimate estimate_of(Api& api, const Snapshot& wanted) {
  const Response response =
      api.post("/api/v2/scan/estimate", json::to_json(wanted.request()), std::chrono::seconds(120));
  expect(response, {200}, "estimate a part of " + escape_control(wanted.table_id));
  return contract::read<contract::ScanEstimate>(response.json());
}

void create(const Args& args) {
  Snapshot wanted;
  wanted.table_id = args.text("TABLE");
  wanted.name = args.find("as").value_or(wanted.table_id);
  wanted.select = names_of(args.find("select"));
  wanted.where = args.find("where");
  wanted.limit = args.find_number("limit");
  wanted.order_by = names_of(args.find("order-by"));
  if (const auto ttl = args.find("ttl"))
    wanted.expires_at =
        format_iso_utc(Timestamp{now().micros + duration_of(*ttl, "--ttl").count() * 1'000'000});
  const bool only_estimate = args.flag("estimate");
  std::optional<Workspace> workspace;
  if (!only_estimate) {
    check_name(wanted.name);
    workspace = made_workspace();
  }
  Api api;
  if (only_estimate || !args.flag("no-estimate")) {
    const auto estimate = estimate_of(api, wanted);
    wanted.estimated_scan_bytes_at_fetch = estimate.estimated_scan_bytes;
    if (only_estimate) return args.json() ? print_json(json::to_json(estimate)) : show_estimate(estimate);
    if (!args.json()) show_estimate(estimate);
  }
  const InterruptGuard guard;
  const auto snapshot = fetch_snapshot(api, *workspace, std::move(wanted), args.flag("force"));
  if (args.json()) return print_json(json::to_json(snapshot));
  print("Fetched {} rows, {}: agnes query \"SELECT * FROM {}\"", snapshot.rows,
        human_bytes(static_cast<std::uint64_t>(snapshot.bytes_local)), snapshot.name);
}

std::vector<Snapshot> list(const Args&) {
  return list_snapshots({workspace_folder()});
}
void show_list(const std::vector<Snapshot>& snapshots) {
  if (snapshots.empty()) return print("There are no snapshots here: agnes snapshot create TABLE makes one.");
  std::vector<std::vector<std::string>> rows;
  for (const auto& snapshot : snapshots) {
    const auto fetched = parse_timestamp(snapshot.fetched_at);
    rows.push_back({snapshot.name, fmt::format("{}", snapshot.rows),
                    human_bytes(static_cast<std::uint64_t>(snapshot.bytes_local)),
                    fetched ? age_text(*fetched) : "?", snapshot.table_id,
                    escape_control(snapshot.where.value_or(""))});
  }
  out(columns_text({"NAME", "ROWS", "SIZE", "AGE", "TABLE", "WHERE"}, rows));
}

struct Refreshed {
  std::string name;
  std::int64_t rows_before = 0, rows = 0, bytes_before = 0, bytes_local = 0;
  std::string fetched_at;
  bool identical = false;
};
BOOST_DESCRIBE_STRUCT(Refreshed, (),
                      (name, rows_before, rows, bytes_before, bytes_local, fetched_at, identical))

Refreshed refresh(const Args& args) {
  const auto workspace = made_workspace();
  const auto before = find_snapshot(workspace, args.text("NAME"));
  auto wanted = before;
  if (const auto where = args.find("where")) wanted.where = *where;
  Api api;
  const InterruptGuard guard;
  const auto after = fetch_snapshot(api, workspace, std::move(wanted), true);
  return {after.name,
          before.rows,
          after.rows,
          before.bytes_local,
          after.bytes_local,
          after.fetched_at,
          after.rows == before.rows && after.bytes_local == before.bytes_local &&
              after.result_hash_md5 == before.result_hash_md5};
}
void show_refreshed(const Refreshed& done) {
  print("Refreshed {}: {} rows ({:+}), {}{}", done.name, done.rows, done.rows - done.rows_before,
        human_bytes(static_cast<std::uint64_t>(done.bytes_local)),
        done.identical ? "; nothing has changed" : "");
}

Done drop(const Args& args) {
  const Workspace workspace{workspace_folder()};
  const auto snapshot = find_snapshot(workspace, args.text("NAME"));
  drop_snapshots(workspace, {snapshot});
  return {"dropped", "snapshot", snapshot.name, {}};
}

std::vector<Snapshot> prune(const Args& args) {
  const Workspace workspace{workspace_folder()};
  const auto older = args.find("older-than"), larger = args.find("larger-than");
  const auto age = older ? std::optional(duration_of(*older, "--older-than")) : std::nullopt;
  const auto size = larger ? std::optional(bytes_of(*larger, "--larger-than")) : std::nullopt;
  std::vector<Snapshot> chosen;
  for (const auto& snapshot : list_snapshots(workspace)) {
    const auto before = [&](const std::string& time, std::chrono::seconds ago) {
      const auto moment = parse_timestamp(time);
      return moment && seconds(*moment) + ago.count() <= seconds(now());
    };
    const bool asked = (age || size) && (!age || before(snapshot.fetched_at, *age)) &&
                       (!size || static_cast<double>(snapshot.bytes_local) >= *size);
    const bool expired = !age && !size && snapshot.expires_at && before(*snapshot.expires_at, {});
    if (asked || expired) chosen.push_back(snapshot);
  }
  if (!args.flag("dry-run")) drop_snapshots(workspace, chosen);
  return chosen;
}
void show_pruned(const std::vector<Snapshot>& chosen, const Args& args) {
  for (const auto& snapshot : chosen)
    print("{} {}: {}, fetched {}", args.flag("dry-run") ? "Would drop" : "Dropped", snapshot.name,
          human_bytes(static_cast<std::uint64_t>(snapshot.bytes_local)), escape_control(snapshot.fetched_at));
  if (chosen.empty()) print("Nothing to drop.");
}
}  // namespace

Command snapshot_command() {
  const Argument name{.name = "NAME", .help = "Of the snapshot"};
  return {
      .name = "snapshot",
      .help = "Keep parts of tables in the workspace, of tables that are not copied, too",
      .commands = {
          {.name = "create",
           .help = "Fetch a part of a table; it is then a table of the workspace",
           .arguments = {{.name = "TABLE", .help = "Its id or name"}},
           .options =
               {{.names = "--select",
                 .value = "COLUMNS",
                 .help = "With commas between them; all when missing"},
                {.names = "--where",
                 .value = "PREDICATE",
                 .help = "Which rows: \"day >= '2026-01-01' AND country = 'CZ'\""},
                {.names = "--limit", .value = "ROWS", .help = "At most so many"},
                {.names = "--order-by", .value = "COLUMNS", .help = "\"day DESC, id\""},
                {.names = "--as",
                 .value = "NAME",
                 .help = "What it is called here; the table's id when missing"},
                {.names = "--estimate", .value = "", .help = "Only tell what it would read, send and cost"},
                {.names = "--no-estimate", .value = "", .help = "Do not ask for that first"},
                {.names = "--force", .value = "", .help = "Replace a snapshot of that name"},
                {.names = "--ttl",
                 .value = "TIME",
                 .help = "agnes snapshot prune may drop it after that: 12h, 7d"}},
           .run = {create,
                   {{"", &json::schema<Snapshot>}, {"--estimate", &json::schema<contract::ScanEstimate>}}},
           .example =
               "  agnes snapshot create events --where \"day >= '2026-11-01'\" --as november --ttl 7d\n"},
          {.name = "list", .help = "List the snapshots of the workspace", .run = answers(list, show_list)},
          {.name = "refresh",
           .help = "Fetch a snapshot again, as it was made",
           .arguments = {name},
           .options = {{.names = "--where", .value = "PREDICATE", .help = "Other rows from now on"}},
           .run = answers(refresh, show_refreshed)},
          {.name = "drop", .help = "Remove a snapshot", .arguments = {name}, .run = answers(drop, show_done)},
          {.name = "prune",
           .help = "Remove the snapshots whose --ttl is over, or others",
           .options = {{.names = "--older-than", .value = "TIME", .help = "Those fetched before: 12h, 7d"},
                       {.names = "--larger-than", .value = "SIZE", .help = "Those larger: 500m, 1g"},
                       {.names = "--dry-run", .value = "", .help = "Only tell which"}},
           .run = answers(prune, show_pruned)}}};
}

}  // namespace agnes::cli
