#include "connectors/keboola/export.h"

#include <fstream>

#include "connectors/answer.h"
#include "connectors/keboola/cloud.h"
#include "connectors/source_error.h"
#include "core/extracts/extract.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::connectors::keboola {

namespace {

using boost::json::array;
using boost::json::object;
using boost::json::value;
using std::chrono::milliseconds;

constexpr std::int64_t kDay = 24 * 60 * 60;
constexpr const char* kOperators[] = {"eq", "ne", "gt", "ge", "lt", "le"};
// Cells may hold whole documents. DuckDB reads with buffers of 16 times that unless it is told.
constexpr std::int64_t kLongestLine = 32 << 20, kReadBuffer = 2 * kLongestLine;
constexpr milliseconds kLongestPoll{10'000};
constexpr std::uintmax_t kLargestManifest = 64 << 20;

[[noreturn]] void wrong(const std::string& what) {
  throw Error(ErrorKind::invalid, what);
}
[[noreturn]] void no_sense(const std::string& what) {
  throw source_error(ErrorKind::bad_gateway, "upstream_error", "Keboola's answer makes no sense: " + what);
}

std::string date_of(Timestamp t) {
  return format_iso(t).substr(0, 10);
}

std::string start_of_month(Timestamp today, int months_ago) {
  const auto date = date_of(today);
  const auto months =
      parse_int(date.substr(0, 4)).value() * 12 + parse_int(date.substr(5, 2)).value() - 1 - months_ago;
  return fmt::format("{:04}-{:02}-01", months / 12, months % 12 + 1);
}

std::string with_dates(std::string text, Timestamp today) {
  constexpr std::pair<std::string_view, int> kDaysAgo[] = {
      {"{{today}}", 0},          {"{{last_week}}", 7},      {"{{last_month}}", 30},
      {"{{last_2_months}}", 60}, {"{{last_3_months}}", 90}, {"{{last_6_months}}", 180},
      {"{{last_year}}", 365},    {"{{last_2_years}}", 730}};
  for (const auto& [name, days] : kDaysAgo)
    text = replaced(std::move(text), name, date_of(plus_seconds(today, -days * kDay)));
  text = replaced(std::move(text), "{{start_of_3_months_ago}}", start_of_month(today, 3));
  if (const auto at = text.find("{{"); at != std::string::npos)
    wrong(fmt::format("where_filters: there is no {}",
                      escape_control(text.substr(at, text.find("}}", at) + 2 - at))));
  return text;
}

std::string text_of(const value& from, const std::string& what) {
  if (from.is_string()) return std::string(from.get_string());
  if (from.is_number()) return boost::json::serialize(from);
  wrong(what + " is not text");
}

std::vector<WhereFilter> filters_of(const value& list, Timestamp today) {
  std::vector<WhereFilter> out;
  if (list.is_null()) return out;
  if (!list.is_array()) wrong("where_filters is not a list");
  for (const auto& item : list.get_array()) {
    const auto* entry = item.if_object();
    if (entry == nullptr || !entry->contains("column") || !entry->contains("values"))
      wrong("where_filters: each is an object with column, operator and values");
    WhereFilter filter;
    filter.column = text_of(entry->at("column"), "where_filters: column");
    if (const auto* op = entry->if_contains("operator"); op != nullptr)
      filter.op = text_of(*op, "where_filters: operator");
    if (std::find(std::begin(kOperators), std::end(kOperators), filter.op) == std::end(kOperators))
      wrong(fmt::format("where_filters: {} is not an operator; there are eq, ne, gt, ge, lt, le",
                        escape_control(filter.op)));
    const auto* values = entry->at("values").if_array();
    if (values == nullptr || values->empty()) wrong("where_filters: values is not a list of them");
    for (const auto& of : *values)
      filter.values.push_back(with_dates(text_of(of, "where_filters: a value"), today));
    out.push_back(std::move(filter));
  }
  return out;
}

value parsed(const std::string& text, std::string_view what) {
  boost::system::error_code failed;
  auto out = boost::json::parse(text, failed, {}, {.max_depth = 32});
  if (failed) wrong(fmt::format("{} is not JSON: {}", what, failed.message()));
  return out;
}

std::chrono::milliseconds milliseconds_of(double seconds) {
  return std::chrono::ceil<std::chrono::milliseconds>(std::chrono::duration<double>(seconds));
}

// The finished export's file.
object wait_for_export(const Storage& storage, const std::string& job, const Fetching& fetching) {
  const auto give_up = std::chrono::steady_clock::now() + milliseconds_of(storage.settings().export_timeout);
  auto pause = milliseconds_of(storage.settings().poll_interval);
  while (true) {
    const auto answer = storage.get("/v2/storage/jobs/" + http_client::percent_encode(job));
    const auto* job = answer.if_object();
    if (job == nullptr) no_sense("a job that is not an object");
    const auto status = id_at(*job, "status");
    if (status == "success") {
      const auto file = id_at(object_at(object_at(*job, "results"), "file"), "id");
      if (file.empty()) no_sense("an export without a file");
      const auto detail =
          storage.get("/v2/storage/files/" + http_client::percent_encode(file), {{"federationToken", "1"}});
      if (!detail.is_object()) no_sense("a file that is not an object");
      return detail.get_object();
    }
    if (status == "error") {
      const auto said = id_at(object_at(*job, "error"), "message");
      throw source_error(ErrorKind::bad_gateway, "upstream_error",
                         "Keboola could not export the table: " +
                             (said.empty() ? "it does not say why" : escape_control(said.substr(0, 300))));
    }
    if (std::chrono::steady_clock::now() > give_up)
      throw source_error(ErrorKind::gateway_timeout, "timeout", "Keboola has not exported the table in time",
                         "AGNES_KEBOOLA_EXPORT_TIMEOUT_SEC allows it more");
    fetching.wait(pause);
    pause = std::min(pause * 3 / 2, kLongestPoll);
  }
}

// Where the parts of a sliced file are.
std::vector<std::string> slices_of(const Storage& storage, const std::string& manifest, const object& of,
                                   const Fetching& fetching) {
  const auto file = fetching.scratch / "manifest.json";
  storage.download(cloud_request(manifest, of, storage.settings()), file, fetching);
  if (std::filesystem::file_size(file) > kLargestManifest) no_sense("a manifest of more than 64 MB");
  const auto text = read_file(file);
  boost::system::error_code failed;
  const auto list = boost::json::parse(text.value_or(""), failed, {}, {.max_depth = 32});
  const auto* entries = failed || !list.is_object() ? nullptr : list_at(list.get_object(), "entries");
  if (entries == nullptr) no_sense("a manifest without entries");
  std::vector<std::string> out;
  for (const auto& entry : *entries) {
    const auto url = entry.is_object() ? id_at(entry.get_object(), "url") : "";
    if (url.empty()) no_sense("a slice without an address");
    out.push_back(url);
  }
  return out;
}

// DuckDB unpacks by a file's name; what Keboola calls a part does not always say that it is packed.
std::filesystem::path named_by_content(const std::filesystem::path& file) {
  char begin[2] = {};
  std::ifstream(file, std::ios::binary).read(begin, sizeof begin);
  if (begin[0] != '\x1f' || begin[1] != '\x8b') return file;
  const std::filesystem::path packed = file.string() + ".gz";
  std::filesystem::rename(file, packed);
  return packed;
}

std::string quoted_list(const std::vector<std::string>& files) {
  std::string out;
  for (const auto& file : files)
    out += (out.empty() ? "[" : ", ") + duck::quote_literal(extracts::escape_glob(file));
  return out + "]";
}

// Every column is text. A first line with the names of the columns, which only some exports have, is not a row.
std::string select_csv(const std::vector<std::string>& files, const std::vector<std::string>& columns) {
  std::string names, header;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    names += (i > 0 ? ", " : "") + duck::quote_literal(columns[i]) + ": 'VARCHAR'";
    header += fmt::format("{}{} IS NOT DISTINCT FROM {}", i > 0 ? " AND " : "",
                          duck::quote_identifier(columns[i]), duck::quote_literal(columns[i]));
  }
  const auto read = [&](const std::vector<std::string>& from) {
    return fmt::format(
        "SELECT * FROM read_csv({}, header = false, auto_detect = false, delim = ',', quote = '\"', escape = "
        "'\"', "
        "columns = {{{}}}, max_line_size = {}, buffer_size = {})",
        quoted_list(from), names, kLongestLine, kReadBuffer);
  };
  std::string out = fmt::format("{} WHERE NOT ({})", read({files.front()}), header);
  if (files.size() > 1) out += " UNION ALL " + read({files.begin() + 1, files.end()});
  return out;
}

// No rows, with the types that the table has had, where it has had the column.
std::string select_nothing(const std::vector<std::string>& columns, const std::filesystem::path& current) {
  std::string names, nothing;
  for (const auto& column : columns) {
    const std::string separator = names.empty() ? "" : ", ", name = duck::quote_identifier(column);
    names += separator + name;
    nothing += separator + "NULL AS " + name;
  }
  if (!std::filesystem::exists(current))
    return fmt::format("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (SELECT {}) WHERE false", nothing);
  return fmt::format("SELECT {} FROM (SELECT {} UNION ALL BY NAME SELECT * FROM {}) WHERE false", names,
                     nothing, extracts::read_parquet_sql({current.string()}));
}

// As the export has them.
std::vector<std::string> columns_of(const Storage& storage, const ExportRequest& wanted) {
  if (!wanted.columns.empty()) return wanted.columns;
  const auto answer = storage.get("/v2/storage/tables/" + http_client::percent_encode(wanted.table_id));
  std::vector<std::string> out;
  const auto* table = answer.if_object();
  if (const auto* list = table == nullptr ? nullptr : list_at(*table, "columns"); list != nullptr)
    for (const auto& name : *list)
      if (name.is_string()) out.emplace_back(name.get_string());
  if (out.empty()) no_sense("a table without columns");
  return out;
}

}  // namespace

std::string table_id_of(const catalog::Registration& row) {
  const std::string bucket = row.bucket.value_or(""), table = row.source_table.value_or(row.name);
  const bool whole = bucket.empty() || std::count(table.begin(), table.end(), '.') >= 2;
  return whole ? table : bucket + "." + table;
}

ExportRequest export_of(const catalog::Registration& row, Timestamp today) {
  ExportRequest out;
  out.table_id = table_id_of(row);
  if (!is_materialized(row)) {
    if (row.where_filters) out.filters = filters_of(parsed(*row.where_filters, "where_filters"), today);
    return out;
  }
  if (!row.source_query || trim(*row.source_query).empty()) return out;
  const auto query =
      parsed(*row.source_query, "source_query, which for Keboola says what of the table is wanted,");
  const auto* wanted = query.if_object();
  if (wanted == nullptr) wrong("source_query is not a JSON object");
  if (const auto* filters = wanted->if_contains("where_filters")) out.filters = filters_of(*filters, today);
  if (const auto* columns = wanted->if_contains("columns"); columns != nullptr && !columns->is_null()) {
    if (!columns->is_array()) wrong("source_query: columns is not a list");
    for (const auto& name : columns->get_array())
      out.columns.push_back(text_of(name, "source_query: a column"));
  }
  const auto text = [&](const char* key, std::optional<std::string>& to) {
    if (auto found = id_at(*wanted, key); !found.empty()) to = std::move(found);
  };
  text("changed_since", out.changed_since);
  text("changed_until", out.changed_until);
  if (const auto* limit = wanted->if_contains("limit"); limit != nullptr && !limit->is_null()) {
    out.limit = parse_int(text_of(*limit, "source_query: limit"));
    if (!out.limit || *out.limit < 0) wrong("source_query: limit is not a number of rows");
  }
  auto type = id_at(*wanted, "file_type");
  if (type.empty()) type = id_at(*wanted, "fileType");
  if (!type.empty() && type != "csv" && type != "parquet")
    wrong(fmt::format("source_query: file_type {} is neither parquet nor csv", escape_control(type)));
  out.csv = type == "csv";
  return out;
}

http_client::Params form_of(const ExportRequest& wanted) {
  http_client::Params out;
  for (std::size_t i = 0; i < wanted.filters.size(); ++i) {
    const auto& filter = wanted.filters[i];
    const auto key = fmt::format("whereFilters[{}]", i);
    out.emplace_back(key + "[column]", filter.column);
    out.emplace_back(key + "[operator]", filter.op);
    for (std::size_t v = 0; v < filter.values.size(); ++v)
      out.emplace_back(fmt::format("{}[values][{}]", key, v), filter.values[v]);
  }
  if (!wanted.columns.empty()) out.emplace_back("columns", join(wanted.columns, ","));
  if (wanted.changed_since) out.emplace_back("changedSince", *wanted.changed_since);
  if (wanted.changed_until) out.emplace_back("changedUntil", *wanted.changed_until);
  if (wanted.limit) out.emplace_back("limit", std::to_string(*wanted.limit));
  if (!wanted.csv) out.emplace_back("fileType", "parquet");
  return out;
}

std::string fetch_table(const Storage& storage, const ExportRequest& wanted, const Fetching& fetching) {
  const auto started =
      storage.post("/v2/storage/tables/" + http_client::percent_encode(wanted.table_id) + "/export-async",
                   form_of(wanted));
  const auto job = started.is_object() ? id_at(started.get_object(), "id") : "";
  if (job.empty()) no_sense("an export without a job");
  fetching.report("waiting for Keboola");
  const auto file = wait_for_export(storage, job, fetching);
  const auto url = id_at(file, "url");
  if (url.empty()) no_sense("a file without an address");
  const auto* sliced = file.if_contains("isSliced");

  std::vector<std::string> files;
  const auto download = [&](const std::string& from) {
    fetching.report(fmt::format("fetching part {}", files.size() + 1));
    const auto target =
        fetching.scratch / fmt::format("part-{:05}.{}", files.size(), wanted.csv ? "csv" : "parquet");
    storage.download(cloud_request(from, file, storage.settings()), target, fetching);
    files.push_back(wanted.csv ? named_by_content(target) : target);
  };
  if (sliced != nullptr && sliced->is_bool() && sliced->get_bool()) {
    for (const auto& slice : slices_of(storage, url, file, fetching)) download(slice);
  } else {
    download(url);
  }
  std::erase_if(files, [](const std::string& part) { return std::filesystem::file_size(part) == 0; });
  if (files.empty()) return select_nothing(columns_of(storage, wanted), fetching.current);
  if (wanted.csv) return select_csv(files, columns_of(storage, wanted));
  return "SELECT * FROM " + extracts::read_parquet_sql(files);
}

}  // namespace agnes::connectors::keboola
