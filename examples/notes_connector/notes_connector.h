#pragma once

#include "app/config/config.h"
#include "core/sync/connector.h"

// An example of a connector: a folder of text files, each a table of its lines. CONTRIBUTING.md refers to these files.
namespace agnes::connectors::notes {

inline constexpr std::string_view kType = "notes";  // in data_source.type and registrations

struct NotesSettings {
  static constexpr std::string_view kSection = "data_source.notes";
  std::string folder;
  static constexpr config::Rule kRules[] = {
      {.member = "folder", .needed_by = kType, .help = "Folder of notes: each NAME.txt is a table"},
  };
};
BOOST_DESCRIBE_STRUCT(NotesSettings, (), (folder))

class NotesConnector final : public sync::Connector {
 public:
  explicit NotesConnector(const config::Config& config)
      : config_(config), settings_(config.get<NotesSettings>()) {}

  std::string source_type() const override { return std::string(kType); }
  boost::json::object test() override;
  sync::Discovery discover(const std::optional<std::string>& part) override;
  sync::Extraction extract(const std::vector<catalog::Registration>& registered,
                           const sync::TableSelection& selection, const jobs::Context& context) override;
  void remove(const std::string& name, const jobs::Context& context) override;

 private:
  std::vector<std::string> notes() const;  // names without ".txt", sorted

  const config::Config config_;
  const NotesSettings settings_;
};

}  // namespace agnes::connectors::notes
