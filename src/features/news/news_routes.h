#pragma once

#include "features/news/news.h"
#include "lib/http/routes.h"

namespace agnes::news {

// /api/admin/news: for administrators.
void add_news_routes(http::Routes& routes, News& news);

}  // namespace agnes::news
