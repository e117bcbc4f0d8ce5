// A statement's tree: JSON text as json_serialize_sql gives it, from a DuckDB that may give anything.
#include <boost/json/parse.hpp>

#include "core/query/tree.h"
#include "fuzz/target.h"
#include "lib/base/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace agnes;
  boost::system::error_code error;
  const auto tree = boost::json::parse(fuzz::text_of(data, size), error, {}, {.max_depth = 200});
  if (error || !tree.is_object()) return 0;
  const query::TreeRules rules{
      .readable = [](const std::string& name) { return name == "orders"; },
      .elsewhere = [](const std::string& catalog, const std::string&,
                      const std::string&) { return catalog == "bq"; },
      .table_function = {},
      .position = [](std::uint64_t offset) { return fmt::format("byte {}", offset); }};
  try {
    const auto named = query::check_tree(tree.get_object(), rules);
    for (const auto& name : named.names) fuzz::expect(name == "orders", "only readable tables are named");
    for (const auto& [name, times] : named.readings)
      fuzz::expect(named.names.contains(name) && times > 0, "what is read is named");
  } catch (const Error&) {
  }
  return 0;
}
