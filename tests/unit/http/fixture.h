#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "lib/base/files.h"
#include "lib/base/log.h"
#include "lib/base/text.h"
#include "lib/http/server.h"

namespace agnes::http {

struct Answer {
  int status = 0;
  std::map<std::string, std::string> headers;  // lower-case names; of repeated ones the last
  std::string head, body;
  boost::json::value json() const { return boost::json::parse(body); }
  std::string header(const std::string& name) const {
    const auto found = headers.find(name);
    return found == headers.end() ? "" : found->second;
  }
};

// A client that sends exactly the bytes it is given.
class Client {
 public:
  explicit Client(int port) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connected_ = ::connect(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
    const int on = 1;
    ::setsockopt(fd_.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    // So that a test fails, not hangs, when no answer comes.
    timeval limit{20, 0};
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ::setsockopt(fd_.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  }
  bool connected() const { return connected_; }
  int fd() const { return fd_.get(); }
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto sent = ::send(fd_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  void end_sending() { ::shutdown(fd_.get(), SHUT_WR); }
  void close() { fd_.reset(); }

  // The next answer; status 0 when the connection ends before it is whole.
  Answer read(bool to_head = false) {
    Answer answer;
    std::size_t end;
    while ((end = received_.find("\r\n\r\n")) == std::string::npos)
      if (!more()) return answer;
    answer.head = received_.substr(0, end + 4);
    received_.erase(0, end + 4);
    for (const auto& line : split(answer.head, '\n')) {
      const auto colon = line.find(": ");
      if (colon != std::string::npos)
        answer.headers[to_lower(line.substr(0, colon))] = trim(line.substr(colon + 2));
    }
    const int status = static_cast<int>(parse_int(answer.head.substr(9, 3)).value_or(0));
    if (to_head || status == 204 || status == 304 || status == 100) {
    } else if (answer.header("transfer-encoding") == "chunked") {
      while (true) {
        std::size_t line;
        while ((line = received_.find("\r\n")) == std::string::npos)
          if (!more()) return answer;
        const auto size = std::stoul(received_.substr(0, line), nullptr, 16);
        while (received_.size() < line + 2 + size + 2)
          if (!more()) return answer;
        answer.body += received_.substr(line + 2, size);
        received_.erase(0, line + 2 + size + 2);
        if (size == 0) break;
      }
    } else if (const auto length = parse_int(answer.header("content-length"))) {
      while (received_.size() < static_cast<std::size_t>(*length))
        if (!more()) return answer;
      answer.body = received_.substr(0, static_cast<std::size_t>(*length));
      received_.erase(0, static_cast<std::size_t>(*length));
    } else {
      while (more()) {
      }
      answer.body = std::move(received_);
      received_.clear();
    }
    answer.status = status;
    return answer;
  }
  // Whether the server has closed its side and nothing is left to read.
  bool ended() { return received_.empty() && !more(); }

 private:
  bool more() {
    char buffer[65536];
    const auto got = ::recv(fd_.get(), buffer, sizeof buffer, 0);
    if (got <= 0) return false;
    received_.append(buffer, static_cast<std::size_t>(got));
    return true;
  }
  UniqueFd fd_;
  bool connected_ = false;
  std::string received_;
};

// A server on a free port. Declare routes, then call start().
class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    log::init("off", false);
    options.access_log = false;
    routes.set_authenticator([](const Request& request, std::string& reason) -> std::optional<Caller> {
      const std::string_view token = request.header("authorization");
      Caller caller{
          .user_id = "u1", .email = "ann@example.com", .name = {}, .is_admin = false, .token_id = "t1"};
      if (token == "Bearer admin")
        caller.is_admin = true;
      else if (token == "Bearer pat")
        caller.token_kind = Caller::TokenKind::pat;
      else if (token != "Bearer user")
        return reason = token.empty() ? "" : "Token is not valid", std::nullopt;
      return caller;
    });
  }
  void start() {
    server = std::make_unique<Server>(options, routes);
    server->start();
  }
  Answer ask(const std::string& bytes, bool to_head = false) {
    Client client(server->port());
    client.send(bytes);
    return client.read(to_head);
  }
  Answer get(const std::string& target, const std::string& headers = "") {
    return ask("GET " + target + " HTTP/1.1\r\nHost: x\r\n" + headers + "\r\n");
  }
  Answer post(const std::string& target, const std::string& body, const std::string& headers = "",
              const std::string& type = "application/json") {
    return ask(
        fmt::format("POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: {}\r\nContent-Length: {}\r\n{}\r\n{}",
                    target, type, body.size(), headers, body));
  }

  Routes routes;
  Server::Options options;
  std::unique_ptr<Server> server;
};

}  // namespace agnes::http
