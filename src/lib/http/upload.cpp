#include "lib/http/upload.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::http {

namespace {
constexpr std::size_t kMaxHead = 16 << 10;
const FormLimits kLimits;
}  // namespace

Error malformed_form(std::string_view why) {
  return {ErrorKind::bad_request, fmt::format("The form cannot be read: {}", why)};
}

PartHead parse_part_head(std::string_view lines) {
  PartHead out;
  for (const auto& line : split(lines, '\n')) {
    const auto colon = line.find(':');
    if (colon == std::string::npos) continue;
    const std::string_view key = trim(std::string_view(line).substr(0, colon));
    const std::string_view value = trim(std::string_view(line).substr(colon + 1));
    if (iequals(key, "content-type")) out.type = value;
    if (!iequals(key, "content-disposition")) continue;
    out.name = header_parameter(value, "name");
    out.is_file = value.find("filename") != std::string_view::npos;
    out.filename = header_parameter(value, "filename");
    if (const std::string extended = header_parameter(value, "filename*");
        iequals(extended.substr(0, 7), "utf-8''"))
      out.filename = percent_decode(extended.substr(7), false).value_or(out.filename);
  }
  if (!is_utf8(out.name)) throw malformed_form("a field's name is not UTF-8");
  if (out.is_file && !is_utf8(out.filename)) throw malformed_form("a file's name is not UTF-8");
  return out;
}

Upload::Upload(const std::filesystem::path& folder, std::string_view type)
    : file_(std::make_shared<BodyFile>()) {
  if (iequals(trim(type.substr(0, type.find(';'))), "multipart/form-data")) {
    const std::string boundary = header_parameter(type, "boundary");
    if (boundary.empty() || boundary.size() > 200) throw malformed_form("no boundary in its content type");
    delimiter_ = "\r\n--" + boundary;
    received_ = "\r\n";  // a body may begin with its first boundary
  } else {
    file_->content_type = type;
    has_file_ = true;
  }
  file_->folder = std::make_unique<TemporaryFolder>(folder);
  file_->path = file_->folder->path() / "body";
  fd_ = UniqueFd(::open(file_->path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd_) throw Error(ErrorKind::unavailable, "An upload cannot be stored now: the server's log says why");
}

void Upload::feed(std::string_view bytes) {
  if (delimiter_.empty()) {
    file_->size += bytes.size();
    pending_.append(bytes);
    return;
  }
  received_.append(bytes);
  while (step()) {
  }
}

// False when more has to arrive first.
bool Upload::step() {
  switch (state_) {
    case State::preamble: {
      const auto at = received_.find(delimiter_);
      if (at == std::string::npos) {
        if (received_.size() > kMaxHead) throw malformed_form("its boundary is not in the body");
        return false;
      }
      received_.erase(0, at + delimiter_.size());
      state_ = State::boundary;
      return true;
    }
    case State::boundary:
      if (received_.size() < 2) return false;
      if (received_.starts_with("--")) {
        state_ = State::end;
      } else if (received_.starts_with("\r\n")) {
        state_ = State::head;
      } else {
        throw malformed_form("a boundary is not followed by a line break");
      }
      received_.erase(0, 2);
      return true;
    case State::head: {
      // Without header lines the empty line comes at once.
      const auto end = received_.starts_with("\r\n") ? 0 : received_.find("\r\n\r\n");
      if (end == std::string::npos || end > kMaxHead) {
        if (received_.size() > kMaxHead) throw malformed_form("a part's header is too long");
        return false;
      }
      part_ = parse_part_head(std::string_view(received_).substr(0, end));
      // The line break before the data may belong to the delimiter of a part without data.
      received_.erase(0, end == 0 ? 0 : end + 2);
      received_.erase(0, 2);
      if (part_.is_file) {
        if (has_file_) throw Error(ErrorKind::too_large, "The form has more than one file");
        has_file_ = true;
        file_->field = part_.name;
        file_->filename = part_.filename;
        file_->content_type = part_.type;
      } else if (file_->fields.size() >= kLimits.fields) {
        throw Error(ErrorKind::too_large, fmt::format("The form has more than {} fields", kLimits.fields));
      }
      field_.clear();
      state_ = State::data;
      return true;
    }
    case State::data:
      return take_data();
    case State::end:
      received_.clear();
      return false;
  }
  return false;
}

bool Upload::take_data() {
  const auto end = received_.find(delimiter_);
  const bool whole = end != std::string::npos;
  // What might be the beginning of a delimiter stays.
  const std::size_t size = whole                                   ? end
                           : received_.size() >= delimiter_.size() ? received_.size() - delimiter_.size() + 1
                                                                   : 0;
  const std::string_view bytes = std::string_view(received_).substr(0, size);
  if (part_.is_file) {
    file_->size += bytes.size();
    pending_.append(bytes);
  } else {
    field_bytes_ += bytes.size();
    if (field_bytes_ > kLimits.field_bytes)
      throw Error(ErrorKind::too_large, "The form's fields are too long");
    field_.append(bytes);
  }
  received_.erase(0, whole ? end + delimiter_.size() : size);
  if (!whole) return false;
  if (!part_.is_file) {
    if (!is_utf8(field_)) throw malformed_form("a field is not UTF-8");
    file_->fields.emplace_back(part_.name, std::move(field_));
  }
  state_ = State::boundary;
  return true;
}

void Upload::flush() {
  std::string_view left = pending_;
  while (!left.empty()) {
    const auto written = ::write(fd_.get(), left.data(), left.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      if (errno == ENOSPC || errno == EDQUOT)
        throw Error(ErrorKind::insufficient_storage,
                    "The disk of the server is full: free space and send it again");
      throw system_error("cannot write " + file_->path.string(), errno);
    }
    left.remove_prefix(static_cast<std::size_t>(written));
  }
  pending_.clear();
}

std::shared_ptr<const BodyFile> Upload::finish() {
  if (!delimiter_.empty() && state_ != State::end) throw malformed_form("it ends before its last boundary");
  if (!has_file_) return nullptr;
  flush();
  fd_.reset();
  return std::move(file_);
}

}  // namespace agnes::http
