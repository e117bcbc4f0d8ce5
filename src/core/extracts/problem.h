#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lib/base/json.h"

namespace agnes::extracts {

// Something wrong with a source, its settings or an extract that an operator should know: found by a connector or the
// reader of extracts, and told unchanged in the result of the sync, in the health report and by its kind in the metrics.
// A table that failed is told by its TableOutcome instead, not twice.
struct Problem {
  // Of the kinds below, so that metrics can name it:
  //   source         nothing of the source can be read, or none is set
  //   configuration  the folder of the settings is not there
  //   setting        of one table: misspelt, of the wrong type, or for a file that is not there
  //   empty          the folder is empty, and held tables before
  //   refused        a name, a link
  //   collision      several files of one name
  //   mixed          a folder with files of several formats
  //   unreadable     by its rights, mostly
  //   damaged        cut off, or compressed in another way than its name says
  //   malformed      not what its format says
  //   failed         of another cause
  //   extract        a part of an extract is not served
  //   not_a_table    a note: a document without rows
  //   removed        a note: its source is gone, and so is the table
  //   header         a note: the first line of a file is taken as a row, and has texts as a header would
  //   columns        a note: columns that the table had are gone
  std::string kind;
  std::string source;              // the name of the extract, or the type of the source
  std::string table;               // may be empty
  std::vector<std::string> files;  // relative to the folder of the source
  std::optional<std::int64_t> line;
  std::string message;  // one line: what, where, what to do

  // Worth a word, and nothing is wrong.
  bool is_note() const {
    return kind == "not_a_table" || kind == "removed" || kind == "header" || kind == "columns";
  }
};
BOOST_DESCRIBE_STRUCT(Problem, (), (kind, source, table, files, line, message))

}  // namespace agnes::extracts
