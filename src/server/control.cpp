#include "server/control.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/log.h"
#include "lib/workers/task.h"
#include "server/data_files.h"

namespace agnes::server {

namespace {

// The address of a socket has room for 107 characters, which a folder's path may exceed; by way of its
// descriptor any folder is near. `held` keeps that open.
sockaddr_un address_in(const fs::path& folder, UniqueFd& held) {
  held = UniqueFd(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!held) throw system_error("cannot open " + folder.string(), errno);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const auto path = fmt::format("/proc/self/fd/{}/{}", held.get(), kControlSocket);
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  return address;
}

UniqueFd new_socket() {
  UniqueFd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!socket) throw system_error("cannot make a socket", errno);
  return socket;
}

}  // namespace

Control::Control(const fs::path& folder, std::map<std::string, Handler> handlers)
    : folder_(folder),
      handlers_(std::move(handlers)),
      listening_(new_socket()),
      wake_(::eventfd(0, EFD_CLOEXEC)) {
  const fs::path file = folder_ / kControlSocket;
  ::unlink(file.c_str());
  UniqueFd held;
  const auto address = address_in(folder_, held);
  // The file has the mode of the socket, so nobody comes in between its making and a chmod.
  ::fchmod(listening_.get(), 0600);
  if (::bind(listening_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::chmod(file.c_str(), 0600) != 0 || ::listen(listening_.get(), 8) != 0)
    throw system_error("cannot listen on " + file.string(), errno);
  thread_ = std::thread([this] { accept(); });
}

Control::~Control() {
  ::eventfd_write(wake_.get(), 1);
  thread_.join();
  for (auto& conversation : conversations_) conversation.channel.shut();
  for (auto& conversation : conversations_) conversation.thread.join();
  ::unlink((folder_ / kControlSocket).c_str());
}

void Control::accept() {
  while (true) {
    pollfd wait[2] = {{listening_.get(), POLLIN, 0}, {wake_.get(), POLLIN, 0}};
    if (::poll(wait, 2, -1) < 0) continue;
    if (wait[1].revents != 0) return;
    UniqueFd socket(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!socket) continue;
    conversations_.remove_if([](Conversation& old) {
      if (!old.ended) return false;
      old.thread.join();
      return true;
    });
    auto& conversation = conversations_.emplace_back(std::move(socket));
    conversation.thread = std::thread([this, &conversation] { serve(conversation); });
  }
}

void Control::serve(Conversation& conversation) {
  auto& channel = conversation.channel;
  try {
    workers::Frame frame;
    if (channel.receive(frame) == workers::Channel::Outcome::frame) {
      const auto handler = handlers_.find(frame.payload);
      if (frame.type != workers::FrameType::request || handler == handlers_.end())
        throw Error(ErrorKind::bad_request,
                    "the running server does not know this request: it is of another version");
      handler->second(channel);
    }
  } catch (const std::exception& error) {
    log::warn("a request on {} failed: {}", kControlSocket, error.what());
    channel.send(workers::FrameType::error, workers::encode_error(error));
  }
  channel.shut();
  conversation.ended = true;
}

std::unique_ptr<workers::Channel> ask_server(const fs::path& folder, const std::string& request) {
  UniqueFd held;
  const auto address = address_in(folder, held);
  UniqueFd socket = new_socket();
  if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
    throw Error(
        ErrorKind::unavailable,
        fmt::format("a server uses {} and cannot be asked ({}): run this command as its account, or stop it",
                    folder.string(), std::strerror(errno)));
  auto channel = std::make_unique<workers::Channel>(std::move(socket));
  channel->send(workers::FrameType::request, request);
  return channel;
}

}  // namespace agnes::server
