#include "features/warm_up/warm_up.h"

#include "lib/base/error.h"
#include "lib/base/log.h"

namespace agnes::warm_up {

namespace {

// How long a stream may be silent before it sends a comment, and how often it looks whether its reader has
// gone.
constexpr std::chrono::seconds kHeartbeat{15};
constexpr std::chrono::milliseconds kPollInterval{500};

}  // namespace

struct WarmUp::Run {
  std::string run_id, trigger = "manual", started_at = format_iso_utc(now());
  std::optional<std::string> completed_at;
  std::int64_t total = 0, completed = 0, failed = 0;
  std::map<std::string, contract::WarmUpTable> rows;
  BOOST_DESCRIBE_CLASS(Run, (), (run_id, trigger, started_at, completed_at, total, completed, failed, rows),
                       (), ())

  std::vector<std::string> changes;  // the rows as they were told, one after the other
};

boost::json::object WarmUp::status() const {
  std::lock_guard lock(mutex_);
  if (run_ == nullptr) return {{"state", "never_run"}};
  return json::to_json(*run_).as_object();
}

contract::WarmUpStarted WarmUp::start() {
  // With the lock, so that a work which begins at once finds the run.
  std::lock_guard lock(mutex_);
  const auto [id, is_new] = jobs_.enqueue(kWarmUpJob);
  if (id.empty()) throw Error(ErrorKind::unavailable, "the server is stopping");
  using Status = contract::WarmUpStarted::Status;
  return {run_of(id)->run_id, is_new ? Status::started : Status::already_running};
}

std::shared_ptr<WarmUp::Run> WarmUp::run_of(const std::string& run_id) {
  if (run_ == nullptr || run_->run_id != run_id) {
    run_ = std::make_shared<Run>();
    run_->run_id = run_id;
  }
  return run_;
}

jobs::Kind WarmUp::kind() {
  return {.name = kWarmUpJob,
          .description = "Makes ahead what the first analyst would wait for",
          .work = jobs::work([this](const jobs::Context& context) { return work(context); })};
}

std::vector<WarmUp::Item> WarmUp::items(const Generation& generation) const {
  std::vector<Item> out;
  for (auto& row : store_.read([](state::Tx& tx) { return catalog::all(tx); })) {
    const Table* table = generation.find(row.id);
    const auto warmer = std::find_if(warmers_.begin(), warmers_.end(),
                                     [&](const catalog::Warmer& w) { return w.takes(row, table); });
    if (warmer != warmers_.end()) out.push_back({std::move(row), table, &*warmer});
  }
  return out;
}

jobs::Done WarmUp::work(const jobs::Context& context) {
  const auto run = [&] {
    std::lock_guard lock(mutex_);
    return run_of(context.run_id());
  }();
  const auto note = [&](const std::string& id, auto change) {
    std::lock_guard lock(mutex_);
    contract::WarmUpTable& row = run->rows[id];
    change(row);
    run->changes.push_back(json::to_text(row));
    changed_.notify_all();
  };
  // Also when something below throws: a stream waits for it.
  struct End {
    ~End() {
      std::lock_guard lock(warm_up.mutex_);
      run.completed_at = format_iso_utc(now());
      warm_up.changed_.notify_all();
    }
    WarmUp& warm_up;
    Run& run;
  } const end{*this, *run};

  const auto generation = generations_.current();
  const auto all_items = items(*generation);
  {
    std::lock_guard lock(mutex_);
    run->total = static_cast<std::int64_t>(all_items.size());
    for (const auto& item : all_items) run->rows[item.row.id].table_id = item.row.id;
  }
  constexpr const char* kCancelled = "the warm-up was cancelled; what was made is kept";
  std::vector<std::string> failures;
  for (const auto& item : all_items) {
    context.throw_if_cancelled(kCancelled);
    const auto began = now();
    note(item.row.id, [&](contract::WarmUpTable& row) {
      row.status = contract::WarmUpTable::Status::warming;
      row.started_at = format_iso_utc(began);
    });
    std::optional<std::string> failed;
    try {
      failed = item.warmer->warm(item.row, item.table, context.stop());
    } catch (const std::exception& error) {
      log::warn("warm-up of {}: {}", item.row.id, error.what());
      failed = error.what();
    }
    note(item.row.id, [&](contract::WarmUpTable& row) {
      row.status = failed ? contract::WarmUpTable::Status::error : contract::WarmUpTable::Status::fresh;
      row.error = failed;
      row.completed_at = format_iso_utc(now());
      row.duration_ms = (now().micros - began.micros) / 1000;
      if (!failed) row.last_warmed_at = row.completed_at;
      ++(failed ? run->failed : run->completed);
    });
    if (failed) failures.push_back(fmt::format("{}: {}", item.row.id, *failed));
    context.progress({{"total", run->total}, {"completed", run->completed}, {"failed", run->failed}});
  }
  context.throw_if_cancelled(kCancelled);
  return {boost::json::object{{"total", run->total}, {"completed", run->completed}, {"failed", run->failed}},
          std::move(failures)};
}

void WarmUp::tell(http::EventWriter& events) const {
  std::unique_lock lock(mutex_);
  const auto run = run_;
  if (run == nullptr) {
    events.send(R"({"state":"never_run"})", "idle");
    return;
  }
  std::size_t sent = run->changes.size();
  const auto snapshot = json::to_text(*run);
  lock.unlock();
  if (!events.send(snapshot, "snapshot")) return;
  auto spoken = std::chrono::steady_clock::now();
  while (!events.gone()) {
    lock.lock();
    changed_.wait_for(lock, kPollInterval, [&] { return sent < run->changes.size() || run->completed_at; });
    const std::vector<std::string> news(run->changes.begin() + static_cast<std::ptrdiff_t>(sent),
                                        run->changes.end());
    sent = run->changes.size();
    const bool ended = run->completed_at.has_value();
    const boost::json::object totals{{"run_id", run->run_id},
                                     {"total", run->total},
                                     {"completed", run->completed},
                                     {"failed", run->failed}};
    lock.unlock();
    for (const auto& row : news)
      if (!events.send(row, "row")) return;
    if (ended) {
      events.send(boost::json::serialize(totals), "complete");
      return;
    }
    const auto moment = std::chrono::steady_clock::now();
    if (!news.empty()) spoken = moment;
    if (moment - spoken < kHeartbeat) continue;
    if (!events.heartbeat()) return;
    spoken = moment;
  }
}

void add_routes(http::Routes& routes, WarmUp& warm_up) {
  using http::Auth;
  routes.get("/api/admin/cache-warmup/status",
             {.auth = Auth::admin,
              .tag = "jobs",
              .summary = "The present or last warm-up, table by table",
              .answer = http::schema_of<contract::WarmUpStatus>},
             [&] { return warm_up.status(); });

  routes.post("/api/admin/cache-warmup/run",
              {.auth = Auth::admin,
               .tag = "jobs",
               .summary = "Make profiles that are missing, and ask the engines of remote tables"},
              [&] { return warm_up.start(); });

  routes.get(
      "/api/admin/cache-warmup/stream",
      {.auth = Auth::admin,
       .tag = "jobs",
       .summary = "The warm-up as server-sent events, while it runs",
       .answer_type = "text/event-stream"},
      [&] { return http::Response::events([&](http::EventWriter& events) { warm_up.tell(events); }); });
}

}  // namespace agnes::warm_up
