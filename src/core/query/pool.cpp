#include "core/query/pool.h"

#include <algorithm>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "lib/base/error.h"
#include "lib/base/json.h"
#include "lib/base/log.h"
#include "lib/http/executor.h"
#include "lib/workers/confine.h"
#include "lib/workers/task.h"

namespace agnes::query {

namespace {
using workers::Channel;
using workers::Frame;
using workers::FrameType;

constexpr auto kWaitForWorker = std::chrono::seconds(30);
// A statement that takes longer than this yields to all others.
constexpr auto kSlow = std::chrono::seconds(1);
// How often is looked whether its client is still there and the disk not full.
constexpr auto kCheck = std::chrono::milliseconds(250);
// Between asking a statement to end and killing its process.
constexpr auto kGrace = std::chrono::seconds(2);
// Beside DuckDB's own limit: its library's data, stacks, buffers that it does not count.
constexpr std::uint64_t kMemoryBeyondDuckDB = 768ull << 20;
}  // namespace

struct Execution::Worker {
  std::string key;  // empty: not bound yet
  std::unique_ptr<workers::Process> process;
  std::unique_ptr<TemporaryFolder> spill;

  // True when it has written to the disk, of which less than `reserve` bytes are free.
  bool fills_disk(std::uint64_t reserve) const {
    std::error_code unknown;
    const auto space = fs::space(spill->path(), unknown);
    return !unknown && space.available < reserve && !fs::is_empty(spill->path(), unknown) && !unknown;
  }
};

Execution::Execution(Pool& pool, std::unique_ptr<Worker> worker, std::chrono::seconds limit)
    : pool_(pool),
      worker_(std::move(worker)),
      limit_(limit),
      started_(Channel::Clock::now()),
      left_(started_) {}

Execution::~Execution() {
  if (worker_ == nullptr) return;
  if (finished_) {
    pool_.give_back(std::move(worker_));
  } else {
    ++pool_.abandoned_;
    pool_.drop(std::move(worker_));
  }
}

bool Execution::begin(const std::string& key, const Engines& engine, const std::string& request) {
  Channel& channel = worker_->process->channel();
  Frame frame;
  if ((worker_->key.empty() && !pool_.bind(*worker_, key, engine())) ||
      !channel.send(FrameType::request, request) ||
      channel.receive(frame, Channel::Clock::now() + kWaitForWorker) != Channel::Outcome::frame ||
      frame.type != FrameType::taken) {
    end("it did not take a statement");
    return false;
  }
  started_ = left_ = Channel::Clock::now();
  return true;
}

void Execution::end(const std::string& why) {
  worker_->process->kill();
  log::warn("query process {} ended: {} ({})", worker_->process->pid(), why, worker_->process->reap());
  pool_.drop(std::move(worker_));
}

void Execution::lose(const std::string& message) {
  end(message);
  throw Error(ErrorKind::bad_request, message);
}

bool Execution::next(std::string& chunk) {
  if (first_) {
    chunk = std::move(*first_);
    first_.reset();
    return true;
  }
  return read(chunk);
}

const Readings& Execution::needs_remote() {
  std::string chunk;
  if (!first_ && read(chunk)) first_ = std::move(chunk);
  return readings_;
}

bool Execution::read(std::string& chunk) {
  if (finished_ || worker_ == nullptr) return false;
  started_ += Channel::Clock::now() - left_;
  const bool more = receive(chunk);
  left_ = Channel::Clock::now();
  return more;
}

bool Execution::receive(std::string& chunk) {
  const auto hard = started_ + limit_,
             soft = hard - std::min<std::chrono::milliseconds>(kGrace, std::chrono::milliseconds(limit_) / 4);
  const auto too_long = [&] {
    return fmt::format("the statement was ended after {} s; ask for less, or filter earlier", limit_.count());
  };
  while (true) {
    const auto slow = started_ + kSlow;
    const auto next = interrupted_ ? hard : soft;
    const auto now_or_later = Channel::Clock::now() + kCheck;
    const auto deadline = std::min(worker_->process->lowered() ? next : std::min(slow, next), now_or_later);
    Frame frame;
    const auto outcome = worker_->process->channel().receive(frame, deadline);
    if (outcome == Channel::Outcome::closed) {
      ++(interrupted_ ? pool_.timed_out_ : pool_.crashed_);
      if (interrupted_) lose(too_long());
      lose("the statement broke the query process that ran it; simplify it");
    }
    if (outcome == Channel::Outcome::timeout) {
      const auto now = Channel::Clock::now();
      if (http::client_gone()) throw Error(ErrorKind::unavailable, "nobody waits for the answer any more");
      if (now >= hard) {
        ++pool_.timed_out_;
        lose(too_long());
      }
      if (worker_->fills_disk(pool_.options_.spill_reserve_bytes))
        lose(
            "the statement needs more memory than it may use, and the disk of the server is nearly full; ask "
            "for less");
      if (now >= soft && !interrupted_) {
        worker_->process->channel().send(FrameType::interrupt, "");
        interrupted_ = true;
      }
      if (now >= slow && !worker_->process->lowered()) worker_->process->lower_priority();
      continue;
    }
    switch (frame.type) {
      case FrameType::chunk:
        chunk = std::move(frame.payload);
        return true;
      case FrameType::done:
        finished_ = true;
        if (frame.payload != "{}")
          readings_ = json::from_json<Readings>(boost::json::parse(frame.payload));
        else
          ++pool_.ok_;
        return false;
      case FrameType::error:
        finished_ = true;
        ++(interrupted_ ? pool_.timed_out_ : pool_.refused_);
        if (interrupted_) throw Error(ErrorKind::bad_request, too_long());
        workers::throw_decoded(frame.payload);
      default:
        break;
    }
  }
}

Pool::Pool(PoolOptions options) : options_(std::move(options)) {
  fs::create_directories(options_.spill_folder);
  remove_leftovers(options_.spill_folder);
}

Pool::~Pool() = default;

// Starting takes a millisecond; the process warms up on its own while nobody waits for it.
void Pool::warm() {
  {
    std::lock_guard lock(mutex_);
    if (spare_ != nullptr || processes_ >= options_.max_workers) return;
    ++processes_;
  }
  std::unique_ptr<Worker> worker;
  try {
    worker = start_worker();
  } catch (const std::exception& error) {
    log::error("no spare query process: {}", error.what());
  }
  std::lock_guard lock(mutex_);
  if (worker != nullptr && spare_ == nullptr)
    spare_ = std::move(worker);
  else
    --processes_;
  free_.notify_all();
}

std::unique_ptr<Execution::Worker> Pool::start_worker() {
  auto worker = std::make_unique<Worker>();
  worker->spill = std::make_unique<TemporaryFolder>(options_.spill_folder);
  worker->process = workers::Process::start("query");
  return worker;
}

std::unique_ptr<Execution> Pool::run(const std::string& key, const Engines& engine,
                                     const Statement& statement) {
  return start(key, engine, WorkerRequest{.run = statement}, statement.time_limit_seconds);
}

StatementTables Pool::inspect(const std::string& key, const Engines& engine, const std::string& sql) {
  const auto execution = start(key, engine, WorkerRequest{.inspect = sql}, 0);
  std::string text, chunk;
  while (execution->next(chunk)) text += chunk;
  return json::from_json<StatementTables>(boost::json::parse(text));
}

std::unique_ptr<Execution> Pool::start(const std::string& key, const Engines& engine,
                                       const WorkerRequest& request, int limit_seconds) {
  const std::chrono::seconds limit(limit_seconds > 0 ? limit_seconds : options_.time_limit_seconds);
  const std::string text = json::to_text(request);
  // A process may die idle (memory pressure, an operator) while it is given the statement, of which nothing
  // has run then: it gets another. As many as there can be may die so; more have a common cause.
  const auto deadline = Channel::Clock::now() + kWaitForWorker;
  for (std::size_t attempt = 0; attempt <= options_.max_workers; ++attempt) {
    if (Channel::Clock::now() > deadline) break;
    std::unique_ptr<Execution> execution(new Execution(*this, lease(key), limit));
    if (!execution->begin(key, engine, text)) continue;
    warm();  // the next set of rights finds a spare
    return execution;
  }
  throw Error(ErrorKind::unavailable, "no query process took the statement; the server's log says why");
}

void Pool::drop_dead() {
  std::list<std::unique_ptr<Worker>> dead;
  {
    std::lock_guard lock(mutex_);
    for (auto at = idle_.begin(); at != idle_.end();) {
      auto here = at++;
      if ((*here)->process->channel().closed()) dead.splice(dead.end(), idle_, here);
    }
    if (spare_ != nullptr && spare_->process->channel().closed()) dead.push_back(std::move(spare_));
    processes_ -= dead.size();
    if (!dead.empty()) free_.notify_all();
  }
  for (const auto& worker : dead)
    log::warn("query process {} ended while it was idle ({})", worker->process->pid(),
              worker->process->reap());
}

std::unique_ptr<Execution::Worker> Pool::lease(const std::string& key) {
  const auto deadline = std::chrono::steady_clock::now() + options_.wait_for_process;
  drop_dead();
  std::unique_lock lock(mutex_);
  while (true) {
    for (auto at = idle_.begin(); at != idle_.end(); ++at) {
      if ((*at)->key != key) continue;
      auto worker = std::move(*at);
      idle_.erase(at);
      return worker;
    }
    if (spare_ != nullptr) return std::move(spare_);
    if (processes_ >= options_.max_workers && !idle_.empty()) {
      auto oldest = std::move(idle_.back());
      idle_.pop_back();
      --processes_;
      lock.unlock();
      oldest.reset();
      lock.lock();
      continue;
    }
    if (processes_ < options_.max_workers) {
      ++processes_;
      lock.unlock();
      try {
        return start_worker();
      } catch (...) {
        lock.lock();
        --processes_;
        free_.notify_all();
        throw;
      }
    }
    if (free_.wait_until(lock, deadline) == std::cv_status::timeout) {
      ++turned_away_;
      throw Error(ErrorKind::unavailable, "no query process is free; try again in a moment");
    }
  }
}

bool Pool::bind(Worker& worker, const std::string& key, EngineSetup setup) {
  setup.spill_folder = worker.spill->path();
  setup.memory_limit_bytes = options_.memory_bytes;
  setup.max_spill_bytes = options_.spill_bytes;
  setup.threads = options_.threads;
  workers::Confinement confinement;
  for (const auto& table : setup.tables) {
    confinement.readable.insert(confinement.readable.end(), table.files.begin(), table.files.end());
    if (table.attach_file) confinement.readable.push_back(*table.attach_file);
  }
  if (!setup.attachments.empty()) {
    confinement.network = true;
    // The extension and the libraries that it was linked with.
    for (const char* folder : {setup.extension_folder.c_str(), "/lib", "/usr/lib", "/lib64"})
      confinement.readable.emplace_back(folder);
  }
  confinement.writable.push_back(setup.spill_folder);
  confinement.memory_bytes = options_.memory_bytes + kMemoryBeyondDuckDB;
  Channel& channel = worker.process->channel();
  channel.send(FrameType::setup,
               boost::json::serialize(boost::json::value{{"confinement", json::to_json(confinement)},
                                                         {"engine", json::to_json(setup)}}));
  Frame frame;
  const auto outcome = channel.receive(frame, Channel::Clock::now() + kWaitForWorker);
  if (outcome == Channel::Outcome::frame && frame.type == FrameType::error)
    workers::throw_decoded(frame.payload);
  if (outcome == Channel::Outcome::timeout && !setup.attachments.empty())
    throw Error(ErrorKind::gateway_timeout,
                fmt::format("The engine of a remote table did not answer in {} s; try again later.",
                            kWaitForWorker.count()));
  if (outcome != Channel::Outcome::frame || frame.type != FrameType::ready) return false;
  worker.key = key;
  return true;
}

void Pool::give_back(std::unique_ptr<Worker> worker) {
  if (worker->process->lowered()) return drop(std::move(worker));
  std::lock_guard lock(mutex_);
  idle_.push_front(std::move(worker));
  free_.notify_all();
}

void Pool::drop(std::unique_ptr<Worker> worker) {
  worker.reset();
  bool warm_one = false;
  {
    std::lock_guard lock(mutex_);
    --processes_;
    free_.notify_all();
    warm_one = spare_ == nullptr;
  }
  if (warm_one) warm();
}

void Pool::retire_others(const std::string& prefix) {
  std::list<std::unique_ptr<Worker>> retired;
  {
    std::lock_guard lock(mutex_);
    for (auto at = idle_.begin(); at != idle_.end();) {
      auto here = at++;
      if (!(*here)->key.starts_with(prefix)) retired.splice(retired.end(), idle_, here);
    }
    processes_ -= retired.size();
    free_.notify_all();
  }
}

Pool::Counts Pool::counts() const {
  Counts out{ok_, refused_, timed_out_, crashed_, abandoned_, turned_away_};
  std::lock_guard lock(mutex_);
  out.processes = processes_;
  out.idle = idle_.size();
  out.spare = spare_ != nullptr ? 1 : 0;
  out.busy = processes_ - out.idle - out.spare;
  out.most = options_.max_workers;
  return out;
}

}  // namespace agnes::query
