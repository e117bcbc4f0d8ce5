#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>

#include "fixture.h"
#include "lib/http/websocket.h"

namespace agnes::http {
namespace {

struct Stored {
  std::string data = {}, filename = {}, type = {}, note = {};
  std::int64_t size = 0;
};
BOOST_DESCRIBE_STRUCT(Stored, (), (data, filename, type, note, size))

class UploadTest : public ServerTest {
 protected:
  UploadTest() {
    options.upload_folder = folder.path();
    options.max_body = 1000;
    routes.post("/upload", {.max_body = 8 << 20}, [this](const BodyFile& file) {
      last = file.path;
      Stored out{.data = read_file(file.path).value_or("none"),
                 .filename = file.filename,
                 .type = file.content_type,
                 .size = static_cast<std::int64_t>(file.size)};
      if (out.data.size() > 1000) out.data = std::to_string(std::hash<std::string>()(out.data));
      for (const auto& [name, value] : file.fields) out.note += name + "=" + value + ";";
      return out;
    });
  }
  Answer upload(const std::string& body, const std::string& type) {
    return post("/upload", body, "Authorization: Bearer user\r\n", type);
  }
  static std::string part(const std::string& disposition, const std::string& data) {
    return "--B\r\nContent-Disposition: form-data; " + disposition + "\r\n\r\n" + data + "\r\n";
  }
  bool is_empty() { return fs::is_empty(folder.path()); }
  TemporaryFolder folder{fs::temp_directory_path()};
  fs::path last;
};

TEST_F(UploadTest, WritesTheBodyToAFileThatGoesWithTheRequest) {
  start();
  const Answer small = upload("abc", "text/csv");
  EXPECT_EQ(small.body, R"({"data":"abc","filename":"","type":"text/csv","note":"","size":3})");
  std::string large(5 << 20, 'x');
  for (std::size_t i = 0; i < large.size(); ++i) large[i] = static_cast<char>(i * 7919 % 251);
  const Answer answer = upload(large, "application/octet-stream");
  EXPECT_EQ(answer.json().at("size"), large.size());
  EXPECT_EQ(answer.json().at("data").as_string(), std::to_string(std::hash<std::string>()(large)));
  EXPECT_FALSE(fs::exists(last));
  EXPECT_TRUE(is_empty());
}

TEST_F(UploadTest, TakesChunks) {
  start();
  const Answer answer = ask(
      "POST /upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  EXPECT_EQ(answer.json().at("data"), "abcde");
}

TEST_F(UploadTest, TakesTheFileOutOfAForm) {
  start();
  const std::string data = "line\r\n--A is not a boundary here\r\n-\r\n--";
  const Answer answer =
      upload(part("name=\"title\"", "A title") + part("name=\"file\"; filename=\"a.zip\"", data) +
                 part("name=\"empty\"", "") + "--B--\r\n",
             "multipart/form-data; boundary=B");
  ASSERT_EQ(answer.status, 200) << answer.body;
  EXPECT_EQ(answer.json().at("data").as_string(), data);
  EXPECT_EQ(answer.json().at("filename"), "a.zip");
  EXPECT_EQ(answer.json().at("note"), "title=A title;empty=;");
}

TEST_F(UploadTest, AFormMayArriveByteByByte) {
  start();
  const std::string body = part("name=\"file\"; filename=\"a\"", "x\r\n--") + "--B--\r\n";
  Client client(server->port());
  client.send(
      fmt::format("POST /upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user\r\nContent-Type: "
                  "multipart/form-data; boundary=B\r\nContent-Length: {}\r\n\r\n",
                  body.size()));
  for (const char byte : body) client.send({&byte, 1});
  EXPECT_EQ(client.read().json().at("data"), "x\r\n--");
}

TEST_F(UploadTest, RefusesWhatItCannotTake) {
  start();
  const std::string form = "multipart/form-data; boundary=B";
  const std::string file = part("name=\"file\"; filename=\"a\"", "x");
  EXPECT_EQ(upload("", "text/csv").status, 422);
  EXPECT_EQ(upload(part("name=\"title\"", "x") + "--B--\r\n", form).status, 422) << "no file";
  EXPECT_EQ(upload(file, form).status, 400) << "no end";
  EXPECT_EQ(upload("nothing", form).status, 400);
  EXPECT_EQ(upload(file + file + "--B--\r\n", form).status, 413) << "two files";
  EXPECT_EQ(upload(std::string((8 << 20) + 1, 'x'), "text/csv").status, 413);
  EXPECT_EQ(post("/upload", std::string(100, 'x')).status, 401) << "before the body is read";
  const Answer chunked =
      ask(fmt::format("POST /upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer user\r\nTransfer-Encoding: "
                      "chunked\r\n\r\n{:x}\r\n{}",
                      9 << 20, std::string((8 << 20) + 1, 'x')));
  EXPECT_EQ(chunked.status, 413);
  EXPECT_TRUE(is_empty());
}

class WebSocketTest : public ServerTest {
 protected:
  using Stream = boost::beast::websocket::stream<boost::asio::ip::tcp::socket>;
  WebSocketTest() {
    routes.get("/echo", {.auth = Auth::none}, [](const Request& request) {
      return websocket(
          request,
          [](WebSocket& socket) {
            while (auto message = socket.read()) {
              if (message->data == "end") return;
              if (!socket.write(message->data, message->is_text)) return;
            }
          },
          1000);
    });
    routes.get("/raw", {.auth = Auth::none}, [] {
      return Response::upgrade("shout", [](UpgradedSocket socket) {
        char buffer[100];
        std::string text = socket.received;
        while (text.find('\n') == std::string::npos) {
          const auto got = ::recv(socket.fd.get(), buffer, sizeof buffer, 0);
          if (got <= 0) return;
          text.append(buffer, static_cast<std::size_t>(got));
        }
        for (char& c : text) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        ::send(socket.fd.get(), text.data(), text.size(), MSG_NOSIGNAL);
      });
    });
  }
  Stream connect() {
    boost::asio::ip::tcp::socket socket(context);
    socket.connect({boost::asio::ip::make_address("127.0.0.1"), static_cast<std::uint16_t>(server->port())});
    Stream stream(std::move(socket));
    stream.handshake("x", "/echo");
    return stream;
  }
  static std::string read(Stream& stream) {
    boost::beast::flat_buffer buffer;
    stream.read(buffer);
    return boost::beast::buffers_to_string(buffer.data());
  }
  boost::asio::io_context context;
};

TEST_F(WebSocketTest, Echoes) {
  start();
  auto stream = connect();
  for (const std::string text : {"one", "two"}) {
    stream.write(boost::asio::buffer(text));
    EXPECT_EQ(read(stream), text);
    EXPECT_TRUE(stream.got_text());
  }
  stream.binary(true);
  stream.write(boost::asio::buffer(std::string("\0\1", 2)));
  EXPECT_EQ(read(stream), std::string("\0\1", 2));
  EXPECT_TRUE(stream.got_binary());
  EXPECT_EQ(server->counts().streams, 1u);
  stream.write(boost::asio::buffer(std::string("end")));
  EXPECT_THROW(read(stream), boost::system::system_error);
  EXPECT_EQ(stream.reason().code, boost::beast::websocket::close_code::normal);
}

TEST_F(WebSocketTest, EndsAtAMessageOverTheLimitAndWhenTheServerStops) {
  start();
  auto large = connect();
  large.write(boost::asio::buffer(std::string(1001, 'x')));
  EXPECT_THROW(read(large), boost::system::system_error);
  EXPECT_EQ(large.reason().code, boost::beast::websocket::close_code::too_big);
  auto other = connect();
  server->stop(std::chrono::minutes(1));
  EXPECT_THROW(read(other), boost::system::system_error);
}

TEST_F(WebSocketTest, IsRefusedToOrdinaryRequests) {
  start();
  const Answer answer = get("/echo");
  EXPECT_EQ(answer.status, 426);
  EXPECT_EQ(answer.header("upgrade"), "websocket");
}

TEST_F(WebSocketTest, HandsOverTheConnectionWithWhatIsThere) {
  start();
  Client client(server->port());
  client.send("GET /raw HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: shout\r\n\r\nhel");
  std::string head;
  while (head.find("\r\n\r\n") == std::string::npos) {
    char byte = 0;
    ASSERT_EQ(::recv(client.fd(), &byte, 1, 0), 1);
    head += byte;
  }
  EXPECT_TRUE(head.starts_with("HTTP/1.1 101 Switching Protocols\r\n")) << head;
  EXPECT_NE(head.find("Upgrade: shout\r\n"), std::string::npos);
  client.send("lo\n");
  std::string text(6, ' ');
  ASSERT_EQ(::recv(client.fd(), text.data(), text.size(), MSG_WAITALL), 6);
  EXPECT_EQ(text, "HELLO\n");
  EXPECT_TRUE(client.ended());
  EXPECT_EQ(ask("GET /raw HTTP/1.0\r\n\r\n").status, 426);
}

}  // namespace
}  // namespace agnes::http
