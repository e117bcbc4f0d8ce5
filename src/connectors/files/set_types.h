#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

// Types of columns, in DuckDB's spelling, taken apart as far as is needed to hold each value inside of lists, structs and
// maps against its own type.
namespace agnes::connectors::files {

struct SetType {
  enum class Kind { plain, list, structure, map };
  Kind kind = Kind::plain;
  std::string name;               // as SQL has it
  std::vector<std::string> keys;  // of a structure
  std::vector<SetType> children;  // of these keys; the element; key and value
};

SetType parse_type(std::string_view type);

// The same type with texts for all plain ones.
std::string text_form(const SetType& type);

// SQL that is true where `holds(value, type)`, which is SQL, is for each plain value in `value` and for each map.
using HoldsSql = std::function<std::string(const std::string& value, const SetType& type)>;
std::string every_part_sql(const std::string& value, const SetType& type, const HoldsSql& holds);

// SQL that is true where each text in `value`, of the type `text_form`, can be a value of the type as it is written.
std::string parts_fit_sql(const std::string& value, const SetType& type);

}  // namespace agnes::connectors::files
