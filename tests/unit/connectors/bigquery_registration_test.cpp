#include <gtest/gtest.h>

#include "connectors/bigquery/registration.h"

namespace agnes::connectors::bigquery {
namespace {

TEST(BigQueryRegistration, ProjectIds) {
  for (const char* good : {"my-project", "abcdef", "a23456", "example.com:my-project"})
    EXPECT_TRUE(is_project_id(good)) << good;
  for (const std::string& bad : {std::string(), std::string("short"), std::string("1project"),
                                 std::string("My-Project"), std::string("project-"), std::string("pro ject"),
                                 std::string("pro`ject"), std::string(31, 'a'), std::string("a:b:c")})
    EXPECT_FALSE(is_project_id(bad)) << bad;
}

}  // namespace
}  // namespace agnes::connectors::bigquery
