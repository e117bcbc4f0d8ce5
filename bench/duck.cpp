// Runs SQL in libduckdb and nothing else: makes the data of the measurements, and is the yardstick for
// queries and extraction.
//
// usage: bench_duck [--db FILE] [--set NAME=VALUE]... [--repeat N] [--rows | --fetch] SQL...
//
// The statements run in order; with --repeat the last one runs N times. Prints one JSON object: `ms` (each
// run of the last statement, its rows read), `peak_kb` (most memory held), and with --rows `rows` of its last
// run. With --fetch the last one's rows are fetched as DuckDB's chunks while it runs, and not looked at.
#include <chrono>
#include <fstream>
#include <iostream>

#include <boost/json.hpp>

#include "lib/base/error.h"
#include "lib/duck/database.h"

namespace {

struct Arguments {
  agnes::duck::DatabaseOptions database;
  int repeat = 1;
  bool rows = false, fetch = false;
  std::vector<std::string> statements;
};

Arguments parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    const bool more = i + 1 < argc;
    if (word == "--db" && more) {
      out.database.file = argv[++i];
    } else if (word == "--set" && more) {
      const std::string pair = argv[++i];
      const auto equals = pair.find('=');
      if (equals != std::string::npos)
        out.database.settings[pair.substr(0, equals)] = pair.substr(equals + 1);
    } else if (word == "--repeat" && more) {
      out.repeat = std::max(1, std::atoi(argv[++i]));
    } else if (word == "--rows") {
      out.rows = true;
    } else if (word == "--fetch") {
      out.fetch = true;
    } else {
      out.statements.push_back(word);
    }
  }
  return out;
}

boost::json::value to_json(const agnes::duck::Value& value) {
  if (const auto* v = std::get_if<bool>(&value)) return *v;
  if (const auto* v = std::get_if<std::int64_t>(&value)) return *v;
  if (const auto* v = std::get_if<double>(&value)) return *v;
  if (const auto* v = std::get_if<std::string>(&value)) return boost::json::string(*v);
  return nullptr;
}

std::int64_t peak_memory_kb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmHWM:")) return std::atoll(line.c_str() + 6);
  return 0;
}

int run(const Arguments& arguments) {
  agnes::duck::Database database(arguments.database);
  auto connection = database.connect();
  boost::json::object out;
  boost::json::array times, rows;
  for (std::size_t i = 0; i < arguments.statements.size(); ++i) {
    const bool last = i + 1 == arguments.statements.size();
    for (int n = last ? arguments.repeat : 1; n > 0; --n) {
      const auto began = std::chrono::steady_clock::now();
      std::vector<std::vector<agnes::duck::Value>> answer;
      if (last && arguments.fetch)
        for (auto result = connection.stream(arguments.statements[i]); result.fetch();) continue;
      else
        answer = connection.execute(arguments.statements[i]).rows();
      const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - began;
      if (!last) continue;
      times.push_back(took.count());
      if (!arguments.rows || n > 1) continue;
      for (const auto& row : answer) {
        boost::json::array cells;
        for (const auto& cell : row) cells.push_back(to_json(cell));
        rows.push_back(std::move(cells));
      }
    }
  }
  out["ms"] = std::move(times);
  out["peak_kb"] = peak_memory_kb();
  if (arguments.rows) out["rows"] = std::move(rows);
  std::cout << boost::json::serialize(out) << "\n";
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(parse(argc, argv));
  } catch (const std::exception& error) {
    std::cerr << "bench_duck: " << error.what() << "\n";
    return 1;
  }
}
