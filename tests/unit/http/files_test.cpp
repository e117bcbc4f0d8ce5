#include "fixture.h"

namespace agnes::http {
namespace {

class FilesTest : public ServerTest {
 protected:
  FilesTest() : folder(fs::temp_directory_path()), file(folder.path() / "data.bin") {
    for (int i = 0; i < 1000; ++i) content += static_cast<char>('a' + i % 26);
    replace_file(file, content);
    replace_file(folder.path() / "empty", "");
    routes.get("/file", {.auth = Auth::none}, [this] {
      FileBody body = FileBody::open(file, {}, "\"v1\"");
      body.modified = 784111777;  // Sun, 06 Nov 1994 08:49:37 GMT
      body.download_name = "d\xc3\xa4ta.bin";
      return Response::file(std::move(body));
    });
    routes.get("/empty", {.auth = Auth::none},
               [this] { return Response::file(FileBody::open(folder.path() / "empty")); });
    routes.get("/gone", {.auth = Auth::none},
               [this] { return Response::file(FileBody::open(folder.path() / "no")); });
    routes.get("/folder", {.auth = Auth::none},
               [this] { return Response::file(FileBody::open(folder.path())); });
    fs::create_directories(folder.path() / "static/sub");
    replace_file(folder.path() / "static/app.js", "plain");
    replace_file(folder.path() / "static/app.js.gz", gzip("packed"));
    replace_file(folder.path() / "static/sub/page.html", "<p>");
    replace_file(folder.path() / "static/.secret", "x");
    fs::create_symlink(file, folder.path() / "static/link");
    fs::create_directory_symlink(folder.path(), folder.path() / "static/out");
    routes.mount("/static", folder.path() / "static");
    start();
  }
  TemporaryFolder folder;
  fs::path file;
  std::string content;
};

TEST_F(FilesTest, SendsTheWholeFile) {
  const Answer answer = get("/file");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, content);
  EXPECT_EQ(answer.header("content-type"), "application/octet-stream");
  EXPECT_EQ(answer.header("etag"), "\"v1\"");
  EXPECT_EQ(answer.header("accept-ranges"), "bytes");
  EXPECT_EQ(answer.header("last-modified"), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(answer.header("content-disposition"),
            "attachment; filename=\"d_ta.bin\"; filename*=UTF-8''d%C3%A4ta.bin");
  const Answer head = ask("HEAD /file HTTP/1.1\r\nHost: x\r\n\r\n", true);
  EXPECT_EQ(head.status, 200);
  EXPECT_EQ(head.header("content-length"), "1000");
  EXPECT_EQ(get("/empty").status, 200);
  EXPECT_EQ(get("/empty").header("content-length"), "0");
  EXPECT_EQ(get("/gone").status, 404);
  EXPECT_EQ(get("/gone").body, R"({"detail":"File not found: no"})");
  EXPECT_EQ(get("/folder").status, 404);
}

TEST_F(FilesTest, AnswersConditions) {
  struct Case {
    std::string headers;
    int status;
  };
  const Case cases[] = {
      {"If-None-Match: \"v1\"\r\n", 304},
      {"If-None-Match: W/\"v1\"\r\n", 304},
      {"If-None-Match: \"v0\", \"a,b\" , W/\"v1\"\r\n", 304},
      {"If-None-Match: *\r\n", 304},
      {"If-None-Match: \"v2\"\r\n", 200},
      {"If-None-Match: v\r\n", 200},
      {"If-None-Match: \"\r\n", 200},
      {"If-None-Match: ,,\r\n", 200},
      {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", 304},
      {"If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n", 200},
      {"If-Modified-Since: yesterday\r\n", 200},
      {"If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\nIf-None-Match: \"v2\"\r\n", 200},
      {"If-Match: \"v1\"\r\n", 200},
      {"If-Match: \"v2\"\r\n", 412},
      {"If-None-Match: \"v1\"\r\nRange: bytes=0-1\r\n", 304},
  };
  for (const auto& [headers, status] : cases) {
    const Answer answer = get("/file", headers);
    EXPECT_EQ(answer.status, status) << headers;
    if (status == 304) {
      EXPECT_EQ(answer.header("etag"), "\"v1\"");
      EXPECT_EQ(answer.header("content-length"), "");
    }
    if (status == 412) {
      EXPECT_EQ(answer.header("content-type"), "application/json");
      EXPECT_TRUE(answer.json().as_object().contains("detail"));
    }
  }
}

TEST_F(FilesTest, AnswersRanges) {
  struct Case {
    std::string range;
    int status;
    std::string content_range;
    std::size_t from, count;
  };
  const Case cases[] = {
      {"bytes=0-99", 206, "bytes 0-99/1000", 0, 100},
      {"bytes=-56", 206, "bytes 944-999/1000", 944, 56},
      {"bytes=-5000", 206, "bytes 0-999/1000", 0, 1000},
      {"bytes=990-", 206, "bytes 990-999/1000", 990, 10},
      {"bytes=990-99999999999999", 206, "bytes 990-999/1000", 990, 10},
      {"BYTES= 5 - 6 ", 206, "bytes 5-6/1000", 5, 2},
      {"bytes=999-999,5000-", 206, "bytes 999-999/1000", 999, 1},
      {"bytes=1000-", 416, "bytes */1000", 0, 0},
      {"bytes=-0", 416, "bytes */1000", 0, 0},
      {"bytes=5000-,6000-", 416, "bytes */1000", 0, 0},
      {"items=0-1", 200, "", 0, 1000},
      {"bytes=5-2", 200, "", 0, 1000},
      {"bytes=a-b", 200, "", 0, 1000},
      {"bytes=", 200, "", 0, 1000},
      {"bytes=--1", 200, "", 0, 1000},
      {"bytes=99999999999999999999999-", 200, "", 0, 1000},
      {"bytes=0-999,0-999", 200, "", 0, 1000},
      {"bytes=0-0,2-2,4-4,6-6,8-8,10-10,12-12,14-14,16-16,18-18,20-20,22-22,24-24,26-26,28-28,30-30,32-32",
       200, "", 0, 1000},
  };
  for (const auto& [range, status, content_range, from, count] : cases) {
    const Answer answer = get("/file", "Range: " + range + "\r\n");
    EXPECT_EQ(answer.status, status) << range;
    EXPECT_EQ(answer.header("content-range"), content_range) << range;
    if (status != 416) {
      EXPECT_EQ(answer.body, content.substr(from, count)) << range;
    } else {
      EXPECT_EQ(answer.header("content-type"), "application/json");
      EXPECT_TRUE(answer.json().as_object().contains("detail"));
    }
  }
  EXPECT_EQ(get("/empty", "Range: bytes=0-\r\n").status, 416);
  EXPECT_EQ(get("/file", "Range: bytes=0-1\r\nIf-Range: \"v1\"\r\n").status, 206);
  EXPECT_EQ(get("/file", "Range: bytes=0-1\r\nIf-Range: \"v0\"\r\n").status, 200);
  EXPECT_EQ(get("/file", "Range: bytes=0-1\r\nIf-Range: W/\"v1\"\r\n").status, 200);
  EXPECT_EQ(get("/file", "Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n").status, 206);
  EXPECT_EQ(get("/file", "Range: bytes=0-1\r\nIf-Range: Sun, 06 Nov 1994 08:49:38 GMT\r\n").status, 200);
}

TEST_F(FilesTest, SendsSeveralRangesAsParts) {
  const Answer answer = get("/file", "Range: bytes=0-1, -2\r\n");
  EXPECT_EQ(answer.status, 206);
  const std::string type = answer.header("content-type");
  ASSERT_TRUE(type.starts_with("multipart/byteranges; boundary="));
  const std::string mark = "\r\n--" + type.substr(31);
  EXPECT_EQ(answer.body,
            mark + "\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 0-1/1000\r\n\r\nab" +
                mark +
                "\r\nContent-Type: application/octet-stream\r\nContent-Range: bytes 998-999/1000\r\n\r\n" +
                content.substr(998) + mark + "--\r\n");
}

TEST_F(FilesTest, KeepsToTheVersionThatItOpened) {
  // The old file is sent whole although it is replaced while the client reads.
  std::string big(8 << 20, 'o');
  replace_file(file, big);
  Client client(server->port());
  client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\nGET /me HTTP/1.1\r\n");
  char first = 0;
  ASSERT_EQ(::recv(client.fd(), &first, 1, MSG_PEEK), 1);
  replace_file(file, "new");
  EXPECT_EQ(client.read().body, big);
  EXPECT_EQ(get("/file").body, "new");
}

TEST_F(FilesTest, MountsAFolderAndNothingElse) {
  EXPECT_EQ(get("/static/app.js").body, "plain");
  EXPECT_EQ(get("/static/app.js").header("content-type"), "text/javascript; charset=utf-8");
  const Answer packed = get("/static/app.js", "Accept-Encoding: gzip\r\n");
  EXPECT_EQ(packed.header("content-encoding"), "gzip");
  EXPECT_EQ(gunzip(packed.body, 100), "packed");
  EXPECT_EQ(get("/static/sub/page.html").body, "<p>");
  for (const char* path : {"/static/.secret", "/static/../data.bin", "/static/%2e%2e/data.bin",
                           "/static/..%2fdata.bin", "/static/link", "/static/out/data.bin", "/static/sub",
                           "/static/", "/static//app.js", "/static/sub/", "/static/app.js/x", "/static/no"})
    EXPECT_EQ(get(path).status, 404) << path;
}

}  // namespace
}  // namespace agnes::http
