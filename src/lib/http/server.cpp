#include "lib/http/server.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>

#include "lib/base/log.h"
#include "lib/http/connection.h"

namespace agnes::http {

namespace {

using Acceptor = asio::basic_socket_acceptor<asio::ip::tcp, IoExecutor>;

constexpr std::size_t kEndingConnections = 64;

// How often deadlines are looked at: often enough for the shortest of them.
std::chrono::milliseconds sweep_interval(const Server::Options& options) {
  auto shortest =
      std::min({options.header_timeout, options.body_timeout, options.idle_timeout, options.write_timeout});
  return std::clamp(shortest / 4, std::chrono::milliseconds(10), std::chrono::milliseconds(500));
}

Task<void> sweep(Network& network) {
  const auto interval = sweep_interval(network.shared.options);
  while (true) {
    network.sweeper.expires_after(interval);
    boost::system::error_code error;
    co_await network.sweeper.async_wait(asio::redirect_error(asio::use_awaitable_t<IoExecutor>(), error));
    if (error) co_return;
    const auto now = Clock::now();
    for (Connection* connection : network.connections) connection->sweep(now);
    for (Pool* pool : network.shared.pools()) pool->expire(now, network.shared.over);
  }
}

Task<void> serve(std::shared_ptr<Connection> connection) {
  co_await connection->run();
}

std::string address_of(const Socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  if (error) return "unknown";
  auto address = endpoint.address();
  if (address.is_v6() && address.to_v6().is_v4_mapped())
    address = asio::ip::make_address_v4(asio::ip::v4_mapped, address.to_v6());
  return address.to_string();
}

}  // namespace

bool Network::make_room(const std::string& address) {
  const auto& options = shared.options;
  const std::string key = address_key(address);
  const bool is_full = shared.connections.load() > options.max_connections;
  const bool address_is_full = shared.addresses.connect(key) > options.max_address_connections &&
                               !is_trusted_proxy(address, options.trusted_proxies);
  if (!is_full && !address_is_full) return true;
  Connection* longest = nullptr;
  for (Connection* connection : connections) {
    const auto since = connection->idle_since();
    if (!since || (address_is_full && connection->address() != key)) continue;
    if (longest == nullptr || *since < *longest->idle_since()) longest = connection;
  }
  if (longest == nullptr) {
    shared.addresses.disconnect(key);
    return false;
  }
  longest->close(true);
  return true;
}

struct Server::Impl {
  Impl(const Options& options, const Routes& routes) : shared(options, routes) {}

  Shared shared;
  std::vector<std::unique_ptr<Network>> networks;
  std::optional<Acceptor> acceptor;
  std::vector<std::thread> threads;
  int port = 0;
  bool running = false;

  void listen();
  Task<void> accept();
  void refuse(Socket& socket);
  bool wait_for_connections(std::chrono::milliseconds limit);
  void close_connections(bool now);
};

void Server::Impl::listen() {
  const auto& options = shared.options;
  const auto fail = [&](const std::string& why) {
    throw Error(ErrorKind::unavailable,
                fmt::format("cannot listen on {}:{}: {}", options.host, options.port, why));
  };
  if (options.port < 0 || options.port > 65535) fail("no such port");
  auto& context = networks[0]->context;
  boost::system::error_code error;
  asio::ip::tcp::resolver resolver(context);
  const auto found =
      resolver.resolve(options.host, std::to_string(options.port),
                       asio::ip::tcp::resolver::passive | asio::ip::tcp::resolver::numeric_service, error);
  if (error || found.empty()) fail("unknown host");
  const asio::ip::tcp::endpoint endpoint = found.begin()->endpoint();
  acceptor.emplace(context.get_executor());
  acceptor->open(endpoint.protocol(), error);
  if (!error) acceptor->set_option(Acceptor::reuse_address(true), error);
  if (!error) acceptor->bind(endpoint, error);
  if (!error) acceptor->listen(4096, error);
  if (error) fail(error == asio::error::address_in_use ? "another program uses that port" : error.message());
  port = acceptor->local_endpoint().port();
}

Task<void> Server::Impl::accept() {
  std::size_t next_network = 0;
  while (!shared.stopping) {
    Network& network = *networks[next_network++ % networks.size()];
    boost::system::error_code error;
    Socket socket = co_await acceptor->async_accept(
        network.context.get_executor(), asio::redirect_error(asio::use_awaitable_t<IoExecutor>(), error));
    if (shared.stopping) co_return;
    if (error) {
      // Out of descriptors, most likely: they come back when others end.
      log::warn("cannot accept a connection: {}", error.message());
      Timer pause(networks[0]->context.get_executor(), std::chrono::milliseconds(100));
      co_await pause.async_wait(asio::redirect_error(asio::use_awaitable_t<IoExecutor>(), error));
      continue;
    }
    // Those that make room for others take a moment to end.
    if (shared.connections.load() >= shared.options.max_connections + kEndingConnections) {
      refuse(socket);
      continue;
    }
    ++shared.connections;
    // The connection is made on its own thread: only that one touches the list it stands in.
    auto moved = std::make_shared<Socket>(std::move(socket));
    asio::post(network.context.get_executor(), [this, &network, moved] {
      const std::string peer = address_of(*moved);
      if (!network.make_room(peer)) {
        refuse(*moved);
        const std::lock_guard lock(shared.mutex);
        --shared.connections;
        shared.changed.notify_all();
        return;
      }
      auto connection = std::make_shared<Connection>(network, std::move(*moved), peer);
      if (shared.stopping) return;
      asio::co_spawn(network.context.get_executor(), serve(std::move(connection)), asio::detached);
    });
  }
}

void Server::Impl::refuse(Socket& socket) {
  static constexpr std::string_view kBusy =
      "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nContent-Type: "
      "application/json\r\nContent-Length: "
      "34\r\nConnection: close\r\n\r\n{\"detail\":\"Too many connections\"}\n";
  boost::system::error_code ignored;
  socket.non_blocking(true, ignored);
  socket.send(asio::buffer(kBusy), 0, ignored);
  socket.shutdown(Socket::shutdown_send, ignored);
}

bool Server::Impl::wait_for_connections(std::chrono::milliseconds limit) {
  std::unique_lock lock(shared.mutex);
  return shared.changed.wait_for(lock, limit, [&] { return shared.connections == 0; });
}

void Server::Impl::close_connections(bool now) {
  for (auto& network : networks) {
    asio::post(network->context, [&network = *network, now] {
      for (Connection* connection : network.connections) connection->close(now);
    });
  }
}

Server::Server(Options options, const Routes& routes) : impl_(std::make_unique<Impl>(options, routes)) {}
Server::~Server() {
  stop(std::chrono::milliseconds(0));
}

void Server::start() {
  const auto& options = impl_->shared.options;
  for (int i = 0; i < std::max(1, options.io_threads); ++i)
    impl_->networks.push_back(std::make_unique<Network>(impl_->shared));
  impl_->listen();
  impl_->running = true;
  asio::co_spawn(impl_->networks[0]->context.get_executor(), impl_->accept(), asio::detached);
  for (auto& network : impl_->networks) {
    asio::co_spawn(network->context.get_executor(), sweep(*network), asio::detached);
    impl_->threads.emplace_back([&network = *network] {
      const auto guard = asio::make_work_guard(network.context);
      network.context.run();
    });
  }
}

int Server::port() const {
  return impl_->port;
}

void Server::stop(std::chrono::milliseconds grace) {
  if (!impl_->running) return;
  impl_->running = false;
  auto& shared = impl_->shared;
  shared.stopping = true;
  asio::post(impl_->networks[0]->context, [this] {
    boost::system::error_code ignored;
    impl_->acceptor->close(ignored);
  });
  impl_->close_connections(false);
  if (!impl_->wait_for_connections(grace)) {
    shared.over = true;
    for (Pool* pool : shared.pools()) pool->expire({}, true);
    impl_->close_connections(true);
    // Handlers that are at work end by themselves; their connections right after.
    while (!impl_->wait_for_connections(std::chrono::seconds(5))) {
      log::warn("waiting for {} connections to end", shared.connections.load());
      impl_->close_connections(true);
    }
  }
  for (Pool* pool : shared.pools()) pool->finish();
  for (auto& network : impl_->networks) network->context.stop();
  for (auto& thread : impl_->threads) thread.join();
  impl_->threads.clear();
}

Server::Counts Server::counts() const {
  const auto& shared = impl_->shared;
  Counts out{.connections = shared.connections, .requests = shared.requests, .streams = shared.open_streams};
  for (const Pool* pool : impl_->shared.pools()) {
    out.executors.push_back(pool->counts());
    if (pool == &shared.streams) continue;
    out.queued += out.executors.back().queued;
    out.running += out.executors.back().running;
  }
  return out;
}

}  // namespace agnes::http
