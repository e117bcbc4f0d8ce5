// Arrow IPC streams: whatever arrays come of one, all that their readers would read lies within its bytes.
#include "lib/duck/arrow_input.h"

#include <algorithm>
#include <cstring>

#include "fuzz/target.h"
#include "lib/base/error.h"
#include "lib/duck/arrow_format.h"

namespace {

using namespace agnes;

std::uint64_t sum = 0;  // so that what is read is read

void touch(const void* bytes, std::size_t size) {
  for (std::size_t i = 0; i < size; ++i) sum += static_cast<const unsigned char*>(bytes)[i];
}

template <class T>
std::int64_t touch_offsets(const ArrowArray& array) {
  const auto* offsets = static_cast<const T*>(array.buffers[1]);
  for (std::int64_t i = 0; i < array.length; ++i)
    fuzz::expect(offsets[i] >= 0 && offsets[i] <= offsets[i + 1], "offsets do not fall");
  return offsets[array.length];
}

std::size_t width_of(std::string_view format) {
  switch (format[0]) {
    case 'c':
    case 'C':
      return 1;
    case 's':
    case 'S':
    case 'e':
      return 2;
    case 'i':
    case 'I':
    case 'f':
      return 4;
    case 'l':
    case 'L':
    case 'g':
      return 8;
    default:
      return 0;
  }
}

void read(const ArrowSchema& schema, const ArrowArray& array) {
  const std::string_view format = schema.format;
  fuzz::expect(array.length >= 0 && array.null_count >= 0 && array.n_children == schema.n_children,
               "an array is as its schema says");
  const auto rows = static_cast<std::size_t>(array.length);
  const bool is_union = format.starts_with("+us");
  if (!is_union && array.n_buffers > 0 && array.buffers[0] != nullptr)
    touch(array.buffers[0], (rows + 7) / 8);
  if (format == "b") touch(array.buffers[1], (rows + 7) / 8);
  if (is_union) touch(array.buffers[0], rows);
  if (format == "u" || format == "z")
    touch(array.buffers[2], static_cast<std::size_t>(touch_offsets<std::int32_t>(array)));
  if (format == "U" || format == "Z")
    touch(array.buffers[2], static_cast<std::size_t>(touch_offsets<std::int64_t>(array)));
  if (format == "+l" || format == "+m")
    fuzz::expect(touch_offsets<std::int32_t>(array) <= array.children[0]->length,
                 "lists lie in their elements");
  if (format == "+L")
    fuzz::expect(touch_offsets<std::int64_t>(array) <= array.children[0]->length,
                 "lists lie in their elements");
  touch(array.n_buffers > 1 ? array.buffers[1] : nullptr, rows * width_of(format));
  for (std::int64_t i = 0; i < array.n_children; ++i) {
    fuzz::expect(format != "+s" || array.children[i]->length >= array.length,
                 "a member has a value for each row");
    read(*schema.children[i], *array.children[i]);
  }
  fuzz::expect((schema.dictionary != nullptr) == (array.dictionary != nullptr),
               "positions have their values");
  if (schema.dictionary != nullptr) read(*schema.dictionary, *array.dictionary);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view left = fuzz::text_of(data, size);
  const duck::ReadBytes bytes = [&](char* to, std::size_t most) {
    const auto count = std::min(most, left.size());
    std::memcpy(to, left.data(), count);
    left.remove_prefix(count);
    return count;
  };
  try {
    duck::ArrowInput input(bytes);
    ArrowArrayStream stream{};
    input.connect(stream);
    ArrowSchema schema{};
    fuzz::expect(stream.get_schema(&stream, &schema) == 0, "there is a schema");
    ArrowArray array{};
    while (stream.get_next(&stream, &array) == 0 && array.release != nullptr) {
      read(schema, array);
      array.release(&array);
    }
    if (input.problem()) std::rethrow_exception(input.problem());
    fuzz::expect(input.ended(), "a stream without a problem has an end");
  } catch (const Error&) {
  }
  return 0;
}
