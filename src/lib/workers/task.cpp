#include "lib/workers/task.h"

#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <poll.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/base/shorten.h"
#include "lib/workers/process.h"

namespace agnes::workers {

namespace {
using boost::json::serialize;
using boost::json::value;

constexpr auto kCancelCheck = std::chrono::milliseconds(100);

// Ends this process when the server's end of the channel closes, so that no worker outlives its server.
void end_with_server(int fd) {
  std::thread([fd] {
    pollfd wait{fd, POLLRDHUP, 0};
    while (::poll(&wait, 1, -1) <= 0 || (wait.revents & (POLLRDHUP | POLLHUP | POLLERR)) == 0) {
    }
    ::_exit(3);
  }).detach();
}
}  // namespace

std::string encode_error(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  // What DuckDB says of a file may repeat the file.
  value detail = ours != nullptr ? ours->detail() : value(error.what());
  if (const auto* text = detail.if_string()) detail = shortened(std::string(*text));
  return serialize(value{{"status", http_status(ours != nullptr ? ours->kind() : ErrorKind::internal)},
                         {"message", shortened(error.what())},
                         {"detail", std::move(detail)}});
}

void throw_decoded(const std::string& payload) {
  const auto parsed = boost::json::parse(payload);
  throw Error(error_kind(parsed.at("status").to_number<int>()), std::string(parsed.at("message").as_string()),
              parsed.at("detail"));
}

value run_task(const std::string& task, const Confinement& confinement, const value& input,
               const TaskContext& context) {
  auto process = Process::start("extract");
  Channel& channel = process->channel();
  channel.send(FrameType::setup, serialize(json::to_json(confinement)));
  channel.send(FrameType::request, serialize(value{{"task", task}, {"input", input}}));
  while (true) {
    Frame frame;
    switch (channel.receive(frame, Channel::Clock::now() + kCancelCheck)) {
      case Channel::Outcome::timeout:
        if (context.stop.stop_requested()) throw Error(ErrorKind::timeout, task + " was cancelled");
        continue;
      case Channel::Outcome::closed:
        process->kill();
        throw Error(ErrorKind::internal, fmt::format("the worker process for {} ended without an answer ({})",
                                                     task, process->reap()));
      case Channel::Outcome::frame:
        break;
    }
    if (frame.type == FrameType::progress && context.progress)
      context.progress(boost::json::parse(frame.payload));
    if (frame.type == FrameType::error) throw_decoded(frame.payload);
    // The values of a table may be nested as deep as they like, within reason.
    if (frame.type == FrameType::done) return boost::json::parse(frame.payload, {}, {.max_depth = 1'100});
  }
}

int serve_task(const TaskTable& tasks) {
  Channel channel = adopt_channel();
  Frame frame;
  if (channel.receive(frame) != Channel::Outcome::frame || frame.type != FrameType::setup) return 2;
  try {
    confine(json::from_json<Confinement>(boost::json::parse(frame.payload)));
    if (channel.receive(frame) != Channel::Outcome::frame || frame.type != FrameType::request) return 2;
    end_with_server(channel.fd());
    const auto request = boost::json::parse(frame.payload);
    const std::string name(request.at("task").as_string());
    const auto found = tasks.find(name);
    if (found == tasks.end()) throw Error(ErrorKind::internal, "there is no task named " + name);
    // Cancelling is a kill; a task that asks is told nothing sooner.
    const TaskContext context{[&](const value& said) { channel.send(FrameType::progress, serialize(said)); }};
    const std::string answer = found->second(request.at("input"), context);
    try {
      channel.send(FrameType::done, answer);
    } catch (const Error& error) {
      throw Error(error.kind(), fmt::format("the answer of {}: {}", name, error.what()));
    }
    return 0;
  } catch (const std::exception& error) {
    channel.send(FrameType::error, encode_error(error));
    return 1;
  }
}

}  // namespace agnes::workers
