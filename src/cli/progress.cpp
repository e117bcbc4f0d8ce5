#include "cli/progress.h"

#include "cli/output.h"
#include "cli/text_width.h"
#include "lib/base/env.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {
constexpr double kRedrawEvery = 0.1;
constexpr double kLineEvery = 0.5;  // at most, however fast the bytes come
constexpr std::size_t kMostBars = 8;

std::string amount(std::uint64_t bytes, std::uint64_t size) {
  return size > 0 ? fmt::format("{} of {}", human_bytes(bytes), human_bytes(size)) : human_bytes(bytes);
}
int percent(std::uint64_t bytes, std::uint64_t size) {
  // What the manifest announces may be less than what comes.
  return size == 0 ? 0 : static_cast<int>(std::min<std::uint64_t>(bytes * 100 / size, 100));
}
std::string rate(std::uint64_t bytes, double seconds) {
  return human_bytes(static_cast<std::uint64_t>(static_cast<double>(bytes) / std::max(seconds, 0.001))) +
         "/s";
}
std::string bar(std::uint64_t bytes, std::uint64_t size, std::size_t width) {
  if (size == 0) return std::string(width, ' ');
  const auto full = static_cast<std::size_t>(percent(bytes, size)) * width / 100;
  return std::string(full, '#') + std::string(width - full, '.');
}
}  // namespace

Progress::Style Progress::style_for_terminal() {
  return is_terminal_err() && env_or("TERM", "dumb") != "dumb" ? Style::bars : Style::lines;
}

Progress::Progress(Style style, std::vector<File> files) : style_(style), total_(files.size()) {
  for (const auto& file : files) {
    files_[file.name].size = file.size;
    all_size_ += file.size;
  }
  interval_seconds_ = parse_double(env_or("AGNES_PULL_PROGRESS_INTERVAL_SECONDS", "")).value_or(5);
  if (interval_seconds_ <= 0) interval_seconds_ = 5;
  const auto bytes = parse_int(env_or("AGNES_PULL_PROGRESS_INTERVAL_BYTES", "")).value_or(0);
  interval_bytes_ = bytes > 0 ? static_cast<std::uint64_t>(bytes) : ~std::uint64_t{0};
}
Progress::~Progress() {
  const std::lock_guard lock(mutex_);
  if (style_ == Style::bars) draw(true);
}

Progress::Seconds Progress::now() const {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

void Progress::advance(const std::string& name, std::int64_t bytes) {
  if (style_ == Style::none) return;
  const std::lock_guard lock(mutex_);
  State& file = files_[name];
  const Seconds time = now();
  if (file.started < 0) file.started = file.said = time;
  const auto add = [bytes](std::uint64_t& sum) {
    sum = bytes < 0 && sum < static_cast<std::uint64_t>(-bytes) ? 0 : sum + static_cast<std::uint64_t>(bytes);
  };
  add(file.bytes);
  add(all_bytes_);
  if (style_ == Style::bars) {
    if (time - drawn_ >= kRedrawEvery) draw(false);
    return;
  }
  const bool ten_percent = percent(file.bytes, file.size) / 10 > percent(file.bytes_said, file.size) / 10;
  if ((ten_percent && file.bytes < file.size && time - file.said >= kLineEvery) ||
      time - file.said >= interval_seconds_ ||
      file.bytes - std::min(file.bytes_said, file.bytes) >= interval_bytes_)
    say(name, file);
}

void Progress::say(const std::string& name, const State& state) {
  const Seconds time = now();
  std::string share = state.size > 0 ? fmt::format("{}% ", percent(state.bytes, state.size)) : "";
  note("[{}/{} files] {}: {}({}) at {}", std::min(finished_ + 1, total_), total_, name, share,
       amount(state.bytes, state.size), rate(state.bytes, time - state.started));
  files_[name].said = time;
  files_[name].bytes_said = state.bytes;
}

void Progress::done(const std::string& name) {
  if (style_ == Style::none) return;
  const std::lock_guard lock(mutex_);
  ++finished_;
  const State state = files_[name];
  files_.erase(name);
  if (style_ == Style::bars) return draw(false);
  const Seconds took = state.started < 0 ? 0 : now() - state.started;
  note("[{}/{} files] {}: done ({} in {:.1f} s, {})", finished_, total_, name, human_bytes(state.bytes), took,
       rate(state.bytes, took));
}

void Progress::failed(const std::string& name) {
  if (style_ == Style::none) return;
  const std::lock_guard lock(mutex_);
  ++finished_;
  files_.erase(name);
  if (style_ == Style::bars) return draw(false);
  note("[{}/{} files] {}: failed", finished_, total_, name);
}

void Progress::draw(bool last) {
  drawn_ = now();
  std::string text;
  // Back to the first line of the last drawing, and clear from there on.
  if (drawn_lines_ > 0) text += fmt::format("\033[{}A", drawn_lines_);
  text += "\r\033[J";
  drawn_lines_ = 0;
  if (!last) {
    const auto width = static_cast<std::size_t>(std::max(terminal_width(), 40));
    const std::size_t name_width = std::min<std::size_t>(28, width / 3);
    const std::size_t bar_width = width > 84 ? 30 : 12;
    const auto line = [&](const std::string& name, std::uint64_t bytes, std::uint64_t size,
                          const std::string& more) {
      text += cut_to_width(fmt::format("{} {} {}",
                                       pad_right(cut_to_width(terminal_text(name), name_width), name_width),
                                       bar(bytes, size, bar_width), amount(bytes, size) + more),
                           width - 1) +
              "\n";
      ++drawn_lines_;
    };
    for (const auto& [name, file] : files_) {
      if (file.started < 0) continue;
      if (drawn_lines_ == kMostBars) break;
      line(name, file.bytes, file.size, "  " + rate(file.bytes, drawn_ - file.started));
    }
    line(fmt::format("{} of {} tables", finished_, total_), all_bytes_, all_size_, "");
  }
  draw_err(text);
}

}  // namespace agnes::cli
