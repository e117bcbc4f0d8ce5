#include "cli/push.h"

#include <map>
#include <thread>

#include "cli/config.h"
#include "cli/private_sessions.h"
#include "cli/redact.h"
#include "cli/transcripts.h"
#include "lib/base/hash.h"
#include "lib/base/ids.h"
#include "lib/base/text.h"

namespace agnes::cli {

namespace {

// What the server takes (`uploads.file_mb`), so that what is larger is not even read.
constexpr std::uint64_t kLargestFile = 50u << 20;
constexpr std::chrono::seconds kTimeout{120};
constexpr int kMostWaits = 5;  // for one file, when there are too many for the server
constexpr std::chrono::seconds kLongestWait{60};
constexpr std::int64_t kKeepSeconds = 30 * 24 * 3600;  // a queued session whose file is not there

fs::path agent_file(const Workspace& workspace, const char* name) {
  return workspace.root / ".claude" / name;
}
fs::path notes_file(const Workspace& workspace) {
  return agent_file(workspace, "CLAUDE.local.md");
}
fs::path uploaded_log(const Workspace& workspace) {
  return agent_file(workspace, "agnes-sessions-uploaded.txt");
}

// What became of files, in <workspace>/server/.agnes-push: a line for each with tabs between its fields; the last one of a file
// counts. A cache: without it a push uploads everything again.
class Uploaded {
 public:
  enum class State { there, refused, missing };

  Uploaded(const Workspace& workspace, std::string server)
      : file_(workspace.server() / ".agnes-push"), server_(std::move(server)) {
    for (const auto& line : split(read_file(file_).value_or(""), '\n')) {
      const auto fields = split(line, '\t');
      ++lines_;
      if (fields.size() != 7) continue;
      entries_[{std::string(fields[0]), std::string(fields[6])}] = std::string(line);
    }
  }

  std::optional<State> find(const Transcript& transcript) const {
    return find(transcript.file, transcript.stat.hash, transcript.stat);
  }
  // Nothing for one that has changed since.
  std::optional<State> find(const fs::path& file, const std::string& hash, const KnownFile& stat) const {
    for (const auto state : {State::there, State::refused})
      if (is(line(state, file, hash, stat), file)) return state;
    return std::nullopt;
  }
  void set(State state, const fs::path& file, const std::string& hash, const KnownFile& stat) {
    const std::string text = line(state, file, hash, stat);
    fs::create_directories(file_.parent_path());
    append_line(file_, text);
    ++lines_;
    entries_[{server_, file.string()}] = text;
  }
  // When it was first seen that the file is not there, now at the latest.
  Timestamp missing_since(const fs::path& file) {
    const auto found = entries_.find({server_, file.string()});
    if (found != entries_.end())
      if (const auto fields = split(found->second, '\t'); fields[1] == "missing")
        return Timestamp{parse_int(std::string(fields[4])).value_or(0)};
    KnownFile stat;
    stat.modified_ns = now().micros;
    set(State::missing, file, "", stat);
    return Timestamp{stat.modified_ns};
  }
  // Drops the lines that later ones have replaced.
  void tidy() const {
    if (lines_ < 2 * entries_.size() + 100) return;
    std::string text;
    for (const auto& [key, line] : entries_) text += line + "\n";
    replace_quickly(file_, text, 0600);
  }

 private:
  std::string line(State state, const fs::path& file, const std::string& hash, const KnownFile& stat) const {
    constexpr const char* kNames[] = {"there", "refused", "missing"};
    return fmt::format("{}\t{}\t{}\t{}\t{}\t{}\t{}", server_, kNames[static_cast<int>(state)], hash,
                       stat.size, stat.modified_ns, stat.inode, file.string());
  }
  bool is(const std::string& line, const fs::path& file) const {
    const auto found = entries_.find({server_, file.string()});
    return found != entries_.end() && found->second == line;
  }

  const fs::path file_;
  const std::string server_;
  std::map<std::pair<std::string, std::string>, std::string> entries_;  // by server and file
  std::size_t lines_ = 0;
};

struct Candidates {
  std::vector<Transcript> uploads;
  std::vector<std::pair<std::string, fs::path>> hidden;  // private ones, with their sessions
  std::int64_t unchanged = 0;
};

// The session that makes it private, if one does.
std::optional<std::string> private_one(const TranscriptHead& head, const std::set<std::string>& hidden) {
  for (const auto& session : head.sessions)
    if (hidden.contains(session)) return session;
  return std::nullopt;
}

Candidates candidates(const Workspace& workspace, const Uploaded& uploaded) {
  Candidates out;
  const auto hidden = private_sessions(workspace.root);
  for (auto& transcript : find_transcripts(workspace.root)) {
    // A line of ours has one file.
    if (transcript.file.string().find_first_of("\t\n") != std::string::npos) continue;
    const auto state = uploaded.find(transcript);
    if (state) {
      out.unchanged += *state == Uploaded::State::there;
      continue;
    }
    const auto head = read_head(transcript.file);
    if (!is_of_workspace(workspace.root, transcript, head)) continue;
    if (const auto session = private_one(head, hidden))
      out.hidden.emplace_back(*session, transcript.file);
    else
      out.uploads.push_back(std::move(transcript));
  }
  return out;
}

http_client::Request upload_request(const std::string& name, const std::string& content) {
  // In no content but by intent, and then only the uploader's own file is spoilt.
  const std::string boundary = "agnes-" + random_hex(16);
  http_client::Request request;
  request.method = "POST";
  request.path = "/api/upload/sessions";
  request.headers = {{"Content-Type", "multipart/form-data; boundary=" + boundary}};
  std::string safe;
  for (const char c : name) safe += c == '"' || c == '\\' || c < ' ' ? '_' : c;
  request.body = "--" + boundary + "\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" + safe +
                 "\"\r\nContent-Type: application/x-ndjson\r\n\r\n" + content + "\r\n--" + boundary +
                 "--\r\n";
  request.timeout = kTimeout;
  return request;
}

// Whether the answer is about this one file: another one may be taken.
bool is_about_the_file(int status) {
  return status == 400 || status == 413 || status == 415 || status == 422;
}

class Push {
 public:
  Push(Api& api, const Workspace& workspace)
      : api_(api), workspace_(workspace), uploaded_(workspace, api.server()) {
    if (const auto token = stored_token(api.server())) secrets_.push_back(token->text);
  }

  PushResult run() {
    auto found = candidates(workspace_, uploaded_);
    out_.unchanged = found.unchanged;
    for (const auto& [session, file] : found.hidden) note_private(session, file);
    bool goes_on = true;
    for (const auto& transcript : found.uploads) {
      if (interrupted) throw Exit{Cause::interrupted};
      if (!(goes_on = upload(transcript))) break;
    }
    if (goes_on) upload_notes();
    settle_queue();
    uploaded_.tidy();
    return std::move(out_);
  }

 private:
  void fail(const fs::path& file, std::string error, std::optional<int> status = {}) {
    out_.errors.push_back({file.filename(), std::move(error), status});
  }

  // False when the others would fare no better.
  bool upload(const Transcript& transcript) {
    const auto& file = transcript.file;
    if (transcript.stat.size > kLargestFile) {
      refuse(transcript, 413,
             fmt::format("it has {}, and a server takes {}", human_bytes(transcript.stat.size),
                         human_bytes(kLargestFile)));
      return true;
    }
    const auto content = read_file(file);
    if (!content) return true;  // removed just now
    const auto response = send(upload_request(file.filename(), without_secrets(*content, secrets_)), file);
    if (!response) return false;
    if (response->status == 200) {
      ++out_.sessions;
      uploaded_.set(Uploaded::State::there, file, "", transcript.stat);
      append_line(uploaded_log(workspace_), format_iso_utc(now()) + "\t" + escape_control(file.string()));
      return true;
    }
    if (!is_about_the_file(response->status)) return stop(*response, file);
    // A form that was cut, or no room for this one: the next time may be another.
    if (response->status == 400 || response->status == 413)
      fail(file, refusal(*response), response->status);
    else
      refuse(transcript, response->status, refusal(*response));
    return true;
  }

  void upload_notes() {
    const auto file = notes_file(workspace_);
    const auto text = read_file(file);
    const auto stat = stat_file(file);
    if (!text || !stat || text->size() > kLargestFile) return;
    // They are written anew by whoever edits them, so that only their content tells whether they have changed.
    const auto hash = md5_hex(*text);
    if (uploaded_.find(file, hash, {})) return;
    http_client::Request request;
    request.method = "POST";
    request.path = "/api/upload/local-md";
    request.headers = {{"Content-Type", "application/json"}};
    request.body = compact(boost::json::object{{"content", without_secrets(*text, secrets_)}});
    const auto response = send(request, file);
    if (!response) return;
    if (response->status == 200) {
      out_.local_md = true;
      uploaded_.set(Uploaded::State::there, file, hash, {});
    } else if (is_about_the_file(response->status)) {
      fail(file, refusal(*response), response->status);
      uploaded_.set(Uploaded::State::refused, file, hash, {});
    } else {
      stop(*response, file);
    }
  }

  // Nothing when no answer came, which is noted. Waits where the server asks for it.
  std::optional<Response> send(const http_client::Request& request, const fs::path& file) {
    try {
      auto response = api_.send(request);
      for (int waits = 0; response.status == 429 && waits < kMostWaits; ++waits) {
        wait(response);
        response = api_.send(request);
      }
      return response;
    } catch (const http_client::Cancelled&) {
      throw Exit{Cause::interrupted};
    } catch (const http_client::TransportError& error) {
      fail(file, error.what());
      return std::nullopt;
    }
  }

  static void wait(const Response& response) {
    const auto asked = parse_int(std::string(response.header("retry-after").value_or("1"))).value_or(1);
    const auto until = std::chrono::steady_clock::now() +
                       std::min(std::chrono::seconds(std::max<std::int64_t>(asked, 1)), kLongestWait);
    while (std::chrono::steady_clock::now() < until) {
      if (interrupted) throw Exit{Cause::interrupted};
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
  }

  bool stop(const Response& response, const fs::path& file) {
    fail(file, refused(response, "upload " + file.filename().string()).what(), response.status);
    return false;
  }

  void refuse(const Transcript& transcript, int status, const std::string& why) {
    ++out_.dropped_permanent;
    fail(transcript.file, why, status);
    uploaded_.set(Uploaded::State::refused, transcript.file, "", transcript.stat);
    append_line(agent_file(workspace_, "agnes-sessions-failed.txt"),
                fmt::format("{}\t{}\t{}\t{}", format_iso_utc(now()), transcript.file.stem().string(), status,
                            escape_control(transcript.file.string())));
  }

  void note_private(const std::string& session, const fs::path& file) {
    ++out_.private_skipped;
    const auto log = agent_file(workspace_, "agnes-sessions-private-skipped.txt");
    if (read_file(log).value_or("").find("\t" + session + "\t" + file.string() + "\n") == std::string::npos)
      append_line(log, fmt::format("{}\t{}\t{}", format_iso_utc(now()), session, file.string()));
  }

  // Out of the queue goes what is done with; a file that is not there may come yet.
  void settle_queue() {
    std::set<QueuedSession> done;
    const auto hidden = private_sessions(workspace_.root);
    for (const auto& queued : read_queue(workspace_.root)) {
      const auto stat = stat_file(queued.file);
      if (hidden.contains(queued.session) || (stat && uploaded_.find(queued.file, "", *stat))) {
        done.insert(queued);
      } else if (!is_in_place(workspace_.root, queued.file)) {
        done.insert(queued);
      } else if (!stat) {
        ++out_.skipped;
        if (seconds(now()) - seconds(uploaded_.missing_since(queued.file)) > kKeepSeconds)
          done.insert(queued);
      } else if (!queued.file.string().ends_with(".jsonl") || !read_head(queued.file).is_transcript) {
        done.insert(queued);
      }
    }
    remove_from_queue(workspace_.root, done);
  }

  Api& api_;
  const Workspace workspace_;
  Uploaded uploaded_;
  std::vector<std::string> secrets_;
  PushResult out_;
};

}  // namespace

PushPlan plan_push(const Workspace& workspace, const std::string& server) {
  PushPlan out;
  const auto found = candidates(workspace, Uploaded(workspace, server));
  for (const auto& transcript : found.uploads) out.would_upload.sessions.push_back(transcript.file);
  for (const auto& [session, file] : found.hidden) out.would_skip_private.push_back({session, file});
  out.summary.sessions_count = static_cast<std::int64_t>(found.uploads.size());
  out.summary.private_skipped_count = static_cast<std::int64_t>(found.hidden.size());
  out.summary.local_md_present = fs::exists(notes_file(workspace));
  if (out.summary.local_md_present) out.would_upload.local_md = notes_file(workspace);
  out.summary.uploaded_log = uploaded_log(workspace);
  return out;
}

std::optional<PushResult> push(Api& api, const Workspace& workspace) {
  fs::create_directories(workspace.root / ".claude");
  const auto lock = FileLock::try_lock(agent_file(workspace, "agnes-push.lock"));
  if (!lock) return std::nullopt;
  return Push(api, workspace).run();
}

}  // namespace agnes::cli
