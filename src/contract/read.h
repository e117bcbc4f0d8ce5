#pragma once

#include "lib/base/json.h"

// How a client reads an answer.
namespace agnes::contract {

// What `answer` holds of T. Servers of other versions, and other implementations, answer too: what is missing, or is
// of another type than T says, keeps the value of T's initialiser, and what T does not know is passed over, as are
// items of lists of structs that are no objects. Never throws.
template <class T>
T read(const boost::json::value& answer) {
  json::Reader reader({"answer"});
  T out{};
  json::read(reader, answer, out);
  return out;
}

}  // namespace agnes::contract
