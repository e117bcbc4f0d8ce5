#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "lib/http/routes.h"

// Inside http/: the routes by path.
namespace agnes::http {

struct Route {
  std::string method, pattern;
  RouteInfo info;
  detail::Handler handler;
  detail::Operation (*describe)();
  bool body_file = false;          // whether the handler takes a BodyFile
  std::vector<std::string> names;  // of the path's parameters, in order
};

// "GET, HEAD, POST" for a set of methods as `Found::allowed` holds it.
std::string allowed_names(unsigned allowed);

class RouteTable {
 public:
  // Throws std::logic_error for a pattern that is malformed or taken.
  void add(Route route);

  struct Found {
    const Route* route = nullptr;
    unsigned allowed = 0;  // without a route: the methods that the path has
  };
  Found find(std::string_view method, std::string_view path, Pairs& params) const;
  const std::vector<std::unique_ptr<Route>>& routes() const { return routes_; }

 private:
  struct Node {
    std::map<std::string, std::unique_ptr<Node>, std::less<>> fixed;
    std::unique_ptr<Node> any;             // {name}
    std::vector<const Route*> here, rest;  // rest: {name:path} begins here
  };
  struct Search;

  std::vector<std::unique_ptr<Route>> routes_;
  Node root_;
};

}  // namespace agnes::http
