#include "cli/self_upgrade.h"

#include "cli/commands/commands.h"
#include "cli/config.h"
#include "cli/output.h"
#include "cli/pull.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

constexpr std::int64_t kTold = 3;  // failures in a row, until --quiet tells of them

UpgradeResult run(const Args& args) {
  // Whoever may reach a server may have its client.
  Api api(server_url(), "");
  const InterruptGuard guard;
  try {
    return self_upgrade(api, {.check_only = args.flag("check-only"), .force = args.flag("force")});
  } catch (const http_client::TransportError&) {
    if (args.flag("force") || !(args.flag("quiet") || args.flag("check-only"))) throw;
    return {AGNES_VERSION, std::nullopt, false, false};
  } catch (const http_client::Cancelled&) {
    throw Exit{Cause::interrupted};
  } catch (const Error& error) {
    if (args.flag("check-only") || !args.flag("quiet")) throw;
    const auto failures = upgrade_failures();
    // A hook hides standard error; what is on standard output, the agent reads at the start of its session.
    if (failures.count >= kTold)
      print("agnes self-upgrade has failed {} times in a row, and agnes " AGNES_VERSION " goes on: {}",
            failures.count, escape_control(failures.error));
    throw Exit{cause_of(error)};
  }
}

void show(const UpgradeResult& result, const Args& args) {
  if (args.flag("quiet") || args.flag("check-only")) return;
  if (result.upgraded)
    print("agnes is {} now; it was {}", *result.latest, result.installed);
  else if (!result.latest)
    print("The server offers no client; agnes {} stays", result.installed);
  else
    print("agnes {} is up to date", result.installed);
}

void tell_outdated(const UpgradeResult& result, const Args& args) {
  if (!args.flag("check-only") || !result.outdated) return;
  note("agnes {} is older than the server's {}: agnes self-upgrade", result.installed, *result.latest);
  throw Exit{Cause::failed};
}

}  // namespace

Command self_upgrade_command() {
  return {
      .name = "self-upgrade",
      .help = "Replace this program by the server's, when that is newer",
      .options =
          {{.names = "--quiet", .value = "", .help = "Say nothing unless it failed three times in a row"},
           {.names = "--check-only", .value = "", .help = "Ask only; exit code 1 when the server's is newer"},
           {.names = "--force",
            .value = "",
            .help = "Also to the same or an older version, and when the server's key has changed"}},
      .run = answers(run, show, tell_outdated)};
}

}  // namespace agnes::cli
