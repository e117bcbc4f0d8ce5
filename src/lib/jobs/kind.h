#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/describe.hpp>
#include <boost/json/value.hpp>

#include "lib/base/json.h"
#include "lib/base/time.h"
#include "lib/jobs/context.h"

namespace agnes::jobs {

// How a run stands. `queued` is also said of one that waits for its next attempt; `partly` of one that has ended
// with a part of it undone.
enum class Outcome { queued, running, ok, partly, failed, cancelled };
BOOST_DESCRIBE_ENUM(Outcome, queued, running, ok, partly, failed, cancelled)

// What work gives back: a result to show, and the parts that failed, each in a line; with any the run is `partly`.
struct Done {
  boost::json::value result;
  std::vector<std::string> failures;

  Done(boost::json::value result = nullptr, std::vector<std::string> failures = {})
      : result(std::move(result)), failures(std::move(failures)) {}
  Done(boost::json::object result, std::vector<std::string> failures = {})
      : result(std::move(result)), failures(std::move(failures)) {}
};

// Attempts after one that failed (threw). The n-th wait is base * factor^(n-1), at most `cap`.
struct Retry {
  int attempts = 1;  // in all, an interrupted one included
  std::chrono::milliseconds base{1'000}, cap{600'000};
  int factor = 2;
  // How long a failure asks to wait: none: it is for good; zero: as above; more: so long, at most `cap`. Not
  // set: each failure is tried again.
  std::function<std::optional<std::chrono::milliseconds>(const std::exception&)> wait = {};

  std::chrono::milliseconds after(int attempt) const;
};

// A kind's body and the type of its input, which decides which runs are the same: see `work`.
struct Work {
  std::function<boost::json::value(const boost::json::value&)>
      check;  // the input as it is kept; throws invalid
  std::function<std::string(const boost::json::value&)> key;
  std::function<Done(const Context&, const boost::json::value&)> run;
};

// Takes no input: one run at a time. `f` is callable as Done(const Context&).
template <class F>
Work work(F f) {
  return {.check = [](const boost::json::value& input) -> boost::json::value {
            if (!input.is_null() && !(input.is_object() && input.get_object().empty()))
              throw Error(ErrorKind::invalid, "this job takes no input");
            return nullptr;
          },
          .key = [](const boost::json::value&) { return std::string(); },
          .run = [f = std::move(f)](const Context& context, const boost::json::value&) -> Done {
            return f(context);
          }};
}

// Takes an Input, a described struct; null is {}. `f` is callable as Done(const Context&, const Input&). Runs whose
// inputs have the same `std::string key() const` are the same; without that function all are.
template <class Input, class F>
Work work(F f) {
  const auto read = [](const boost::json::value& input) {
    return json::from_json<Input>(input.is_null() ? boost::json::value(boost::json::object()) : input);
  };
  return {.check = [read](const boost::json::value& input) { return json::to_json(read(input)); },
          .key =
              [read](const boost::json::value& input) {
                if constexpr (requires(const Input& i) { i.key(); })
                  return read(input).key();
                else
                  return std::string();
              },
          .run = [f = std::move(f), read](const Context& context, const boost::json::value& input) -> Done {
            return f(context, read(input));
          }};
}

// A kind of background work.
struct Kind {
  std::string name, description;
  std::string schedule = {};  // as Schedule::parse takes it; empty: only when asked for
  // Runs of a group wait until fewer than `at_once` of it are running. Empty: the kind is a group of its own.
  std::string group = {};
  std::size_t at_once = 1;
  std::size_t most_queued = std::numeric_limits<std::size_t>::max();  // more are refused
  Retry retry = {};
  // Runs that have not ended are kept on disk, and go on after a restart.
  bool durable = false;
  // What is asked for while the same run is under way is done after it; false: that run will do.
  bool follow_up = false;
  Work work;
};

// What is known of one run.
struct Run {
  std::string id, job, key;
  Outcome outcome = Outcome::queued;
  int attempts = 0;  // begun
  Timestamp queued;
  std::optional<Timestamp> started, ended;  // of the latest attempt
  std::optional<Timestamp> next_attempt;    // while it waits for that
  std::optional<std::string> error;         // of the latest attempt that failed
  std::vector<std::string> failures;        // parts of it
  boost::json::value progress, result;      // not in lists of runs: a job shows those of its latest
};
BOOST_DESCRIBE_STRUCT(Run, (),
                      (id, key, outcome, attempts, queued, started, ended, next_attempt, error, failures))

}  // namespace agnes::jobs
