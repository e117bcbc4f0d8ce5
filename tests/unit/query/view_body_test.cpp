#include "core/query/view_body.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace agnes::query {
namespace {

TEST(ViewBody, IsWhatTheViewSelects) {
  for (const auto& [view, body] : std::initializer_list<std::pair<const char*, const char*>>{
           {"CREATE VIEW orders AS SELECT * FROM kbc.\"in.c-crm\".orders;",
            "(SELECT * FROM kbc.\"in.c-crm\".orders\n)"},
           {"CREATE VIEW main.\"a;b\" AS SELECT 1", "(SELECT 1\n)"},
           {"create view v (a, \"b c\") as (SELECT 1, ')');",
            "((SELECT 1, ')')\n) AS remote_view(a, \"b c\")"},
           {"CREATE VIEW v AS SELECT ';' -- a comment)", "(SELECT ';'\n)"},
       })
    EXPECT_EQ(view_body(view), body) << view;
}

TEST(ViewBody, NothingLeavesTheParentheses) {
  for (const char* view : {
           "",
           ";",
           "CREATE",
           "CREATE VIEW",
           "CREATE VIEW v",
           "CREATE VIEW v AS",
           "CREATE VIEW v AS ;",
           "SELECT 1",
           "CREATE TABLE v AS SELECT 1",
           "CREATE OR REPLACE VIEW v AS SELECT 1",
           "CREATE VIEW v AS SELECT 1; DROP TABLE t",
           "CREATE VIEW v AS SELECT 1); ATTACH 'x' AS y; SELECT (1",
           "CREATE VIEW v AS SELECT 1) t, (SELECT 2",
           "CREATE VIEW v AS SELECT (1",
           "CREATE VIEW v (a AS SELECT 1",
           "CREATE VIEW v (a, (SELECT 1)) AS SELECT 1",
           "CREATE VIEW v (a, \"b\" ;) AS SELECT 1",
           "CREATE VIEW v (a,) AS SELECT 1",
           "CREATE VIEW v () AS SELECT 1",
           "CREATE VIEW v (a 'b') AS SELECT 1",
           "CREATE VIEW v. AS SELECT 1",
           "CREATE VIEW v AS /* ) */ SELECT 1)",
           "CREATE VIEW v AS SELECT $$)$$)",
           "CREATE VIEW v AS SELECT 1 -- c\r) t, (SELECT 2",
           "CREATE VIEW v AS SELECT 'open",
           "CREATE VIEW v AS SELECT \"open",
           "CREATE VIEW v AS SELECT $$open",
           "CREATE VIEW v AS SELECT E'open\\'",
       })
    EXPECT_THROW(
        {
          const auto body = view_body(view);
          ADD_FAILURE() << view << " became " << body;
        },
        Error)
        << view;
}

}  // namespace
}  // namespace agnes::query
