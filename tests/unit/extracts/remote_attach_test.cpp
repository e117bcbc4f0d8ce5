#include "core/extracts/remote_attach.h"

#include "core/extracts/settings.h"
#include "extracts/extract_fixture.h"
#include "lib/base/text.h"

namespace agnes::extracts {
namespace {

const RemoteAttach kGood{"far_source", "far", "bigquery", "project=acme", ""};

RemoteRules allowed() {
  return {.extensions = {"bigquery", "keboola"},
          .token_envs = {"KBC_TOKEN", "KEBOOLA_STORAGE_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS"},
          .endpoints = {"https://connection.example.com/", "engine.example.com:8443"}};
}

TEST(RemoteAttachRules, WhatMayBeAskedFor) {
  const RemoteRules rules = allowed();
  for (const RemoteAttach& good : {
           kGood,
           RemoteAttach{"s", "bq", "bigquery", "project=acme billing_project=acme-bills", ""},
           RemoteAttach{"s", "kbc", "keboola", "https://connection.example.com", "KBC_TOKEN"},
           RemoteAttach{"s", "kbc", "keboola", "https://connection.example.com/v2?branch=5",
                        "KEBOOLA_STORAGE_TOKEN"},
           RemoteAttach{"s", "kbc", "keboola", "HTTPS://Connection.example.com:443/", "KBC_TOKEN"},
           RemoteAttach{"s", "kbc", "keboola", " project=p  api_endpoint=engine.example.com:8443 ",
                        "KBC_TOKEN"},
           RemoteAttach{"s", "_a9", "bigquery", "project=acme", "GOOGLE_APPLICATION_CREDENTIALS"},
       })
    EXPECT_EQ(refusal(good, rules), std::nullopt) << good.url;
}

struct Attack {
  const char* field;
  std::string value;
  const char* said;  // a part of the reason
};

TEST(RemoteAttachRules, WhatIsRefused) {
  const Attack attacks[] = {
      {"alias", "", "alias"},
      {"alias", "far; DROP TABLE users", "alias"},
      {"alias", "far\" (TYPE x)", "alias"},
      {"alias", "fa'r", "alias"},
      {"alias", "1far", "alias"},
      {"alias", "f\u00e4r", "alias"},
      {"alias", std::string(65, 'a'), "alias"},
      {"alias", std::string("far\0", 4), "alias"},
      {"alias", "main", "DuckDB's own"},
      {"alias", "MAIN", "DuckDB's own"},
      {"alias", "system", "DuckDB's own"},
      {"alias", "temp", "DuckDB's own"},
      {"alias", "information_schema", "DuckDB's own"},
      {"extension", "", "not allowed"},
      {"extension", "httpfs", "not allowed"},
      {"extension", "BigQuery", "not allowed"},
      {"extension", "bigquery'", "not allowed"},
      {"extension", "bigquery\"; INSTALL httpfs; --", "not allowed"},
      {"extension", "bigquery FROM 'http://203.0.113.7'", "not allowed"},
      {"extension", "/tmp/evil.duckdb_extension", "not allowed"},
      {"extension", " bigquery", "not allowed"},
      {"extension", "bigquery,keboola", "not allowed"},
      {"token_env", "JWT_SECRET_KEY", "may not be read"},
      {"token_env", "PATH", "may not be read"},
      {"token_env", "SENDGRID_API_KEY", "may not be read"},
      {"token_env", "kbc_token", "may not be read"},
      {"token_env", "KBC_TOKEN ", "may not be read"},
      {"token_env", "KBC_TOKEN\n", "may not be read"},
      {"token_env", "$KBC_TOKEN", "may not be read"},
      {"token_env", "KBC_TOKEN=1", "may not be read"},
      {"token_env", std::string(65, 'K'), "may not be read"},
      {"url", "", "no url"},
      {"url", "   ", "no url"},
      {"url", "project=a\nb", "control"},
      {"url", std::string("project=a\0b", 11), "control"},
      {"url", "project=a\xff", "control"},
      {"url", "project=" + std::string(3000, 'a'), "longer"},
      {"url", "http://connection.example.com", "unencrypted"},
      {"url", "HTTP://connection.example.com", "unencrypted"},
      {"url", "file:///etc/passwd", "this machine"},
      {"url", "/data/state/system.duckdb", "neither"},
      {"url", "../../state/system.duckdb", "neither"},
      {"url", ":memory:", "neither"},
      {"url", "https://", "no host"},
      {"url", "https://ana:p4ssw0rd@example.com/", "a password"},
      {"url", "https://t0ken@example.com", "a password"},
      {"url", "https://example.com/?token=s3cret", "a secret (token)"},
      {"url", "https://example.com/?branch=1&X-Api_Key=s3cret", "a secret (x-api_key)"},
      {"url", "project=acme access_token=s3cret", "a secret (access_token)"},
      {"url", "host=db.example.com password=s3cret", "a secret (password)"},
      {"url", "project=acme PRIVATE_KEY=s3cret", "a secret (private_key)"},
      {"url", "https://attacker.example:8443/collect", "another place (host)"},
      {"url", "https://connection.example.com:8443/", "another place (host)"},
      {"url", "https://connection.example.com.attacker.example/", "another place (host)"},
      {"url", "https://connection.example.com%2eattacker.example/", "another place (host)"},
      {"url", "https://attacker.example\\connection.example.com/", "no url has"},
      {"url", "https://attacker.example#connection.example.com/", "another place (host)"},
      {"url", "https://attacker.example?connection.example.com/", "another place (host)"},
      {"url", "https://connection.example.com/ api_endpoint=attacker.example", "no url has"},
      {"url", "https://connection.example.com/?branch=b&api_endpoint=attacker.example",
       "another place (api_endpoint)"},
      {"url", "https://connection.example.com/?next=https://attacker.example", "another address"},
      {"url", "https://connection.example.com/https://attacker.example", "another address"},
      {"url", "ftp://attacker.example/", "neither"},
      {"url", "ht tp://attacker.example/", "neither"},
      {"url", " http://127.0.0.1:18443/?a=b", "unencrypted"},
      {"url", "project=1 http://attacker.example/", "neither"},
      {"url", "x=http://attacker.example/", "another address"},
      {"url", "project=evil|api_endpoint=attacker.example", "neither"},
      {"url", "project=evil;api_endpoint=attacker.example", "neither"},
      {"url", "project=evil&api_endpoint=attacker.example", "neither"},
      {"url", "api_endpoint =attacker.example", "neither"},
      {"url", "api_endpoint= attacker.example", "another place"},
      {"url", "project=p api_endpoint=attacker.example", "another place"},
      {"url", "project=p grpc_endpoint=engine.example.com:8443@attacker.example", "another place"},
      {"url", "project=p API_ENDPOINT=attacker.example", "another place"},
      {"url", "project=p storage_url=attacker.example", "another place"},
      {"url", "host=attacker.example", "another place"},
      {"url", "project=p api-endpoint=engine.example.com:8443", "neither"},
      {"url", "project=p =x", "neither"},
      // Whatever an extension may take as the place of its engine.
      {"url", "hostname=attacker.example", "not known (hostname)"},
      {"url", "server_name=attacker.example", "not known (server_name)"},
      {"url", "project=p api_root=attacker.example", "not known (api_root)"},
      {"url", "project=p endpoint_override=attacker.example", "not known (endpoint_override)"},
      {"url", "project=p host_=attacker.example", "not known (host_)"},
      {"url", "domain=attacker.example", "not known (domain)"},
      {"url", "service=x", "not known (service)"},
      {"url", "dsn=x", "not known (dsn)"},
      {"url", "project=a@attacker.example/", "another address (project)"},
      {"url", "https://connection.example.com/?via=attacker.example", "not known (via)"},
      {"url", "https://connection.example.com/?branch=a@attacker.example", "another address (branch)"},
      {"url", "project=acme service_account=/data/state/.jwt_secret", "this machine (service_account)"},
      {"url", "project=acme key_file='/etc/passwd'", "this machine (key_file)"},
  };
  for (const auto& attack : attacks) {
    RemoteAttach row = kGood;
    (std::string_view(attack.field) == "alias"       ? row.alias
     : std::string_view(attack.field) == "extension" ? row.extension
     : std::string_view(attack.field) == "token_env" ? row.token_env
                                                     : row.url) = attack.value;
    const auto why = refusal(row, allowed());
    ASSERT_TRUE(why) << attack.field << " " << attack.value;
    EXPECT_NE(why->find(attack.said), std::string::npos) << *why;
    EXPECT_EQ(escape_control(*why), *why) << "one line";
    EXPECT_EQ(why->find("s3cret"), std::string::npos) << *why;
    EXPECT_EQ(why->find("p4ssw0rd"), std::string::npos) << *why;
  }
}

TEST(RemoteAttachRules, SettingsReplaceTheLists) {
  const auto changed = remote_rules({.extensions = {"postgres", "bigquery"},
                                     .endpoints = {"db.example.com"},
                                     .token_envs = {"WAREHOUSE_TOKEN"}},
                                    allowed());
  const auto unchanged = remote_rules({.extensions = {}, .endpoints = {}, .token_envs = {}}, allowed());
  EXPECT_EQ(changed.extensions, (std::vector<std::string>{"postgres", "bigquery"}));
  EXPECT_EQ(changed.token_envs, (std::vector<std::string>{"WAREHOUSE_TOKEN"}));
  EXPECT_EQ(unchanged.extensions, allowed().extensions);
  EXPECT_EQ(unchanged.token_envs, allowed().token_envs);
  EXPECT_TRUE(refusal({"s", "k", "keboola", "https://example.com", ""}, changed));
  EXPECT_TRUE(refusal({"s", "b", "bigquery", "project=p", "KBC_TOKEN"}, changed));
  EXPECT_TRUE(refusal({"s", "p", "postgres", "host=example.com", "WAREHOUSE_TOKEN"}, changed));
  EXPECT_FALSE(refusal({"s", "p", "postgres", "host=db.example.com", "WAREHOUSE_TOKEN"}, changed));
}

TEST(RemoteNamesOfAView, CatalogsAndFunctions) {
  using Names = std::vector<std::string>;
  const auto names = remote_names(
      "CREATE VIEW v AS SELECT * FROM KBC.\"in.c-crm\".orders JOIN far.main.\"o\"\"x\" ON ('a.b.c' = 1);");
  EXPECT_EQ(names.catalogs, (Names{"kbc", "far"}));
  EXPECT_EQ(
      remote_names("CREATE VIEW v AS SELECT * FROM bigquery_query('p', 'SELECT f(x) FROM a.b');").functions,
      (Names{"bigquery_query"}));
  EXPECT_EQ(remote_names("\"unclosed").catalogs, Names{});
}

class RemoteAttachReading : public ExtractTest {
 protected:
  // One extract with `attachments` (rows of VALUES), and a table `orders` whose view reads `from`.
  void make(const std::string& source, const std::string& attachments, const std::string& from,
            const std::string& before = "", const std::string& table = "orders") {
    run_sql(extracts() / source / "extract.duckdb",
            meta_sql() + before +
                "CREATE TABLE _remote_attach (alias VARCHAR, extension VARCHAR, url VARCHAR, token_env "
                "VARCHAR);" +
                (attachments.empty() ? "" : "INSERT INTO _remote_attach VALUES " + attachments + ";") +
                fmt::format("INSERT INTO _meta VALUES ('{0}', '', 5, 0, NULL, 'local');"
                            "CREATE VIEW {0} AS SELECT * FROM {1}",
                            table, from));
  }
  static constexpr const char* kFar = "ATTACH ':memory:' AS far; CREATE TABLE far.orders (a INTEGER);";
};

TEST_F(RemoteAttachReading, ATableBehindAnAttachmentIsRemoteWhateverMetaSays) {
  make("kbc", "('far', 'keboola', 'https://connection.example.com', 'KBC_TOKEN')", "far.main.orders", kFar);
  make("bigquery", "('bq', 'bigquery', 'project=acme', NULL)", "far.main.orders",
       "ATTACH ':memory:' AS far; CREATE TABLE far.orders (a INTEGER);", "broken");
  const auto catalogue = read();
  ASSERT_NE(find(catalogue, "orders"), nullptr) << problems(catalogue);
  EXPECT_EQ(find(catalogue, "orders")->kind, "remote");
  EXPECT_EQ(find(catalogue, "orders")->query_mode, "remote");
  EXPECT_EQ(find(catalogue, "orders")->alias, "far");
  EXPECT_EQ(catalogue.remote_attaches.size(), 2u);
  EXPECT_EQ(
      problems(catalogue),
      "table 'broken' of 'bigquery' is not served: its view does more than to read its Parquet files, and "
      "reads none of its remote attachments; write the rows into a file or a table of the extract\n")
      << "another extract's attachment is not its own";
}

TEST_F(RemoteAttachReading, AnExtractThatAsksForTooMuchLosesThatOnly) {
  make_extract("good", "fine", 3);
  make_extract("sly", "local_table", 3);
  make("sly", "('far', 'httpfs', 'https://example.com', 'JWT_SECRET_KEY')", "far.main.orders", kFar);
  const auto catalogue = read();
  EXPECT_TRUE(catalogue.complete);
  EXPECT_EQ(catalogue.tables.size(), 2u) << problems(catalogue);
  EXPECT_TRUE(catalogue.remote_attaches.empty());
  EXPECT_NE(problems(catalogue).find("attachment 'far' of 'sly' is refused: the extension 'httpfs'"),
            std::string::npos);
  EXPECT_NE(problems(catalogue).find("table 'orders' of 'sly' is not served"), std::string::npos);
}

TEST_F(RemoteAttachReading, AnAliasShadowsNothingAndIsOneEngine) {
  make_extract("good", "fine", 3);
  make("one",
       "('fine', 'bigquery', 'project=a', ''), ('GOOD', 'bigquery', 'project=a', ''), ('shared', "
       "'bigquery', 'project=a', ''), ('taken', 'bigquery', 'project=a', '')",
       "range(1)", "", "t1");
  make("two", "('shared', 'bigquery', 'project=a', ''), ('Taken', 'bigquery', 'project=b', '')", "range(1)",
       "", "t2");
  const auto catalogue = read();
  std::string kept;
  for (const auto& attach : catalogue.remote_attaches) kept += attach.source + "." + attach.alias + " ";
  EXPECT_EQ(kept, "one.shared one.taken two.shared ");
  for (const char* said : {"'fine' of 'one' is refused", "'GOOD' of 'one' is refused",
                           "'Taken' of 'two' is refused: 'one' has another"})
    EXPECT_NE(problems(catalogue).find(said), std::string::npos) << problems(catalogue);
}

TEST_F(RemoteAttachReading, ATableOfOddShapeIsRefusedByName) {
  make_extract("good", "fine", 3);
  run_sql(
      extracts() / "odd" / "extract.duckdb",
      meta_sql() +
          "CREATE TABLE _remote_attach (other INTEGER[]); INSERT INTO _remote_attach VALUES ([1]), (NULL)");
  run_sql(extracts() / "view" / "extract.duckdb",
          meta_sql() +
              "CREATE VIEW _remote_attach AS SELECT 'far' AS alias, 'bigquery' AS extension, 'project=a' AS "
              "url, '' AS token_env");
  const auto catalogue = read();
  EXPECT_EQ(catalogue.tables.size(), 1u);
  EXPECT_TRUE(catalogue.remote_attaches.empty());
  EXPECT_NE(problems(catalogue).find("attachment '' of 'odd' is refused: its alias"), std::string::npos);
}

TEST_F(RemoteAttachReading, NoViewReadsWhatTheEngineSaysOfItself) {
  const char* const bodies[] = {"duckdb_settings()",
                                "duckdb_databases()",
                                "duckdb_tables",
                                "\"DuckDB_Views\"()",
                                "information_schema.tables",
                                "system.information_schema.tables",
                                "pg_catalog.pg_tables",
                                "pragma_database_list",
                                "sqlite_master",
                                "(SELECT current_setting('temp_directory') AS v)",
                                "(SHOW ALL TABLES)",
                                "query('FROM duckdb_databases()')",
                                "(SELECT content FROM read_blob(replace('|etc|passwd', '|', chr(47))))",
                                "read_csv(replace('|etc|passwd', '|', chr(47)), header = true, delim = '~')"};
  int number = 0;
  for (const char* body : bodies)
    make(fmt::format("s{}", number++), "", body, "", fmt::format("t{}", number));
  // Behind a view that looks harmless.
  run_sql(
      extracts() / "nested" / "extract.duckdb",
      meta_sql() +
          "CREATE VIEW inner_one AS SELECT * FROM duckdb_settings(); CREATE VIEW outer_one AS SELECT * FROM "
          "inner_one; INSERT INTO _meta VALUES ('outer_one', '', 5, 0, NULL, 'local')");
  make_extract("good", "fine", 3);
  const auto catalogue = read();
  ASSERT_EQ(catalogue.tables.size(), 1u) << problems(catalogue);
  EXPECT_NE(find(catalogue, "fine"), nullptr);
  EXPECT_EQ(problems(catalogue).find("root:"), std::string::npos);
}

TEST_F(RemoteAttachReading, NoViewReachesAFileOutside) {
  make_extract("good", "fine", 3);
  put(root() / "secret.csv", "a\n1\n");
  const std::string path = (root() / "secret.csv").string();
  const std::string attacks[] = {
      "read_csv('" + path + "')",
      "read_text('" + path + "')",
      "read_blob('/etc/passwd')",
      "'" + path + "'",
      "glob('/etc/*')",
      "read_csv('" + (extracts() / "sly" / ".." / ".." / "secret.csv").string() + "')",
      "read_csv('" + (extracts() / "good" / "data" / "fine.parquet").string() + "')",
      "read_parquet(['" + (extracts() / "sly" / "data" / "x.parquet").string() + "', '/etc/passwd.parquet'])",
  };
  // place.
  int number = 0;
  for (const auto& attack : attacks) {
    const std::string name = fmt::format("t{}", number++);
    try {
      run_sql(extracts() / "sly" / "extract.duckdb",
              meta_sql() + fmt::format("INSERT INTO _meta VALUES ('{0}', '', 1, 0, NULL, 'local');"
                                       "CREATE VIEW {0} AS SELECT * FROM {1}",
                                       name, attack));
    } catch (const duck::QueryError&) {
      continue;  // DuckDB itself makes no such view
    }
    const auto catalogue = read();
    EXPECT_EQ(find(catalogue, name), nullptr) << attack;
    EXPECT_NE(find(catalogue, "fine"), nullptr) << attack;
    EXPECT_NE(problems(catalogue).find("'" + name + "' of 'sly'"), std::string::npos) << attack;
  }
}

TEST_F(RemoteAttachReading, AnExtractDatabaseIsAFileInItsFolder) {
  make_extract("good", "fine", 3);
  make_extract("aim", "hidden", 3);
  fs::create_directories(extracts() / "linked");
  fs::create_symlink(extracts() / "aim" / "extract.duckdb", extracts() / "linked" / "extract.duckdb");
  fs::create_directories(extracts() / "pipe");
  ASSERT_EQ(::mkfifo((extracts() / "pipe" / "extract.duckdb").c_str(), 0600), 0);
  fs::create_directories(extracts() / "folder" / "extract.duckdb");
  const auto catalogue = read();
  EXPECT_EQ(catalogue.tables.size(), 2u);
  for (const char* name : {"linked", "pipe", "folder"})
    EXPECT_NE(problems(catalogue).find(fmt::format("of '{}' cannot be read: it is a link or no file", name)),
              std::string::npos)
        << problems(catalogue);
}

}  // namespace
}  // namespace agnes::extracts
