#include <condition_variable>
#include <deque>
#include <thread>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <unistd.h>

#include "core/query/pool.h"
#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/workers/confine.h"
#include "lib/workers/task.h"

namespace agnes::query {

namespace {
using workers::Channel;
using workers::Frame;
using workers::FrameType;

// Loads libduckdb and opens a database once, so that a spare process answers its first statement quickly.
// Nothing of anybody's is read, and no thread is left, which `confine` checks.
void warm_up() {
  duck::Database database{duck::DatabaseOptions{.file = {}, .settings = {{"threads", "1"}}}};
  database.connect().execute("SELECT 42");
}
}  // namespace

int serve_queries() {
  Channel channel = workers::adopt_channel();
  Frame frame;
  std::unique_ptr<Engine> engine;
  try {
    warm_up();
    if (channel.receive(frame) != Channel::Outcome::frame || frame.type != FrameType::setup) return 0;
    const auto setup = boost::json::parse(frame.payload);
    workers::confine(json::from_json<workers::Confinement>(setup.at("confinement")));
    engine = std::make_unique<Engine>(json::from_json<EngineSetup>(setup.at("engine")));
    channel.send(FrameType::ready, "");
  } catch (const std::exception& error) {
    channel.send(FrameType::error, workers::encode_error(error));
    return 1;
  }

  // One thread runs statements; this one listens, so that an interrupt or the server's end is heard at once.
  std::mutex mutex;
  std::condition_variable arrived;
  std::deque<std::string> waiting;
  std::thread([&] {
    while (true) {
      std::string request;
      {
        std::unique_lock lock(mutex);
        arrived.wait(lock, [&] { return !waiting.empty(); });
        request = std::move(waiting.front());
        waiting.pop_front();
      }
      try {
        const auto asked = json::from_json<WorkerRequest>(boost::json::parse(request));
        const auto sink = [&](std::string_view chunk) { channel.send(FrameType::chunk, chunk); };
        Readings readings;
        if (asked.run)
          readings = engine->run(*asked.run, sink);
        else
          sink(json::to_text(engine->inspect(asked.inspect.value())));
        channel.send(FrameType::done, readings.empty() ? "{}" : json::to_text(readings));
      } catch (const std::exception& error) {
        channel.send(FrameType::error, workers::encode_error(error));
      }
    }
  }).detach();
  while (channel.receive(frame) == Channel::Outcome::frame) {
    if (frame.type == FrameType::interrupt) engine->interrupt();
    if (frame.type != FrameType::request) continue;
    channel.send(FrameType::taken, "");
    std::lock_guard lock(mutex);
    waiting.push_back(std::move(frame.payload));
    arrived.notify_one();
  }
  ::_exit(0);  // the server is gone: no statement is worth finishing
}

}  // namespace agnes::query
