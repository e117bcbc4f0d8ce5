#include "connectors/files/csv_rows.h"

#include "connectors/files/source_error.h"

namespace agnes::connectors::files {

namespace {

// A chunk ends early when its rows have so much text.
constexpr std::uint64_t kChunkBytes = 4 << 20;

class Rows : public duck::RowProducer {
 public:
  explicit Rows(CsvRows table) : table_(std::move(table)) {}

  std::size_t fill(duckdb_data_chunk chunk) override {
    const auto& api = duck::api();
    vectors_.clear();
    for (std::size_t i = 0; i < api.data_chunk_get_column_count(chunk); ++i)
      vectors_.push_back(api.data_chunk_get_vector(chunk, i));
    const auto room = static_cast<std::size_t>(api.vector_size());
    std::uint64_t bytes = 0;
    std::size_t row = 0;
    for (; row < room && bytes < kChunkBytes && next(); ++row) {
      bytes += record_.raw.size();
      write(row);
    }
    return row;
  }

 private:
  // Goes to the next record that is a row: an empty line is one where there is one column.
  bool next() {
    for (;;) {
      if (!text_ && file_ == table_.files.size()) return false;
      if (!text_) open();
      if (!text_->next(record_)) {
        text_.reset();
        ++file_;
      } else if (!record_.values.empty() || table_.columns == 1) {
        return true;
      }
    }
  }

  void open() {
    const auto& file = table_.files[file_];
    text_.emplace(file.file, table_.encoding);
    text_->dialect = table_.dialect;
    for (auto left = file.skipped; left > 0; --left) text_->take_line();
    if (table_.header) text_->next(record_);
  }

  void write(std::size_t row) {
    const auto& file = table_.files[file_];
    const auto& values = record_.values;
    if (!record_.fault.empty() || (values.size() < table_.columns && table_.columns > 1))
      throw SourceError(
          "malformed", file.file.relative, record_.line,
          fmt::format("{} has changed while it was read: sync again", shown(file.file.relative)));
    for (std::size_t i = 0; i < table_.columns; ++i) {
      const bool is_null =
          i >= values.size() ||
          (!values[i].quoted && (values[i].text.empty() || values[i].text == table_.null_text));
      duck::put_text(vectors_[i], row, is_null ? std::nullopt : std::optional(values[i].text));
    }
    for (std::size_t i = 0; i < file.folders.size(); ++i)
      duck::put_text(vectors_[table_.columns + i], row, file.folders[i]);
  }

  CsvRows table_;
  std::size_t file_ = 0;
  std::optional<CsvText> text_;
  CsvRecord record_;
  std::vector<duckdb_vector> vectors_;
};

}  // namespace

std::unique_ptr<duck::RowProducer> CsvRows::read() const {
  return std::make_unique<Rows>(*this);
}

}  // namespace agnes::connectors::files
