#include "connectors/tasks.h"

#include "connectors/files/files.h"
#include "extracts/analytics.h"
#include "extracts/extract_reader.h"
#include "extracts/profile.h"
#include "extracts/table_read.h"

namespace agnes::connectors {

namespace {
using boost::json::value;

value extract_files(const value& input, const workers::TaskContext& context) {
  return json::to_json(files::extract(json::from_json<files::Job>(input), context));
}
value discover_files(const value& input, const workers::TaskContext&) {
  const auto job = json::from_json<files::Job>(input.at("job"));
  return json::to_json(files::discover(job, input.at("rows").to_number<std::int64_t>()));
}
value remove_file_table(const value& input, const workers::TaskContext&) {
  files::remove(json::from_json<files::Job>(input.at("job")), std::string(input.at("table").as_string()));
  return nullptr;
}
value read_all_extracts(const value& input, const workers::TaskContext&) {
  return json::to_json(extracts::read_extracts(json::from_json<extracts::ReadOptions>(input)));
}
value check_analytics(const value& input, const workers::TaskContext&) {
  return json::to_json(extracts::check_analytics(std::string(input.as_string())));
}
value sample_table(const value& input, const workers::TaskContext&) {
  return json::to_json(extracts::read_sample(json::from_json<extracts::SampleRequest>(input)));
}
value table_columns(const value& input, const workers::TaskContext&) {
  return json::to_json(extracts::read_columns(json::from_json<extracts::SampleRequest>(input)));
}
value profile_table(const value& input, const workers::TaskContext&) {
  return extracts::read_profile(json::from_json<extracts::ProfileRequest>(input));
}
}  // namespace

const workers::TaskTable& tasks() {
  static const workers::TaskTable table = {
      {"files.extract", extract_files},     {"files.discover", discover_files},
      {"files.remove", remove_file_table},  {"extracts.read", read_all_extracts},
      {"analytics.check", check_analytics}, {"table.sample", sample_table},
      {"table.columns", table_columns},     {"table.profile", profile_table},
  };
  return table;
}

}  // namespace agnes::connectors
