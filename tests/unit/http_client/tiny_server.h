#pragma once

#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/files.h"
#include "lib/base/text.h"

namespace agnes::http_client {

// Answers each request with the bytes that a function gives; what is not a whole answer ends the connection.
class TinyServer {
 public:
  struct Seen {
    std::string method, target, head, body;
    std::string header(std::string_view name) const {
      for (const auto& line : split(head, '\n')) {
        const auto colon = line.find(':');
        if (colon != line.npos && iequals(line.substr(0, colon), name))
          return std::string(trim(line.substr(colon + 1)));
      }
      return "";
    }
  };
  using Answer = std::function<std::string(const Seen&)>;
  // For an answer that does not come.
  inline static const std::string kSilence = "(silence)";

  explicit TinyServer(Answer answer)
      : answer_(std::move(answer)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    ::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_.get(), 64);
    ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    int ends[2];
    if (::pipe(ends) != 0) throw std::runtime_error("pipe");
    stopped_ = UniqueFd(ends[0]);
    stop_ = UniqueFd(ends[1]);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~TinyServer() {
    stop_.reset();
    acceptor_.join();
    for (auto& thread : threads_) thread.join();
  }

  static std::string answer(int status, const std::string& body, const std::string& headers = "") {
    return fmt::format("HTTP/1.1 {} X\r\nContent-Length: {}\r\n{}\r\n{}", status, body.size(), headers, body);
  }

  std::string url() const { return fmt::format("http://127.0.0.1:{}", port_); }
  int connections() const { return connections_; }
  std::vector<Seen> seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
  }

 private:
  // False when the server is stopping.
  bool wait_for(int fd) const {
    pollfd fds[] = {{fd, POLLIN, 0}, {stopped_.get(), POLLIN, 0}};
    ::poll(fds, 2, -1);
    return fds[1].revents == 0;
  }
  void accept() {
    while (wait_for(listener_.get())) {
      UniqueFd socket(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      ++connections_;
      threads_.emplace_back([this, socket = std::move(socket)] { serve(socket.get()); });
    }
  }
  void serve(int fd) {
    std::string pending;
    char buffer[1 << 16];
    while (true) {
      const auto end = pending.find("\r\n\r\n");
      std::size_t length = 0;
      if (end != pending.npos) {
        Seen seen;
        seen.head = pending.substr(0, end);
        length = static_cast<std::size_t>(parse_int(seen.header("content-length")).value_or(0));
        if (pending.size() >= end + 4 + length) {
          const auto words = split(seen.head.substr(0, seen.head.find("\r\n")), ' ');
          seen.method = words[0];
          seen.target = words[1];
          seen.body = pending.substr(end + 4, length);
          pending.erase(0, end + 4 + length);
          {
            const std::lock_guard lock(mutex_);
            seen_.push_back(seen);
          }
          const std::string out = answer_(seen);
          if (out == kSilence) {
            wait_for(stopped_.get());
            return;
          }
          for (std::size_t at = 0; at < out.size();) {
            const auto put = ::send(fd, out.data() + at, out.size() - at, MSG_NOSIGNAL);
            if (put <= 0) return;
            at += static_cast<std::size_t>(put);
          }
          const auto body = out.find("\r\n\r\n");
          const auto announced = out.find("Content-Length: ");
          if (body == out.npos || announced == out.npos ||
              out.size() - body - 4 <
                  static_cast<std::size_t>(std::strtoul(out.c_str() + announced + 16, nullptr, 10)))
            return;
          continue;
        }
      }
      if (!wait_for(fd)) return;
      const auto got = ::recv(fd, buffer, sizeof buffer, 0);
      if (got <= 0) return;
      pending.append(buffer, static_cast<std::size_t>(got));
    }
  }

  Answer answer_;
  UniqueFd listener_, stopped_, stop_;
  int port_ = 0;
  std::atomic<int> connections_ = 0;
  mutable std::mutex mutex_;
  std::vector<Seen> seen_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace agnes::http_client
