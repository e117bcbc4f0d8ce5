#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace agnes::cli {

// Shows how downloads get on, on standard error: bars on a terminal, otherwise a line now and then
// (AGNES_PULL_PROGRESS_ INTERVAL_SECONDS, 5 by default, and AGNES_PULL_PROGRESS_INTERVAL_BYTES say how
// often), so that whoever reads a pipe sees that something moves. Thread-safe.
class Progress {
 public:
  enum class Style { none, lines, bars };
  static Style style_for_terminal();

  struct File {
    std::string name;
    std::uint64_t size = 0;  // 0: unknown
  };
  Progress(Style style, std::vector<File> files);
  ~Progress();
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void advance(const std::string& name, std::int64_t bytes);
  void done(const std::string& name);
  void failed(const std::string& name);

 private:
  using Seconds = double;
  struct State {
    std::uint64_t size = 0, bytes = 0, bytes_said = 0;
    Seconds started = -1, said = 0;
  };
  Seconds now() const;
  void draw(bool last);
  void say(const std::string& name, const State& state);

  const Style style_;
  const std::size_t total_;
  Seconds interval_seconds_;
  std::uint64_t interval_bytes_;
  std::mutex mutex_;
  std::map<std::string, State> files_;
  std::size_t finished_ = 0;
  std::size_t drawn_lines_ = 0;
  Seconds drawn_ = -1;
  std::uint64_t all_bytes_ = 0, all_size_ = 0;
};

}  // namespace agnes::cli
