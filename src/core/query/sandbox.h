#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "core/query/engine.h"

namespace agnes::query {

// The second check, and the one that holds whatever the first lets through: an in-memory DuckDB that can open
// the files of the setup's tables and no others, load nothing, and change none of its settings. Tables appear
// when they are first asked for, so that a thousand of them cost nothing at the start.
class Sandbox {
 public:
  // Throws Error when DuckDB cannot be opened, a setting is refused, or a remote engine cannot be attached.
  explicit Sandbox(const EngineSetup& setup);

  duck::Connection connect();

  // Makes the table of this lower-case name selectable, for every connection; `connection` does the work.
  // Throws Error when its files cannot be read; the message names the table only.
  void make_visible(const std::string& name, duck::Connection& connection);

  std::vector<std::string> table_names() const;

  // Whether engines elsewhere are attached.
  bool reaches_out() const { return !secrets_.empty(); }
  // The table when it is a view on a remote engine that is not selectable yet; null for any other.
  const ReadableTable* unmade_view(const std::string& name) const;

  // Blanks what names files or folders of the server, tokens and addresses of engines in a text from DuckDB.
  // Before it is cut, or part of a token may stay.
  std::string hide(std::string text) const;

 private:
  struct Entry {
    ReadableTable table;
    bool visible = false;
  };
  std::string source_of(const ReadableTable& table, duck::Connection& connection);
  void attach(const Attachment& attachment, duck::Connection& connection);

  std::map<std::string, Entry> tables_;          // by lower-case name
  std::map<std::string, std::string> attached_;  // database file -> its name in SQL, which nobody can guess
  std::set<std::string> folders_;                // where the files are, and the spill folder
  std::vector<std::string> secrets_;             // tokens and addresses of attachments
  duck::Database database_;
};

}  // namespace agnes::query
