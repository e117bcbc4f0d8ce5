#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "lib/base/files.h"
#include "lib/workers/channel.h"

// How a command on the server's machine asks the running server for something: a socket in the state
// directory. Who may open that file (mode 0600: the server's own account and root) reads all data anyway, so
// nobody is asked for a password.
namespace agnes::server {

// Frames on the connection: the client begins with a `request` whose payload names what it wants; what
// follows is between the handler and the client. A handler that throws ends the connection with an `error`
// frame.
class Control {
 public:
  using Handler = std::function<void(workers::Channel&)>;

  // Listens at `folder`/control.sock, which takes the place of one that a killed server left: call it only
  // while holding the lock on the state. Throws Error when that is not possible.
  Control(const fs::path& folder, std::map<std::string, Handler> handlers);
  // Ends all connections, waits for their handlers, and removes the socket.
  ~Control();
  Control(const Control&) = delete;
  Control& operator=(const Control&) = delete;

 private:
  struct Conversation {
    explicit Conversation(UniqueFd socket) : channel(std::move(socket)) {}
    workers::Channel channel;
    std::atomic<bool> ended{false};
    std::thread thread;
  };
  void accept();
  void serve(Conversation& conversation);

  const fs::path folder_;
  const std::map<std::string, Handler> handlers_;
  UniqueFd listening_, wake_;
  std::list<Conversation> conversations_;
  std::thread thread_;
};

// The client's side: the connection with the request sent. Throws Error (unavailable) when no server listens
// there.
std::unique_ptr<workers::Channel> ask_server(const fs::path& folder, const std::string& request);

}  // namespace agnes::server
