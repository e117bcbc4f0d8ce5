#include "fixture.h"

namespace agnes::http {
namespace {

enum class Mode { local, remote };
BOOST_DESCRIBE_ENUM(Mode, local, remote)

struct Column {
  std::string name, type_;
};
BOOST_DESCRIBE_STRUCT(Column, (), (name, type_))

struct NewTable {
  std::string name;
  Mode mode = Mode::local;
  std::optional<int> days;
  std::vector<Column> columns;
  json::Field<std::string> folder;
  static constexpr json::Rule rules[] = {
      {.field = "name", .min_length = 1, .max_length = 10, .pattern = "^[a-z]+$"},
      {.field = "mode", .has_default = true},
      {.field = "days", .ge = 1, .le = 30},
      {.field = "columns", .has_default = true, .max_length = 2},
  };
  void check(json::Check& check) const {
    if (mode == Mode::remote && !columns.empty())
      check.field("columns", "A remote table has its own columns");
  }
};
BOOST_DESCRIBE_STRUCT(NewTable, (), (name, mode, days, columns, folder))

struct Page {
  int limit = 100;
  bool all = false;
  std::vector<std::string> tag;
  static constexpr json::Rule rules[] = {{.field = "limit", .has_default = true, .ge = 1, .le = 1000},
                                         {.field = "*", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(Page, (), (limit, all, tag))

struct Where {
  std::string source;
  int version;
};
BOOST_DESCRIBE_STRUCT(Where, (), (source, version))

struct Upload {
  std::string note;
  File file;
  std::vector<File> more;
  static constexpr json::Rule rules[] = {{.field = "more", .has_default = true}};
};
BOOST_DESCRIBE_STRUCT(Upload, (), (note, file, more))

class RoutesTest : public ServerTest {
 protected:
  RoutesTest() {
    routes.post("/tables", {.auth = Auth::admin, .status = 201, .tag = "tables", .summary = "Add a table"},
                [](const Caller& caller, const NewTable& body) {
                  NewTable out = body;
                  out.name += "/" + caller.user_id;
                  return out;
                });
    routes.get("/tables", {.auth = Auth::user, .tag = "tables"},
               [](const Query<Page>& page) { return *page; });
    routes.get("/tables/{source}/{version}", {.auth = Auth::none},
               [](const Path<Where>& path) { return *path; });
    routes.get("/tables/{source}/new", {.auth = Auth::none}, [](const Param<"source">& source) {
      return std::map<std::string, std::string>{{"new", *source}};
    });
    routes.del("/tables/{id}", {.auth = Auth::session}, [](const Param<"id">&) {});
    routes.get("/files/{path:path}", {.auth = Auth::none},
               [](const Request& request) { return std::vector<std::string>{request.param("path")}; });
    routes.get("/page", {.page = true}, [](const Caller&) { return Response::html("<p>"); });
    routes.get("/me", {.auth = Auth::optional}, [](const std::optional<Caller>& caller) {
      return caller ? caller->email : std::string("nobody");
    });
    routes.post("/any", {.auth = Auth::none}, [](const std::optional<boost::json::value>& body) {
      return boost::json::value(body ? boost::json::serialize(*body) : "nothing");
    });
    routes.post("/upload", {.auth = Auth::none}, [](const Form<Upload>& form) {
      return std::vector<std::string>{form->note, form->file.filename, std::string(form->file.data),
                                      std::to_string(form->more.size())};
    });
    routes.get("/off", {.auth = Auth::user, .off = true}, [](const Caller& caller) { return caller.email; });
    routes.post("/void", {.auth = Auth::none, .status = 200}, [] {});
    routes.get("/fault", {.auth = Auth::none}, []() -> Response { throw std::runtime_error("secret path"); });
    routes.get("/internal", {.auth = Auth::none},
               []() -> Response { throw Error(ErrorKind::internal, "secret path"); });
    routes.get("/conflict", {.auth = Auth::none}, []() -> Response {
      throw Error(ErrorKind::conflict, "It is there", {{"id", 5}});
    });
    routes.on_response([](const Request& request, Response& response) {
      response.header("X-Request-ID", request.id()).header("X-Content-Type-Options", "nosniff");
    });
    routes.serve_docs({"Test", "1.2", "What it is <for>"});
    start();
  }
  // The places that a 422 names, as JSON texts.
  static std::vector<std::string> places(const Answer& answer) {
    std::vector<std::string> out;
    const auto body = answer.json();
    for (const auto& problem : body.at("detail").as_array())
      out.push_back(std::string(problem.at("type").as_string()) + boost::json::serialize(problem.at("loc")));
    return out;
  }
  const std::string admin = "Authorization: Bearer admin\r\n", user = "Authorization: Bearer user\r\n",
                    pat = "Authorization: Bearer pat\r\n";
};

TEST_F(RoutesTest, AnswersWithTheStructAndTheStatus) {
  const Answer answer =
      post("/tables", R"({"name":"abc","days":"7","columns":[{"name":"a","type":"int"}]})", admin);
  EXPECT_EQ(answer.status, 201);
  EXPECT_EQ(answer.header("content-type"), "application/json");
  EXPECT_EQ(answer.header("x-content-type-options"), "nosniff");
  EXPECT_EQ(answer.json(), boost::json::parse(R"({"name":"abc/u1","mode":"local","days":7,
                                                 "columns":[{"name":"a","type":"int"}]})"));
}

TEST_F(RoutesTest, ListsEverythingThatIsWrong) {
  const Answer answer =
      post("/tables",
           R"({"name":"","mode":"far","days":31,"columns":[{"name":1,"type":"x"},{"type":null}],"folder":5})",
           admin);
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(places(answer),
            (std::vector<std::string>{
                R"(string_too_short["body","name"])", R"(literal_error["body","mode"])",
                R"(less_than_equal["body","days"])", R"(string_type["body","columns",0,"name"])",
                R"(missing["body","columns",1,"name"])", R"(string_type["body","columns",1,"type"])",
                R"(string_type["body","folder"])"}));
  const auto first = answer.json().at("detail").at(0);
  EXPECT_EQ(first.at("input"), boost::json::value(""));
  EXPECT_EQ(first.at("ctx"), (boost::json::value{{"min_length", 1}}));
}

TEST_F(RoutesTest, ChecksBetweenFields) {
  const Answer answer =
      post("/tables", R"({"name":"a","mode":"remote","columns":[{"name":"a","type":"b"}]})", admin);
  EXPECT_EQ(places(answer), std::vector<std::string>{R"(value_error["body","columns"])"});
}

TEST_F(RoutesTest, RefusesBodiesThatAreNoObject) {
  const std::pair<std::string, std::string> cases[] = {
      {"", R"(missing["body"])"},
      {"[]", R"(model_attributes_type["body"])"},
      {"null", R"(model_attributes_type["body"])"},
      {"{not json", R"(json_invalid["body",1])"},
      {"{}x", R"(json_invalid["body",2])"},
      {R"({"name":)", R"(json_invalid["body",8])"},
      {"{\"name\":\"\xff\"}", R"(json_invalid["body",9])"},
      {std::string(200, '[') + std::string(200, ']'), R"(json_invalid["body",64])"},
      {"NaN", R"(json_invalid["body",0])"},
  };
  for (const auto& [body, expected] : cases) {
    const Answer answer = post("/tables", body, admin);
    EXPECT_EQ(answer.status, 422) << body;
    EXPECT_EQ(places(answer), std::vector<std::string>{expected}) << body;
  }
  // A form on a foreign page can post text/plain, but not JSON.
  EXPECT_EQ(places(post("/tables", R"({"name":"a"})", admin, "text/plain")),
            std::vector<std::string>{R"(model_attributes_type["body"])"});
}

TEST_F(RoutesTest, AsksWhoBeforeWhat) {
  const std::string bad = "{";
  Answer answer = post("/tables", bad);
  EXPECT_EQ(answer.status, 401);
  EXPECT_EQ(answer.header("www-authenticate"), "Bearer");
  EXPECT_EQ(answer.body, R"({"detail":"Not authenticated"})");
  EXPECT_EQ(post("/tables", bad, "Authorization: Bearer x\r\n").body, R"({"detail":"Token is not valid"})");
  EXPECT_EQ(post("/tables", bad, user).status, 403);
  EXPECT_EQ(post("/tables", bad, admin).status, 422);
  const auto remove = [&](const std::string& who) {
    return ask("DELETE /tables/5 HTTP/1.1\r\nHost: x\r\n" + who + "\r\n");
  };
  EXPECT_EQ(remove("").status, 401);
  EXPECT_EQ(remove(pat).status, 403);
  EXPECT_EQ(remove(user).status, 204);
  EXPECT_EQ(remove(user).header("content-length"), "");
  EXPECT_EQ(get("/me").body, "\"nobody\"");
  EXPECT_EQ(get("/me", user).body, "\"ann@example.com\"");
}

TEST_F(RoutesTest, SendsSignedOutBrowsersToTheSignIn) {
  const Answer answer = get("/page?a=1&b=2");
  EXPECT_EQ(answer.status, 302);
  EXPECT_EQ(answer.header("location"), "/login?next=%2Fpage%3Fa%3D1%26b%3D2");
  EXPECT_EQ(get("/page", user).status, 200);
}

TEST_F(RoutesTest, ReadsTheQuery) {
  EXPECT_EQ(get("/tables?limit=5&all=yes&tag=a&tag=b%20c", user).json(),
            boost::json::parse(R"({"limit":5,"all":true,"tag":["a","b c"]})"));
  EXPECT_EQ(get("/tables", user).json(), boost::json::parse(R"({"limit":100,"all":false,"tag":[]})"));
  EXPECT_EQ(get("/tables?limit=1&limit=2", user).json().at("limit"), boost::json::value(2));
  const Answer answer = get("/tables?limit=0&all=maybe", user);
  EXPECT_EQ(answer.status, 422);
  EXPECT_EQ(places(answer), (std::vector<std::string>{R"(greater_than_equal["query","limit"])",
                                                      R"(bool_parsing["query","all"])"}));
  EXPECT_EQ(places(get("/tables?limit=x", user)),
            std::vector<std::string>{R"(int_parsing["query","limit"])"});
  EXPECT_EQ(get("/tables?tag=%ff", user).status, 400);
}

TEST_F(RoutesTest, FindsRoutesByPath) {
  EXPECT_EQ(get("/tables/crm/5").json(), boost::json::parse(R"({"source":"crm","version":5})"));
  EXPECT_EQ(places(get("/tables/crm/x")), std::vector<std::string>{R"(int_parsing["path","version"])"});
  EXPECT_EQ(get("/tables/crm/new").body, R"({"new":"crm"})") << "a fixed segment wins";
  EXPECT_EQ(get("/tables/a%20b%c3%a9/new").body, "{\"new\":\"a b\xc3\xa9\"}");
  EXPECT_EQ(get("/files/a/b/c").body, R"(["a/b/c"])");
  EXPECT_EQ(get("/nope").status, 404);
  EXPECT_EQ(get("/nope").body, R"({"detail":"Not Found"})");
  EXPECT_EQ(get("/tables/a%2Fb/c/new").status, 404) << "an encoded slash is a slash";
  EXPECT_EQ(get("/tables//new").status, 404);
  EXPECT_EQ(get("/tables/%zz/new").status, 400);
  EXPECT_EQ(get("/tables/%00/new").status, 400);
  EXPECT_EQ(get("/tables/%ff/new").status, 400);
  const Answer wrong = ask("PUT /tables HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(wrong.status, 405);
  EXPECT_EQ(wrong.header("allow"), "GET, HEAD, POST");
  EXPECT_EQ(wrong.body, R"({"detail":"Method Not Allowed"})");
  const Answer slash = get("/me/?a=1");
  EXPECT_EQ(slash.status, 307);
  EXPECT_EQ(slash.header("location"), "/me?a=1");
  EXPECT_EQ(get("//evil.example/").status, 404);
}

TEST_F(RoutesTest, ARouteThatIsSwitchedOffIsDescribedAndNotThere) {
  for (const char* target : {"/off", "/off/", "/off?x=1"}) {
    EXPECT_EQ(get(target).status, 404) << target;
    EXPECT_EQ(get(target).body, R"({"detail":"Not Found"})") << target;
  }
  EXPECT_EQ(post("/off", "{}").status, 405) << "as of any route in the document";
  EXPECT_TRUE(get("/openapi.json").json().at("paths").as_object().contains("/off"));
}

TEST_F(RoutesTest, AnswersHeadWithoutABody) {
  const Answer whole = get("/me");
  const Answer head = ask("HEAD /me HTTP/1.1\r\nHost: x\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), whole.header("content-length"));
}

TEST_F(RoutesTest, TakesBodiesOfAnyShapeOrNone) {
  EXPECT_EQ(post("/any", "").body, "\"nothing\"");
  EXPECT_EQ(post("/any", "[1,2]").body, "\"[1,2]\"");
  EXPECT_EQ(post("/any", "null").body, "\"nothing\"");
  EXPECT_EQ(post("/any", "{").status, 422);
  EXPECT_EQ(post("/void", "").body, "null");
}

TEST_F(RoutesTest, ReadsForms) {
  const std::string body =
      "--X\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nhello\r\nthere\r\n"
      "--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".txt\"\r\nContent-Type: "
      "text/plain\r\n\r\n1\r\n--Y\r\n\r\n"
      "--X\r\nContent-Disposition: form-data; name=\"more\"; filename=\"c\"\r\n\r\n\r\n"
      "--X\r\nContent-Disposition: form-data; name=\"more\"; filename=\"\"\r\n\r\n\r\n--X--\r\n";
  const std::string type = "multipart/form-data; boundary=X";
  EXPECT_EQ(post("/upload", body, "", type).json(),
            (boost::json::value{"hello\r\nthere", "a \"b\".txt", "1\r\n--Y\r\n", "1"}));
  EXPECT_EQ(places(post("/upload", "")),
            (std::vector<std::string>{R"(missing["body","note"])", R"(missing["body","file"])"}));
  EXPECT_EQ(places(post("/upload", "note=a&file=b", "", "application/x-www-form-urlencoded")),
            std::vector<std::string>{R"(value_error["body","file"])"});
  for (const char* bad :
       {"", "--X", "--X\r\n", "--X\r\nA: b\r\n\r\n", "--X\r\n\r\n--X--", "--Xx\r\n\r\n\r\n--X--", "y"})
    EXPECT_EQ(post("/upload", bad, "", type).status, 400) << bad;
  EXPECT_EQ(post("/upload", body, "", "multipart/form-data").status, 400);
}

TEST_F(RoutesTest, HidesFaults) {
  for (const char* path : {"/fault", "/internal"}) {
    const Answer answer = get(path, "X-Request-ID: abc-1\r\n");
    EXPECT_EQ(answer.status, 500);
    EXPECT_EQ(answer.header("x-request-id"), "abc-1");
    EXPECT_EQ(answer.body, R"({"detail":"Internal server error","request_id":"abc-1"})");
  }
  EXPECT_NE(get("/fault", "X-Request-ID: bad id\r\n").header("x-request-id"), "bad id");
  const Answer conflict = get("/conflict");
  EXPECT_EQ(conflict.status, 409);
  EXPECT_EQ(conflict.body, R"({"detail":{"id":5}})");
}

TEST_F(RoutesTest, DescribesItself) {
  const auto document = get("/openapi.json").json();
  const auto& post_table = document.at("paths").at("/tables").at("post");
  EXPECT_EQ(post_table.at("summary"), boost::json::value("Add a table"));
  const auto& reference =
      post_table.at("requestBody").at("content").at("application/json").at("schema").at("$ref").as_string();
  EXPECT_EQ(reference, "#/components/schemas/http.NewTable");
  const auto& schema = document.at("components").at("schemas").at("http.NewTable");
  EXPECT_EQ(schema.at("required"), (boost::json::value{"name"}));
  EXPECT_EQ(schema.at("properties").at("name"),
            boost::json::parse(R"({"type":"string","minLength":1,"maxLength":10,
                                                                       "pattern":"^[a-z]+$"})"));
  EXPECT_EQ(schema.at("properties").at("mode"),
            boost::json::parse(R"({"type":"string","enum":["local","remote"],"default":"local"})"));
  EXPECT_TRUE(post_table.at("responses").as_object().contains("201"));
  std::vector<std::string> names;
  for (const auto& parameter : document.at("paths").at("/tables").at("get").at("parameters").as_array())
    names.push_back(std::string(parameter.at("in").as_string()) + ":" +
                    std::string(parameter.at("name").as_string()));
  EXPECT_EQ(names,
            (std::vector<std::string>{"query:limit", "query:all", "query:tag", "header:authorization"}));
  EXPECT_TRUE(document.at("paths").as_object().contains("/files/{path}"));
  EXPECT_TRUE(document.at("paths")
                  .at("/upload")
                  .at("post")
                  .at("requestBody")
                  .at("content")
                  .as_object()
                  .contains("multipart/form-data"));
  const Answer page = get("/docs");
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("/tables/{source}/{version}"), std::string::npos);
  EXPECT_NE(page.body.find("What it is &lt;for&gt;"), std::string::npos);
}

TEST(Routes, RefusesWhatCannotBe) {
  Routes routes;
  const auto handler = [](const Request&) {};
  routes.get("/a/{b}", {}, handler);
  EXPECT_THROW(routes.get("/a/{c}", {}, handler), std::logic_error);
  EXPECT_THROW(routes.get("a", {}, handler), std::logic_error);
  EXPECT_THROW(routes.get("/{a:path}/b", {}, handler), std::logic_error);
  EXPECT_THROW(routes.get("/{b}c", {}, handler), std::logic_error);
}

}  // namespace
}  // namespace agnes::http
