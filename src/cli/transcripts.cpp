#include "cli/transcripts.h"

#include <fstream>
#include <thread>

#include <boost/json.hpp>

#include "cli/json_text.h"
#include "lib/base/env.h"
#include "lib/base/error.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace json = boost::json;

namespace {

// The folder stands in one of the first lines; those before it may hold a pasted picture.
constexpr std::size_t kHeadBytes = 4u << 20;

fs::path projects_folder() {
  const auto config = env("CLAUDE_CONFIG_DIR");
  return (config ? fs::path(*config) : fs::path(env_or("HOME", "/")) / ".claude") / "projects";
}

// As versions of Claude Code have named the folder of `path`.
std::set<std::string> encodings(const std::string& path) {
  std::string slashes = path, all = path, collapsed;
  for (char& c : slashes)
    if (c == '/') c = '-';
  for (char& c : all)
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))) c = '-';
  for (const char c : all)
    if (c != '-' || !collapsed.ends_with('-')) collapsed += c;
  return {slashes, all, collapsed};
}

// Or is it, wherever links lead.
bool lies_in(const fs::path& path, const fs::path& folder) {
  const auto whole = [](const fs::path& one) {
    std::error_code error;
    const auto real = fs::weakly_canonical(one, error);
    return (error ? one.lexically_normal() : real).string() + "/";
  };
  return whole(path).starts_with(whole(folder));
}

void add_folder(std::vector<Transcript>& out, const fs::path& folder, bool is_certain) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename();
    if (!name.ends_with(".jsonl") || name.starts_with('.') || !entry.is_regular_file(error) ||
        entry.is_symlink(error))
      continue;
    if (const auto stat = stat_file(entry.path())) out.push_back({entry.path(), *stat, is_certain});
  }
}

fs::path queue_file(const fs::path& root) {
  return root / ".claude" / "agnes-sessions.txt";
}

// Held for as long as it takes to write some lines.
FileLock lock_queue(const fs::path& root) {
  const auto file = root / ".claude" / "agnes-queue.lock";
  for (int tries = 0; tries < 2'000; ++tries) {
    if (auto lock = FileLock::try_lock(file)) return std::move(*lock);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  throw Error(ErrorKind::conflict, file.string() + " is held by another program");
}

std::string line_of(const QueuedSession& session) {
  return session.session + "\t" + session.file.string() + "\n";
}

}  // namespace

std::vector<QueuedSession> read_queue(const fs::path& root) {
  std::vector<QueuedSession> out;
  const auto text = read_file(queue_file(root)).value_or("");
  for (const auto& line : split(text, '\n')) {
    const auto tab = line.find('\t');
    // Early versions wrote the file alone.
    const auto session = tab == line.npos ? std::string_view() : trim(std::string_view(line).substr(0, tab));
    const auto file = trim(std::string_view(line).substr(tab == line.npos ? 0 : tab + 1));
    if (!file.empty()) out.push_back({std::string(session), fs::path(file)});
  }
  return out;
}

void add_to_queue(const fs::path& root, const QueuedSession& session) {
  const auto lock = lock_queue(root);
  append_line(queue_file(root), session.session + "\t" + session.file.string());
}

void remove_from_queue(const fs::path& root, const std::set<QueuedSession>& done) {
  if (done.empty()) return;
  const auto lock = lock_queue(root);
  std::string left;
  for (const auto& session : read_queue(root))
    if (!done.contains(session)) left += line_of(session);
  if (left.empty())
    fs::remove(queue_file(root));
  else
    replace_file(queue_file(root), left, 0600);
}

bool is_in_place(const fs::path& root, const fs::path& file) {
  return lies_in(file, projects_folder()) || lies_in(file, root / "user" / "sessions");
}

std::vector<Transcript> find_transcripts(const fs::path& root) {
  std::vector<Transcript> out;
  std::set<std::string> names = encodings(root.string());
  std::error_code error;
  if (const auto real = fs::canonical(root, error); !error) names.merge(encodings(real.string()));
  for (const auto& entry : fs::directory_iterator(projects_folder(), error)) {
    const std::string name = entry.path().filename();
    const auto is_ours = [&](const std::string& own) {
      return name == own || (name.starts_with(own) && name[own.size()] == '-');
    };
    if (std::any_of(names.begin(), names.end(), is_ours)) add_folder(out, entry.path(), names.contains(name));
  }
  add_folder(out, root / "user" / "sessions", true);
  for (const auto& queued : read_queue(root)) {
    if (!queued.file.string().ends_with(".jsonl") || fs::is_symlink(queued.file, error) ||
        !is_in_place(root, queued.file))
      continue;
    const auto stat = stat_file(queued.file);
    if (stat && fs::is_regular_file(queued.file, error)) out.push_back({queued.file, *stat, true});
  }
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) {
    return std::tie(a.file, b.is_certain) < std::tie(b.file, a.is_certain);
  });
  out.erase(
      std::unique(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.file == b.file; }),
      out.end());
  std::stable_sort(out.begin(), out.end(),
                   [](const auto& a, const auto& b) { return a.stat.modified_ns < b.stat.modified_ns; });
  return out;
}

TranscriptHead read_head(const fs::path& file) {
  TranscriptHead out;
  out.sessions.insert(file.stem());
  std::ifstream in(file);
  std::string line;
  std::size_t read = 0;
  while (out.folder.empty() && read < kHeadBytes && std::getline(in, line)) {
    read += line.size() + 1;
    if (trim(line).empty()) continue;
    boost::system::error_code error;
    const auto value = json::parse(line, error);
    if (error || !value.is_object()) break;
    out.is_transcript = true;
    out.folder = plain(value.get_object(), "cwd");
    if (auto id = plain(value.get_object(), "sessionId"); !id.empty()) out.sessions.insert(std::move(id));
  }
  return out;
}

bool is_of_workspace(const fs::path& root, const Transcript& transcript, const TranscriptHead& head) {
  if (!head.is_transcript) return false;
  if (head.folder.empty()) return transcript.is_certain;
  return lies_in(head.folder, root);
}

}  // namespace agnes::cli
