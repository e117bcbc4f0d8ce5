#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include <boost/json/object.hpp>

#include "app/config/schema.h"
#include "app/exposition.h"
#include "app/services.h"
#include "lib/http/routes.h"
#include "lib/jobs/service.h"
#include "lib/workers/task.h"

// The frame: a server is a list of modules. docs/architecture.md, "A module", tells how to write one.
namespace agnes::app {

// The parts of /api/health/detailed, each {"status": "ok" | "info" | "unknown" | "warning" | "error", "detail", ...}.
class HealthReport {
 public:
  explicit HealthReport(const http::Caller& caller) : caller_(caller) {}

  // Who asks. What a caller may not see has no place in the report.
  const http::Caller& caller() const { return caller_; }
  void add(std::string_view name, boost::json::object part) { parts_[name] = std::move(part); }
  boost::json::object& parts() { return parts_; }

 private:
  const http::Caller& caller_;
  boost::json::object parts_;
};

// What a module says of itself before anything is opened; the server's `extract` processes ask for it, too.
struct Declarations {
  workers::TaskTable& tasks;  // what worker processes of the role "extract" can do
  config::Schema& settings;   // what an operator may set: app/config/settings.h
};

// One part of the server: its objects, its routes, its jobs. Made in the order of the list of modules, and destroyed
// in the opposite one, so a module may hold references to what those before it provide.
class Module {
 public:
  virtual ~Module() = default;

  // The next four are called once, on one thread, after every module was made.
  // Adds the kinds of background work.
  virtual void jobs(jobs::Service&) {}
  virtual void routes(http::Routes&) {}
  // The server listens. Start threads and jobs here.
  virtual void start() {}
  // In the opposite order: requests and jobs have ended, nothing new comes.
  virtual void stop() {}

  // Thread-safe, asked again and again.
  virtual void health(HealthReport&) const {}
  virtual void metrics(Exposition&) const {}
};

struct ModuleKind {
  std::string_view name;
  void (*declare)(Declarations&);              // null: nothing to declare
  std::unique_ptr<Module> (*make)(Services&);  // throws Error when the server cannot start
};

// For ModuleKind::make.
template <class T>
std::unique_ptr<Module> make_module(Services& services) {
  return std::make_unique<T>(services);
}

}  // namespace agnes::app
