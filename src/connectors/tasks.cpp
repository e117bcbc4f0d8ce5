#include "connectors/tasks.h"

#include "connectors/files/files.h"
#include "connectors/staged.h"
#include "extracts/analytics.h"
#include "extracts/extension_install.h"
#include "extracts/extract_reader.h"
#include "extracts/profile.h"
#include "extracts/table_read.h"

namespace agnes::connectors {

namespace {
using boost::json::value;
using std::string;

string extract_files(const value& input, const workers::TaskContext& context) {
  return json::to_text(files::extract(json::from_json<files::Job>(input), context));
}
string discover_files(const value& input, const workers::TaskContext&) {
  const auto job = json::from_json<files::Job>(input.at("job"));
  return json::to_text(files::discover(job, input.at("rows").to_number<std::int64_t>()));
}
string remove_file_table(const value& input, const workers::TaskContext&) {
  files::remove(json::from_json<files::Job>(input.at("job")), string(input.at("table").as_string()));
  return "null";
}
string store_staged(const value& input, const workers::TaskContext&) {
  return json::to_text(store(json::from_json<StagedTable>(input)));
}
string take_out_table(const value& input, const workers::TaskContext&) {
  take_out(string(input.at("extract_dir").as_string()), string(input.at("table").as_string()));
  return "null";
}
string read_all_extracts(const value& input, const workers::TaskContext&) {
  return json::to_text(extracts::read_extracts(json::from_json<extracts::ReadOptions>(input)));
}
string install_extension(const value& input, const workers::TaskContext&) {
  extracts::install_extension(json::from_json<extracts::ExtensionInstall>(input));
  return "null";
}
string check_analytics(const value& input, const workers::TaskContext&) {
  return json::to_text(extracts::check_analytics(string(input.as_string())));
}
string sample_table(const value& input, const workers::TaskContext&) {
  return json::to_text(extracts::read_sample(json::from_json<extracts::SampleRequest>(input)));
}
string table_columns(const value& input, const workers::TaskContext&) {
  return json::to_text(extracts::read_columns(json::from_json<extracts::SampleRequest>(input)));
}
string profile_table(const value& input, const workers::TaskContext&) {
  return json::to_text(extracts::read_profile(json::from_json<extracts::ProfileRequest>(input)));
}
}  // namespace

const workers::TaskTable& tasks() {
  static const workers::TaskTable table = {
      {"files.extract", extract_files},     {"files.discover", discover_files},
      {"files.remove", remove_file_table},  {"extract.store", store_staged},
      {"extract.take_out", take_out_table}, {"extension.install", install_extension},
      {"extracts.read", read_all_extracts}, {"analytics.check", check_analytics},
      {"table.sample", sample_table},       {"table.columns", table_columns},
      {"table.profile", profile_table},
  };
  return table;
}

}  // namespace agnes::connectors
