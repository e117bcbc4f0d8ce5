#include "golden.h"

#include <algorithm>
#include <fstream>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>
#include <zlib.h>

#include "lib/base/files.h"
#include "lib/base/time.h"
#include "lib/duck/rows.h"

namespace agnes::state {

namespace {

const fs::path kFolder = fs::path(AGNES_TEST_DATA) / "golden/schema";

std::string text_of(const duck::Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text != nullptr ? *text : std::string();
}

bool is_uuid(const std::string& text) {
  if (text.size() != 36) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool dash = i == 8 || i == 13 || i == 18 || i == 23;
    if (dash ? text[i] != '-' : std::isxdigit(static_cast<unsigned char>(text[i])) == 0) return false;
  }
  return true;
}

struct Normal {
  std::map<std::string, std::string> group_names;

  boost::json::value operator()(std::monostate) const { return nullptr; }
  boost::json::value operator()(bool value) const { return value; }
  boost::json::value operator()(std::int64_t value) const { return value; }
  boost::json::value operator()(double value) const { return value; }
  boost::json::value operator()(const duck::TextList& list) const {
    return boost::json::array(list.begin(), list.end());
  }
  boost::json::value operator()(Timestamp value) const {
    std::string text = format_iso(value).substr(0, 19);
    text[10] = ' ';
    // All times in golden rows are before this; what is later was written when a database was made or opened.
    if (text >= "2026-03-01") return "<now>";
    return boost::json::string(text);
  }
  boost::json::value operator()(const std::string& text) const {
    const auto group = group_names.find(text);
    if (group != group_names.end()) return boost::json::string("group:" + group->second);
    return boost::json::string(is_uuid(text) ? "<uuid>" : text);
  }
};

struct Group {
  std::string id, name;
};
BOOST_DESCRIBE_STRUCT(Group, (), (id, name))

}  // namespace

std::vector<int> golden_versions() {
  std::vector<int> out;
  for (const auto& entry : fs::directory_iterator(kFolder))
    if (const std::string name = entry.path().filename(); name.ends_with(".duckdb.gz"))
      out.push_back(std::stoi(name.substr(1)));
  std::sort(out.begin(), out.end());
  return out;
}

void unpack(int version, const fs::path& file) {
  const fs::path packed = kFolder / fmt::format("v{:02}.duckdb.gz", version);
  const std::unique_ptr<gzFile_s, int (*)(gzFile)> in(::gzopen(packed.c_str(), "rb"), ::gzclose);
  if (!in) throw std::runtime_error("no " + packed.string());
  fs::create_directories(file.parent_path());
  std::ofstream out(file, std::ios::binary);
  std::string block(1 << 20, '\0');
  int size = 0;
  while ((size = ::gzread(in.get(), block.data(), static_cast<unsigned>(block.size()))) > 0)
    out.write(block.data(), size);
  if (size < 0) throw std::runtime_error("cannot unpack " + packed.string());
}

boost::json::object expectation(int version) {
  const auto text = read_file(kFolder / fmt::format("v{:02}.expected.json", version));
  if (!text) throw std::runtime_error(fmt::format("no expectation of version {}", version));
  return boost::json::parse(*text).as_object();
}

std::set<std::string> contract_lines() {
  std::set<std::string> out;
  std::ifstream lines(fs::path(AGNES_TEST_DATA) / "unit/state/schema_v40.tsv");
  for (std::string line; std::getline(lines, line);) out.insert(line);
  return out;
}

std::set<std::string> schema_lines(state::Tx& tx) {
  std::set<std::string> out;
  for (auto& row : tx.run("SELECT table_name, column_name, data_type, is_nullable, "
                          "coalesce(column_default, '') FROM duckdb_columns() "
                          "WHERE schema_name = 'main' AND NOT internal",
                          {})
                       .rows)
    out.insert(fmt::format("column\t{}\t{}\t{}\t{}\t{}", text_of(row[0]), text_of(row[1]), text_of(row[2]),
                           std::get<bool>(row[3]) ? "null" : "not null", text_of(row[4])));
  for (auto& row : tx.run("SELECT table_name, constraint_text FROM duckdb_constraints() "
                          "WHERE constraint_type <> 'NOT NULL'",
                          {})
                       .rows)
    out.insert(fmt::format("constraint\t{}\t{}", text_of(row[0]), text_of(row[1])));
  for (auto& row :
       tx.run("SELECT table_name, index_name, regexp_extract(sql, ' ON (.*);', 1) FROM duckdb_indexes()", {})
           .rows)
    out.insert(fmt::format("index\t{}\t{}: {}", text_of(row[0]), text_of(row[1]), text_of(row[2])));
  return out;
}

boost::json::array rows_like_expected(state::Tx& tx, const std::string& table,
                                      const boost::json::array& columns) {
  Normal normal;
  for (auto& group : tx.rows<Group>("SELECT id, name FROM user_groups WHERE name IN ('Admin', 'Everyone')"))
    normal.group_names.emplace(group.id, group.name);
  std::string names;
  for (const auto& column : columns)
    names += (names.empty() ? "" : ", ") +
             duck::quote_identifier(std::string_view(column.as_array().at(0).as_string()));
  boost::json::array out;
  for (const auto& row :
       tx.run(fmt::format("SELECT {} FROM {}", names, duck::quote_identifier(table)), {}).rows) {
    boost::json::array values;
    for (const auto& value : row) values.push_back(std::visit(normal, value));
    out.push_back(std::move(values));
  }
  return sorted(std::move(out));
}

boost::json::array sorted(boost::json::array rows) {
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) {
    return boost::json::serialize(a) < boost::json::serialize(b);
  });
  return rows;
}

}  // namespace agnes::state
