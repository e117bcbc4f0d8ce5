#pragma once

#include <functional>
#include <string>

#include <boost/json/value.hpp>

#include "lib/base/stop.h"

namespace agnes::jobs {

// What a run's work is given: it reports progress, and asks whether it should stop.
class Context {
 public:
  using Report = std::function<void(const boost::json::value&)>;

  Context(Report report, StopToken stop, std::string run_id = "", int attempt = 1)
      : report_(std::move(report)), stop_(std::move(stop)), run_id_(std::move(run_id)), attempt_(attempt) {}

  void progress(const boost::json::value& said) const { report_(said); }
  const StopToken& stop() const { return stop_; }
  bool cancelled() const { return stop_.stop_requested(); }
  // Throws Error (timeout) when the run is cancelled; what it says is the run's error.
  void throw_if_cancelled(const char* message) const;

  const std::string& run_id() const { return run_id_; }
  int attempt() const { return attempt_; }  // from 1 on

 private:
  Report report_;
  StopToken stop_;
  std::string run_id_;
  int attempt_;
};

}  // namespace agnes::jobs
