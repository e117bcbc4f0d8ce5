#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <memory>

struct ArrowArrayStream;

namespace agnes::duck {

// Puts up to `most` bytes of the stream where `to` points and says how many: 0 at its end. What it throws ends the reading.
using ReadBytes = std::function<std::size_t(char* to, std::size_t most)>;

// An Arrow IPC stream of any writer (arrow_reader.h), as the C data interface has it. Every length and place in it is
// checked: whoever reads its arrays stays within its bytes. For one thread at a time.
class ArrowInput {
 public:
  // Reads the schema. Throws what `read` throws, and Error (bad_gateway) for a stream that is malformed or cut.
  explicit ArrowInput(const ReadBytes& read);
  ArrowInput(const ArrowInput&) = delete;
  ~ArrowInput();

  // Makes `stream` give its batches; both must live as long as their reader.
  void connect(ArrowArrayStream& stream);
  const std::exception_ptr& problem() const;  // what ended the stream before its end
  bool ended() const;
  std::uint64_t rows() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace agnes::duck
