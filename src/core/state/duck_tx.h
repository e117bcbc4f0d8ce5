#pragma once

#include "core/state/tx.h"
#include "lib/duck/database.h"

// The driver for DuckDB. Only core/state includes it.
namespace agnes::state {

class DuckTx final : public Tx {
 public:
  explicit DuckTx(duck::Connection& connection) : connection_(connection) {}
  Answer run(const std::string& sql, const std::vector<Value>& params) override;

 private:
  duck::Connection& connection_;
};

}  // namespace agnes::state
