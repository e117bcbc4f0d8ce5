#include "lib/http/websocket.h"

#include <algorithm>

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core/buffers_to_string.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/websocket.hpp>
#include <sys/socket.h>

namespace agnes::http {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;

// The socket, with what was received before it was handed over in front.
class Stream {
 public:
  using executor_type = asio::io_context::executor_type;
  Stream(asio::io_context& context, UpgradedSocket socket)
      : executor_(context.get_executor()), fd_(std::move(socket.fd)), received_(std::move(socket.received)) {}

  executor_type get_executor() noexcept { return executor_; }

  template <class Buffers>
  std::size_t read_some(const Buffers& buffers, error_code& error) {
    error = {};
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
      const asio::mutable_buffer buffer(*at);
      if (buffer.size() == 0) continue;
      if (!received_.empty()) {
        const std::size_t size = std::min(buffer.size(), received_.size());
        std::copy_n(received_.data(), size, static_cast<char*>(buffer.data()));
        received_.erase(0, size);
        return size;
      }
      while (true) {
        const auto got = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
        if (got > 0) return static_cast<std::size_t>(got);
        if (got < 0 && errno == EINTR) continue;
        error = got == 0 ? error_code(asio::error::eof) : error_code(errno, boost::system::system_category());
        return 0;
      }
    }
    return 0;
  }
  template <class Buffers>
  std::size_t read_some(const Buffers& buffers) {
    error_code error;
    const auto size = read_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return size;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers, error_code& error) {
    error = {};
    for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers); ++at) {
      const asio::const_buffer buffer(*at);
      if (buffer.size() == 0) continue;
      while (true) {
        const auto sent = ::send(fd_.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL);
        if (sent >= 0) return static_cast<std::size_t>(sent);
        if (errno == EINTR) continue;
        error = error_code(errno, boost::system::system_category());
        return 0;
      }
    }
    return 0;
  }
  template <class Buffers>
  std::size_t write_some(const Buffers& buffers) {
    error_code error;
    const auto size = write_some(buffers, error);
    if (error) throw boost::system::system_error(error);
    return size;
  }
  void shut() { ::shutdown(fd_.get(), SHUT_RDWR); }

 private:
  executor_type executor_;
  UniqueFd fd_;
  std::string received_;
};

// Beast's customisation point for the connection's end.
void teardown(beast::role_type, Stream& stream, error_code& error) {
  stream.shut();
  error = {};
}

// The request as Beast takes it: what matters of it for the handshake.
beast::http::request<beast::http::empty_body> handshake(const Request& request) {
  beast::http::request<beast::http::empty_body> out(beast::http::verb::get, request.target(), 11);
  for (const auto& [name, value] : request.headers()) out.insert(name, value);
  return out;
}

}  // namespace

struct WebSocket::Impl {
  explicit Impl(UpgradedSocket socket) : stream(context, std::move(socket)) {}
  asio::io_context context{1};
  beast::websocket::stream<Stream> stream;
};

WebSocket::WebSocket(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
WebSocket::~WebSocket() = default;

std::optional<WebSocket::Message> WebSocket::read() {
  beast::flat_buffer buffer;
  error_code error;
  impl_->stream.read(buffer, error);
  if (error) return std::nullopt;
  return Message{beast::buffers_to_string(buffer.data()), impl_->stream.got_text()};
}

bool WebSocket::write(std::string_view data, bool is_text) {
  error_code error;
  impl_->stream.text(is_text);
  impl_->stream.write(asio::buffer(data.data(), data.size()), error);
  return !error;
}

void WebSocket::close() {
  error_code ignored;
  if (impl_->stream.is_open()) impl_->stream.close(beast::websocket::close_code::normal, ignored);
}

Response websocket(const Request& request, std::function<void(WebSocket&)> run, std::size_t max_message) {
  auto asked = handshake(request);
  if (request.method() != "GET" || !beast::websocket::is_upgrade(asked)) {
    Response response = Response::error(426, "A WebSocket is spoken here: ask for an upgrade");
    response.header("Upgrade", "websocket");
    return response;
  }
  return Response::upgrade(
      "", [asked = std::move(asked), run = std::move(run), max_message](UpgradedSocket socket) {
        auto impl = std::make_unique<WebSocket::Impl>(std::move(socket));
        auto& stream = impl->stream;
        stream.read_message_max(max_message);
        error_code error;
        stream.accept(asked, error);  // also answers a handshake that is none
        if (error) return;
        WebSocket connection(std::move(impl));
        run(connection);
        connection.close();
      });
}

}  // namespace agnes::http
