#include "notes_connector.h"

#include <algorithm>
#include <filesystem>

#include "connectors/source_error.h"
#include "connectors/staged.h"
#include "lib/base/error.h"
#include "lib/duck/database.h"

namespace agnes::connectors::notes {

namespace fs = std::filesystem;

namespace {

// Tables that are brought side by side.
constexpr std::size_t kAtOnce = 2;

}  // namespace

std::vector<std::string> NotesConnector::notes() const {
  if (settings_.folder.empty())
    throw source_error(ErrorKind::bad_request, "not_configured", "data_source.notes.folder is not set");
  std::error_code error;
  std::vector<std::string> out;
  for (const auto& entry : fs::directory_iterator(settings_.folder, error))
    if (entry.path().extension() == ".txt") out.push_back(entry.path().stem());
  if (error)
    throw source_error(ErrorKind::bad_gateway, "unreachable",
                       fmt::format("the folder {} cannot be read: {}", settings_.folder, error.message()),
                       "Check data_source.notes.folder and who may read it");
  std::sort(out.begin(), out.end());
  return out;
}

boost::json::object NotesConnector::test() {
  return {{"folder", settings_.folder}, {"tables", notes().size()}};
}

sync::Discovery NotesConnector::discover(const std::optional<std::string>& /*part*/) {
  sync::Discovery out;
  for (const auto& note : notes()) {
    auto& offer = out.offers.emplace_back();
    offer.shown = {{"name", note}};
    offer.row.id = catalog::id_for(note);
    offer.row.name = note;
    offer.row.source_type = kType;
    offer.row.source_table = note;
    offer.row.description = "Lines of " + note + ".txt";
  }
  return out;
}

// Only copies here: a confined worker reads the copy with DuckDB and writes the table.
sync::Extraction NotesConnector::extract(const std::vector<catalog::Registration>& registered,
                                         const sync::TableSelection& selection,
                                         const jobs::Context& context) {
  const auto fetch = [&](const catalog::Registration& row, const Fetching& fetching) {
    const auto source = fs::path(settings_.folder) / (row.source_table.value_or(row.name) + ".txt");
    const auto copy = fetching.scratch / "note.txt";
    std::error_code error;
    fs::copy_file(source, copy, error);
    if (error)
      throw source_error(ErrorKind::bad_gateway, "unreachable",
                         fmt::format("{} cannot be read: {}", source.filename().string(), error.message()),
                         "Bring the file back, or take the table out of the registry");
    return fmt::format(
        "SELECT unnest(range(1, len(lines) + 1)) AS line, unnest(lines) AS text FROM "
        "(SELECT string_split(rtrim(content, chr(10)), chr(10)) AS lines FROM read_text({}))",
        duck::quote_literal(copy.string()));
  };
  const auto tables = chosen(registered, source_type(), {catalog::QueryMode::local}, selection);
  return bring(tables, source_type(), config_, kAtOnce, context, fetch);
}

void NotesConnector::remove(const std::string& name, const jobs::Context& context) {
  take_out(name, source_type(), config_, context);
}

}  // namespace agnes::connectors::notes
