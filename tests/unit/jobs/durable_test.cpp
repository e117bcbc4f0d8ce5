// Runs that outlive the process, and a random test against a model.
#include <random>
#include <set>

#include "fake_jobs.h"

namespace agnes::jobs {
namespace {

using boost::json::value;
using std::chrono::seconds;

Kind durable(Gate& gate, const std::string& name = "a", std::size_t at_once = 1) {
  return {.name = name,
          .description = "",
          .at_once = at_once,
          .retry = {.attempts = 3, .base = seconds(10), .cap = seconds(600)},
          .durable = true,
          .follow_up = true,
          .work = work<TableInput>([&gate](const Context& context, const TableInput& input) {
            return gate.pass(context, input.table);
          })};
}
value table(const std::string& name) {
  return {{"table", name}};
}
// The files as a kill at this moment would leave them.
void copy_files(const fs::path& from, const fs::path& to) {
  for (const char* name : {"jobs.json", "job-queue.json"}) {
    fs::remove(to / name);
    if (fs::exists(from / name)) fs::copy_file(from / name, to / name);
  }
}

struct Durable : testing::Test {
  TemporaryFolder before{fs::temp_directory_path()}, after{fs::temp_directory_path()};
  Gate gate;
};

TEST_F(Durable, WhatWaitedWhenTheProcessWasKilledRunsInTheNext) {
  {
    Bench bench(before.path());
    bench.service->add(durable(gate));
    bench.service->start();
    bench.service->enqueue("a", table("x"));
    gate.wait_inside("x");
    bench.service->enqueue("a", {{"table", "y"}, {"rows", 7}});
    copy_files(before.path(), after.path());
    gate.let_go("x");
    gate.let_go("y");
    bench.service->wait_idle("a");
  }
  Gate next;
  Bench bench(after.path());
  bench.service->add(durable(next));
  bench.service->start();
  next.let_go("x");
  next.let_go("y");
  bench.service->wait_idle("a");
  const auto runs = bench.state("a").runs;
  ASSERT_EQ(runs.size(), 2u);
  EXPECT_EQ(runs[0].key, "y");
  EXPECT_EQ(runs[0].attempts, 1);
  EXPECT_EQ(runs[1].attempts, 2) << "the interrupted one counts";
  bench.service->tick();  // the file may be written a moment after the end
  EXPECT_EQ(read_queue(after.path() / "job-queue.json").size(), 0u);
}

TEST_F(Durable, OneThatEndsTheProcessEachTimeIsGivenUp) {
  replace_file(before.path() / "job-queue.json",
               R"({"format":1,"runs":[{"id":"1","job":"a","input":{"table":"x","rows":1},"attempts":3,)"
               R"("queued":"2026-01-01T09:00:00","next_attempt":null}]})");
  Bench bench(before.path());
  std::vector<std::string> told;
  bench.service->on_ended([&](const jobs::Run& run) { told.push_back(run.key); });
  bench.service->add(durable(gate));
  bench.service->start();
  EXPECT_EQ(bench.service->wait("1")->outcome, Outcome::failed);
  EXPECT_EQ(told, std::vector<std::string>{"x"});
  EXPECT_EQ(read_queue(before.path() / "job-queue.json").size(), 0u);
}

TEST_F(Durable, AWaitBetweenAttemptsGoesOn) {
  {
    Bench bench(before.path());
    bench.service->add(durable(gate));
    bench.service->start();
    bench.service->enqueue("a", table("x"));
    gate.let_go("x", "no disk");
    bench.service->wait_idle("a");
  }  // an orderly end this time
  Gate next;
  Bench bench(before.path());
  bench.service->add(durable(next));
  bench.service->start();
  bench.advance(seconds(9));
  EXPECT_FALSE(bench.service->running("a"));
  EXPECT_EQ(bench.state("a").queued, 1);
  bench.advance(seconds(1));
  next.let_go("x");
  bench.service->wait_idle("a");
  EXPECT_EQ(bench.state("a").runs.at(0).attempts, 2);
}

TEST_F(Durable, AnOrderlyEndKeepsWhatItInterrupts) {
  std::string id;
  {
    Bench bench(before.path());
    bench.service->add(durable(gate));
    id = bench.service->enqueue("a", table("x")).id;
    gate.wait_inside("x");
    bench.service->stop();
    EXPECT_TRUE(bench.service->enqueue("a", table("late")).id.empty()) << "kept for the next start only";
  }
  const auto kept = read_queue(before.path() / "job-queue.json");
  ASSERT_EQ(kept.size(), 2u);
  EXPECT_EQ(kept[0].id, id);
  EXPECT_EQ(kept[0].attempts, 1);
  EXPECT_EQ(kept[1].attempts, 0);
}

TEST_F(Durable, ACancelledRunDoesNotComeBack) {
  Bench bench(before.path());
  bench.service->add(durable(gate));
  bench.service->enqueue("a", table("x"));
  bench.service->enqueue("a", table("y"));
  gate.wait_inside("x");
  bench.service->cancel("a");
  bench.service->wait_idle("a");
  bench.service->stop();
  EXPECT_EQ(read_queue(before.path() / "job-queue.json").size(), 0u);
}

TEST_F(Durable, AQueueThatCannotBeReadIsKeptAside) {
  const auto file = before.path() / "job-queue.json";
  for (const char* broken : {"{\"format\": 1, \"runs\": [{", "{\"format\": 2, \"runs\": []}", "[]"}) {
    replace_file(file, broken);
    EXPECT_EQ(read_queue(file).size(), 0u);
    EXPECT_EQ(read_file(before.path() / "job-queue.json.unreadable"), broken);
    EXPECT_FALSE(fs::exists(file));
  }
  // One entry that is none any more takes nothing else with it.
  write_queue(
      file,
      {{.id = "1", .job = "gone", .input = nullptr, .attempts = 0, .queued = kStart, .next_attempt = {}},
       {.id = "2", .job = "a", .input = table(""), .attempts = 0, .queued = kStart, .next_attempt = {}},
       {.id = "3", .job = "a", .input = table("x"), .attempts = 0, .queued = kStart, .next_attempt = {}}});
  Bench bench(before.path());
  bench.service->add(durable(gate));
  bench.service->start();
  gate.let_go("x");
  EXPECT_EQ(bench.service->wait("3")->outcome, Outcome::ok);
}

TEST_F(Durable, LastRunsAreRememberedAndAFileThatCannotBeReadIsAsGoodAsNone) {
  std::atomic<int> runs = 0;
  const auto once = [&](bool scheduled) {
    Bench bench(before.path());
    bench.service->add({.name = "s",
                        .description = "",
                        .schedule = "every 100000h",
                        .work = work([&](const Context&) -> Done {
                          ++runs;
                          throw Error(ErrorKind::internal, "no disk");
                        })});
    bench.service->start();
    if (scheduled) bench.service->tick();
    bench.service->wait_idle("s");
    return bench.state("s");
  };
  once(true);
  EXPECT_EQ(runs, 1);
  const auto state = once(true);
  EXPECT_EQ(runs, 1);
  EXPECT_EQ(state.outcome, Outcome::failed);
  EXPECT_EQ(state.error, "no disk");
  replace_file(before.path() / "jobs.json", "{\"s\": 5");
  once(true);
  EXPECT_EQ(runs, 2);
}

// --------------------------------------------------------------------------------------------- a model

// What the service should do, in the simplest way: runs in the order of queueing.
struct Model {
  struct Run {
    std::string kind, table;
    int attempts = 0;
    bool running = false;
    std::int64_t not_before = 0;  // microseconds
  };
  std::vector<Run> runs;
  std::int64_t now = kStart.micros;

  static std::size_t at_once(const std::string& kind) { return kind == "one" ? 1 : 2; }
  std::size_t running(const std::string& kind) const {
    return static_cast<std::size_t>(std::count_if(
        runs.begin(), runs.end(), [&](const Run& run) { return run.running && run.kind == kind; }));
  }
  bool any(const std::string& kind, const std::string& table, bool is_running) const {
    return std::any_of(runs.begin(), runs.end(), [&](const Run& run) {
      return run.kind == kind && run.table == table && run.running == is_running;
    });
  }
  void dispatch() {
    for (auto& run : runs) {
      if (run.running || run.not_before > now || running(run.kind) >= at_once(run.kind) ||
          any(run.kind, run.table, true))
        continue;
      run.running = true;
      ++run.attempts;
      run.not_before = 0;
    }
  }
  bool enqueue(const std::string& kind, const std::string& table) {
    if (any(kind, table, false)) return false;
    runs.push_back({kind, table});
    dispatch();
    return true;
  }
  void finish(const std::string& kind, const std::string& table, bool fails) {
    const auto run = std::find_if(runs.begin(), runs.end(), [&](const Run& r) {
      return r.running && r.kind == kind && r.table == table;
    });
    if (fails && run->attempts < 3 && !any(kind, table, false)) {
      run->running = false;
      run->not_before = now + (run->attempts == 1 ? 10 : 20) * 1'000'000;
    } else {
      runs.erase(run);
    }
    dispatch();
  }
  void cancel(const std::string& kind) {
    std::erase_if(runs, [&](const Run& run) { return run.kind == kind; });
    dispatch();
  }
  void restart() {
    std::set<std::pair<std::string, std::string>> seen;
    std::erase_if(runs, [&](Run& run) {
      run.running = false;
      if (run.attempts >= 3 && run.not_before == 0) return true;
      // Of one and its follow-up, the older is the one that counts.
      return !seen.emplace(run.kind, run.table).second;
    });
    dispatch();
  }
  std::multiset<std::string> described() const {
    std::multiset<std::string> out;
    for (const auto& run : runs)
      out.insert(
          fmt::format("{} {} {:d} {} {}", run.kind, run.table, run.running, run.attempts, run.not_before));
    return out;
  }
};

struct World {
  Gate gates[2];
  Bench bench;
  explicit World(const fs::path& folder, std::int64_t now) : bench(folder) {
    bench.micros = now;
    bench.service->add(durable(gates[0], "one", 1));
    bench.service->add(durable(gates[1], "two", 2));
    bench.service->start();
  }
  std::multiset<std::string> described() const {
    std::multiset<std::string> out;
    for (const auto& job : bench.service->jobs())
      for (const auto& run : job.runs)
        if (run.outcome == Outcome::queued || run.outcome == Outcome::running)
          out.insert(fmt::format("{} {} {:d} {} {}", job.name, run.key, run.outcome == Outcome::running,
                                 run.attempts, run.next_attempt ? run.next_attempt->micros : 0));
    return out;
  }
};

// Random operations, and a kill with a restart among them, leave what the model has.
TEST_F(Durable, RandomOperationsAgreeWithAModel) {
  for (unsigned seed = 1; seed <= 5; ++seed) {
    std::mt19937 random(seed);
    const auto below = [&](std::size_t bound) { return random() % bound; };
    const TemporaryFolder first(fs::temp_directory_path()), second(fs::temp_directory_path());
    const fs::path folders[] = {first.path(), second.path()};
    int place = 0;
    Model model;
    auto world = std::make_unique<World>(folders[place], model.now);
    for (int step = 0; step < 150; ++step) {
      const std::size_t which = below(2);
      const std::string kind = which == 0 ? "one" : "two", name(1, static_cast<char>('a' + below(4)));
      std::string did = kind + " " + name;
      switch (below(10)) {
        case 0:
        case 1:
        case 2:
        case 3: {
          did += " enqueue";
          const bool is_new = world->bench.service->enqueue(kind, table(name)).is_new;
          EXPECT_EQ(is_new, model.enqueue(kind, name));
          break;
        }
        case 4:
        case 5:
        case 6: {
          if (!model.any(kind, name, true)) continue;
          const bool fails = below(2) == 0;
          did += fails ? " fails" : " ends";
          std::string id;
          int attempt = 0;
          for (const auto& job : world->bench.service->jobs())
            for (const auto& run : job.runs)
              if (job.name == kind && run.key == name && run.outcome == Outcome::running)
                id = run.id, attempt = run.attempts;
          // Until the service has taken note of it.
          world->gates[which].let_go(name, fails ? std::optional<std::string>("no disk") : std::nullopt);
          const auto noted = [&] {
            for (const auto& job : world->bench.service->jobs())
              for (const auto& run : job.runs)
                if (run.id == id) return run.outcome != Outcome::running || run.attempts != attempt;
            return true;
          };
          while (!noted()) std::this_thread::yield();
          model.finish(kind, name, fails);
          break;
        }
        case 7: {
          const auto time = seconds(1 + below(15));
          did = "time passes";
          model.now += time.count() * 1'000'000;
          world->bench.advance(time);
          model.dispatch();
          break;
        }
        case 8: {
          if (below(4) != 0 || model.runs.empty()) continue;
          did = kind + " cancel";
          const bool any =
              std::any_of(model.runs.begin(), model.runs.end(), [&](auto& run) { return run.kind == kind; });
          if (!any) continue;
          world->bench.service->cancel(kind);
          world->bench.service->wait_idle(kind);
          model.cancel(kind);
          break;
        }
        case 9: {
          if (below(3) != 0) continue;
          did = "killed and restarted";
          // Attempts are written by the runs' own threads, before their work.
          for (const auto& run : model.runs)
            if (run.running) world->gates[run.kind == "one" ? 0 : 1].wait_inside(run.table);
          world->bench.service->tick();  // and what has ended
          copy_files(folders[place], folders[1 - place]);
          world.reset();
          place = 1 - place;
          world = std::make_unique<World>(folders[place], model.now);
          model.restart();
          break;
        }
      }
      ASSERT_EQ(world->described(), model.described()) << "seed " << seed << ", step " << step << ": " << did;
    }
  }
}

}  // namespace
}  // namespace agnes::jobs
