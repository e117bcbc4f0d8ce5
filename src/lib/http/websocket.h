#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "lib/http/request.h"
#include "lib/http/response.h"

namespace agnes::http {

// One WebSocket connection (RFC 6455), used by one thread: the handler's. Pings are answered while it reads.
class WebSocket {
 public:
  ~WebSocket();

  struct Message {
    std::string data;
    bool is_text = true;
  };
  // Waits for the next whole message; nothing once the client has closed or gone, sends what is not a WebSocket frame or a
  // message over the limit, or the server stops.
  std::optional<Message> read();
  // Waits while the client is slower. False once it has gone.
  bool write(std::string_view data, bool is_text = true);
  // Tells the client that this is the end.
  void close();

  struct Impl;
  explicit WebSocket(std::unique_ptr<Impl> impl);

 private:
  std::unique_ptr<Impl> impl_;
};

// The answer to a request that asks for a WebSocket; 426 to any other. `run` has a thread of its own for as long as the
// connection lasts, of Server::Options::max_streams. Messages of clients have `max_message` bytes at most.
Response websocket(const Request& request, std::function<void(WebSocket&)> run,
                   std::size_t max_message = 1 << 20);

}  // namespace agnes::http
