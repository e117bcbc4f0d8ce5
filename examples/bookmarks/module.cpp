#include "app/module.h"

#include "bookmarks.h"
#include "core/state/schema.h"

namespace agnes::bookmarks {

namespace {

void declare(app::Declarations& declarations) {
  declarations.settings.add<BookmarkSettings>();
  using namespace state::types;
  state::declare_table(
      {.name = "bookmarks",
       .columns = {{"user_id", kText}, {"table_id", kText}, {"note", kText}, {"added_at", kTime}},
       .primary_key = {"user_id", "table_id"}});
}

class BookmarksModule final : public app::Module {
 public:
  explicit BookmarksModule(app::Services& services)
      : services_(services),
        settings_(services.config.get<BookmarkSettings>()),
        bookmarks_(services.get<state::Store>(), settings_) {}

  void routes(http::Routes& routes) override {
    add_routes(routes, bookmarks_, services_.get<catalog::Visible>());
  }

  // A job is one declaration: it is listed, runs by its schedule or by name, and can be cancelled and watched.
  void jobs(jobs::Service& jobs) override {
    jobs.add({.name = "bookmarks-cleanup",
              .description = "Removes bookmarks of tables that are gone",
              .schedule = fmt::format("every {}m", settings_.cleanup_interval_minutes),
              .work = jobs::work([this](const jobs::Context&) -> jobs::Done {
                std::vector<std::string> known;
                const auto generation = services_.get<catalog::Generations>().current();
                for (const auto& table : generation->tables()) known.push_back(table.id);
                return boost::json::object{{"removed", bookmarks_.remove_unknown(known)}};
              })});
  }

  void health(app::HealthReport& report) const override {
    if (report.caller().is_admin) report.add("bookmarks", {{"status", "ok"}, {"count", bookmarks_.count()}});
  }
  void metrics(app::Exposition& out) const override {
    out.one("agnes_bookmarks", "gauge", "Bookmarks of all users", bookmarks_.count());
  }

 private:
  app::Services& services_;
  const BookmarkSettings settings_;
  Bookmarks bookmarks_;
};

}  // namespace

app::ModuleKind module() {
  return {"bookmarks", declare, app::make_module<BookmarksModule>};
}

}  // namespace agnes::bookmarks
