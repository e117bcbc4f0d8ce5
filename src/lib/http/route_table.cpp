#include "lib/http/route_table.h"

#include "lib/base/text.h"

namespace agnes::http {

namespace {
constexpr std::string_view kMethods[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"};
constexpr unsigned kGet = 1, kHead = 2;

unsigned bit_of(std::string_view method) {
  for (unsigned i = 0; i < std::size(kMethods); ++i)
    if (kMethods[i] == method) return 1u << i;
  return 0;
}
}  // namespace

std::string allowed_names(unsigned allowed) {
  if (allowed & kGet) allowed |= kHead;
  std::vector<std::string> names;
  for (unsigned i = 0; i < std::size(kMethods); ++i)
    if (allowed & 1u << i) names.emplace_back(kMethods[i]);
  return join(names, ", ");
}

void RouteTable::add(Route route) {
  const auto refuse = [&](std::string_view why) {
    throw std::logic_error(fmt::format("route {} {}: {}", route.method, route.pattern, why));
  };
  if (!route.pattern.starts_with('/')) refuse("does not begin with '/'");
  Node* node = &root_;
  bool ended = false;
  for (const auto& part : split(std::string_view(route.pattern).substr(1), '/')) {
    if (ended) refuse("something follows {name:path}");
    if (!part.starts_with('{')) {
      auto& next = node->fixed[part];
      if (next == nullptr) next = std::make_unique<Node>();
      node = next.get();
      continue;
    }
    if (!part.ends_with('}')) refuse("a parameter must be a whole segment");
    const std::string name = part.substr(1, part.size() - 2);
    ended = name.ends_with(":path");
    route.names.push_back(ended ? name.substr(0, name.size() - 5) : name);
    if (ended) continue;
    if (node->any == nullptr) node->any = std::make_unique<Node>();
    node = node->any.get();
  }
  auto& place = ended ? node->rest : node->here;
  for (const Route* other : place)
    if (other->method == route.method) refuse("is declared twice");
  routes_.push_back(std::make_unique<Route>(std::move(route)));
  place.push_back(routes_.back().get());
}

struct RouteTable::Search {
  std::string_view method;
  std::vector<std::string_view> values;
  const Route* found = nullptr;
  unsigned allowed = 0;

  bool take(const std::vector<const Route*>& routes) {
    const std::string_view wanted = method == "HEAD" ? "GET" : method;
    unsigned here = 0;
    for (const Route* route : routes) {
      if (route->method == wanted) return found = route, true;
      here |= bit_of(route->method);
    }
    if (allowed == 0) allowed = here;  // the most specific pattern is visited first
    return false;
  }
  // `path` is what follows the slash that led to `node`.
  bool walk(const Node& node, std::string_view path) {
    const auto slash = path.find('/');
    const std::string_view part = path.substr(0, slash);
    const auto go = [&](const Node& next) {
      return slash == std::string_view::npos ? take(next.here) : walk(next, path.substr(slash + 1));
    };
    if (const auto next = node.fixed.find(part); next != node.fixed.end() && go(*next->second)) return true;
    if (node.any != nullptr && !part.empty()) {
      values.push_back(part);
      if (go(*node.any)) return true;
      values.pop_back();
    }
    if (!node.rest.empty() && !path.empty()) {
      values.push_back(path);
      if (take(node.rest)) return true;
      values.pop_back();
    }
    return false;
  }
};

RouteTable::Found RouteTable::find(std::string_view method, std::string_view path, Pairs& params) const {
  Search search{method, {}};
  if (!path.starts_with('/') || !search.walk(root_, path.substr(1))) return {nullptr, search.allowed};
  params.reserve(search.values.size());
  for (std::size_t i = 0; i < search.values.size(); ++i)
    params.emplace_back(search.found->names[i], search.values[i]);
  return {search.found, 0};
}

}  // namespace agnes::http
