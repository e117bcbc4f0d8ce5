#pragma once

#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <typeindex>
#include <vector>

#include "app/config/config.h"
#include "app/config/overlay.h"
#include "app/public_address.h"
#include "lib/http/server.h"
#include "lib/jobs/service.h"

namespace agnes::app {

class Module;

// What modules are made from: the frame's own services as members, and what other modules provide by type. Filled
// while modules are made, on one thread; after that only read, from any thread.
class Services {
 public:
  Services(const config::Config& config, config::Overlay& overlay, jobs::Service& jobs,
           http::Server::Options& server)
      : config(config),
        places(config.places()),
        public_address(config.get<AddressSettings>()),
        overlay(overlay),
        jobs(jobs),
        server(server) {}
  Services(const Services&) = delete;
  Services& operator=(const Services&) = delete;

  const config::Config& config;  // as read at the start
  const config::Places& places;
  const PublicAddress public_address;
  config::Overlay& overlay;       // the settings that administrators change
  jobs::Service& jobs;            // background work; kinds are added in Module::jobs
  http::Server::Options& server;  // a module may size the executor that it uses

  // The settings as they are now: for what administrators may change while the server runs.
  config::Config current() const { return config::Config::read(places); }

  // Makes an object of the calling module known by its type; it must live as long as the module.
  template <class T>
  T& provide(T& object) {
    if (!objects_.emplace(typeid(T), &object).second)
      throw std::logic_error(std::string("two modules provide ") + typeid(T).name());
    return object;
  }
  // What a module before this one provides. Throws std::logic_error when there is none: a fault in the order of the
  // list.
  template <class T>
  T& get() const {
    const auto found = objects_.find(typeid(T));
    if (found == objects_.end())
      throw std::logic_error(std::string("no module before this one provides ") + typeid(T).name());
    return *static_cast<T*>(found->second);
  }

  // Extension points: a module adds a T for whichever module asks for all of them. Order: as they were added.
  template <class T>
  void extend(T extension) {
    list<T>().push_back(std::move(extension));
  }
  // The same object for every call, also filled later: ask for it while being made, read it from `start` on.
  template <class T>
  std::vector<T>& list() {
    auto& slot = lists_[typeid(T)];
    if (slot == nullptr) slot = std::make_shared<std::vector<T>>();
    return *static_cast<std::vector<T>*>(slot.get());
  }

 private:
  std::map<std::type_index, void*> objects_;
  std::map<std::type_index, std::shared_ptr<void>> lists_;
};

}  // namespace agnes::app
