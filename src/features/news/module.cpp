#include "app/module.h"

#include "core/state/schema.h"
#include "features/news/news_routes.h"

namespace agnes::news {

namespace {

class NewsModule final : public app::Module {
 public:
  explicit NewsModule(app::Services& services) : news_(services.get<state::Store>()) {}

  void routes(http::Routes& routes) override { add_news_routes(routes, news_); }

 private:
  News news_;
};

void declare(app::Declarations&) {
  using namespace state::types;
  state::declare_table({.name = "news_template",
                        .columns = {{"id", kText},
                                    {"version", kInt, kRequired},
                                    {"intro", kText},
                                    {"content", kText},
                                    {"published", kBool, kRequired, "false"},
                                    {"created_at", kTime, kRequired, kNow},
                                    {"updated_at", kTime, kRequired, kNow},
                                    {"created_by", kText},
                                    {"published_at", kTime},
                                    {"published_by", kText}},
                        .primary_key = {"id"},
                        .uniques = {{"version"}},
                        .indexes = {{"ix_news_template_pub_ver", {"published", "version"}}}});
}

}  // namespace

app::ModuleKind module() {
  return {"news", declare, app::make_module<NewsModule>};
}

}  // namespace agnes::news
