#include "app/module.h"

#include <sys/statvfs.h>

#include "app/config/lost_folder.h"
#include "app/operation.h"
#include "core/state/schema.h"
#include "core/sync/orchestrator.h"
#include "features/operation/config_routes.h"
#include "features/operation/health_routes.h"
#include "features/operation/job_routes.h"
#include "features/operation/settings.h"
#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/text.h"

namespace agnes::operation {

namespace {

using boost::json::object;

constexpr std::size_t kShortestToken = 16;
constexpr std::string_view kType = "text/plain; version=0.0.4; charset=utf-8";
// A sync writes a table beside the old one, so that much must be free.
constexpr std::uint64_t kLittleSpace = 2ull << 30, kNoSpace = 100ull << 20;

object disk_health(const config::Places& places) {
  struct statvfs disk {};
  if (::statvfs(places.data.c_str(), &disk) != 0)
    return {{"status", "unknown"}, {"detail", "the file system does not tell how much is free"}};
  const std::uint64_t free = std::uint64_t{disk.f_bavail} * disk.f_frsize;
  object part{{"status", free < kNoSpace       ? "error"
                         : free < kLittleSpace ? "warning"
                                               : "ok"},
              {"free_bytes", free},
              {"size_bytes", std::uint64_t{disk.f_blocks} * disk.f_frsize}};
  if (free < kLittleSpace) part["detail"] = fmt::format("{} are free where the data is", human_bytes(free));
  return part;
}

object configuration_health(const config::Places& places) {
  try {
    const auto config = config::Config::read(places);
    if (const auto lost = config::lost_folder(places); !lost.empty())
      return {{"status", "warning"}, {"source", config.source()}, {"detail", lost}};
    if (config.warnings().empty()) return {{"status", "ok"}, {"source", config.source()}};
    return {{"status", "info"}, {"source", config.source()}, {"detail", join(config.warnings(), "; ")}};
  } catch (const Error& error) {
    return {{"status", "warning"}, {"detail", fmt::format("the next start would fail: {}", error.what())}};
  }
}

// No names of tables or people, so that there are few series and nothing to hide.
std::string metrics_text(const app::Operation& operation, const BuildSettings& build) {
  app::Exposition out;
  out.family("agnes_build_info", "gauge", "What runs here");
  out.sample(1, {{"version", AGNES_VERSION},
                 {"release", build.version},
                 {"commit", build.commit},
                 {"schema", std::to_string(state::kSchemaVersion)}});
  operation.metrics(out);
  return out.text();
}

// GET /metrics: for administrators, and for whoever has AGNES_METRICS_TOKEN as bearer token.
void add_metrics_route(http::Routes& routes, const app::Operation& operation, const BuildSettings& build,
                       std::string token) {
  if (!token.empty() && token.size() < kShortestToken) {
    log::warn("AGNES_METRICS_TOKEN is shorter than {} characters and not used", kShortestToken);
    token.clear();
  }
  routes.get("/metrics",
             {.auth = http::Auth::optional,
              .tag = "health",
              .summary = "Figures for Prometheus",
              .answer_type = "text/plain"},
             [&operation, build, expected = token.empty() ? "" : "Bearer " + token](
                 const http::Request& request, const std::optional<http::Caller>& caller) {
               const bool has_token =
                   !expected.empty() && constant_time_equal(request.header("authorization"), expected);
               if (!has_token && !caller)
                 throw Error(ErrorKind::unauthenticated,
                             "sign in as an administrator, or send AGNES_METRICS_TOKEN as bearer token");
               if (!has_token && !caller->is_admin)
                 throw Error(ErrorKind::forbidden, "only members of the Admin group may do this");
               http::Response response = http::Response::text(metrics_text(operation, build));
               response.header("Content-Type", kType).header("Cache-Control", "no-store");
               return response;
             });
}

// What operators see of a running server: health, metrics, jobs, settings.
class OperationModule final : public app::Module {
 public:
  explicit OperationModule(app::Services& services) : services_(services) {}

  void routes(http::Routes& routes) override {
    auto& store = services_.get<state::Store>();
    const auto& operation = services_.get<app::Operation>();
    const auto build = services_.config.get<BuildSettings>();
    add_health_routes(routes, store, services_.get<catalog::Generations>(), services_.get<catalog::Visible>(),
                      services_.jobs, services_.get<sync::Orchestrator>(), operation, build);
    add_metrics_route(routes, operation, build, services_.config.get<MetricsSettings>().token);
    add_config_routes(routes, store, services_.overlay);
    add_job_routes(routes, store, services_.jobs);
  }

  void health(app::HealthReport& report) const override {
    if (!report.caller().is_admin) return;
    report.add("disk", disk_health(services_.places));
    report.add("configuration", configuration_health(services_.places));
  }

 private:
  app::Services& services_;
};

void declare(app::Declarations& declarations) {
  declarations.settings.add<BuildSettings>();
  declarations.settings.add<MetricsSettings>();
}

}  // namespace

app::ModuleKind module() {
  return {"operation", declare, app::make_module<OperationModule>};
}

}  // namespace agnes::operation
