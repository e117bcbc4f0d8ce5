#include "cli/snapshots.h"

#include <condition_variable>
#include <fstream>
#include <future>
#include <mutex>

#include "cli/pull.h"
#include "cli/views.h"
#include "lib/base/env.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"
#include "lib/duck/arrow_reader.h"

namespace agnes::cli {

namespace {
constexpr std::int64_t kQuotaGigabytes = 10;
constexpr std::size_t kMostWaiting = 8 << 20;     // bytes that have come and are not written
constexpr std::uint64_t kLookEvery = 64u << 20;   // bytes of the answer between two looks at the quota
constexpr std::size_t kHashed = 1'000'000;        // bytes, as the contract's client has it
constexpr std::size_t kLongestRefusal = 1 << 20;  // bytes
constexpr std::chrono::seconds kPatience{600};    // for the first rows of a long statement

fs::path file_of(const Workspace& workspace, const std::string& name) {
  return workspace.snapshots() / (name + ".parquet");
}
fs::path description_of(const Workspace& workspace, const std::string& name) {
  return workspace.snapshots() / (name + ".meta.json");
}

std::optional<Snapshot> read_description(const fs::path& file) {
  const auto text = read_file(file);
  if (!text) return std::nullopt;
  try {
    return contract::read<Snapshot>(boost::json::parse(*text));
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

// Carries bytes from the thread that receives them to the one that reads.
class Pipe {
 public:
  void push(std::string_view bytes) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_.size() < kMostWaiting || reader_gone_; });
    if (reader_gone_) throw http_client::Cancelled();
    waiting_ += bytes;
    changed_.notify_all();
  }
  // There is no more, or there would be but for `failure`.
  void end(std::exception_ptr failure = nullptr) {
    const std::lock_guard lock(mutex_);
    failure_ = std::move(failure);
    ended_ = true;
    changed_.notify_all();
  }

  std::size_t read(char* to, std::size_t most) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return taken_ < waiting_.size() || ended_; });
    if (taken_ == waiting_.size() && failure_) std::rethrow_exception(failure_);
    const auto size = std::min(most, waiting_.size() - taken_);
    std::copy_n(waiting_.data() + taken_, size, to);
    taken_ += size;
    if (taken_ == waiting_.size()) {
      waiting_.clear();
      taken_ = 0;
      changed_.notify_all();
    }
    return size;
  }
  void leave() {
    const std::lock_guard lock(mutex_);
    reader_gone_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string waiting_;
  std::size_t taken_ = 0;
  bool ended_ = false, reader_gone_ = false;
  std::exception_ptr failure_;
};

std::uint64_t write_parquet(const fs::path& file, bool ordered, Pipe& pipe) {
  const auto leave = std::shared_ptr<void>(nullptr, [&](void*) { pipe.leave(); });
  duck::Database database(
      {{}, {{"memory_limit", "512MB"}, {"preserve_insertion_order", ordered ? "true" : "false"}}});
  auto connection = database.connect();
  return duck::read_arrow(
      connection, "answer", [&](char* to, std::size_t most) { return pipe.read(to, most); },
      fmt::format("COPY answer TO {} (FORMAT parquet, COMPRESSION zstd)",
                  duck::quote_literal(file.string())));
}

void check_space(const Workspace& workspace, const fs::path& file) {
  const auto space = snapshot_space(workspace);
  std::error_code none;
  const auto size = fs::exists(file, none) ? fs::file_size(file, none) : 0;
  if (space.used + size > space.quota)
    throw Failure(
        Cause::failed,
        fmt::format("snapshots may take {} in this workspace, and that is reached", human_bytes(space.quota)),
        "agnes snapshot list shows them, agnes snapshot drop makes room; AGNES_SNAPSHOT_QUOTA_GB "
        "sets another bound");
}

// Asks for the rows and writes them into `file`; answers how many.
std::uint64_t fetch_rows(Api& api, const Workspace& workspace, const Snapshot& wanted, const fs::path& file) {
  Pipe pipe;
  Response refusal;
  std::uint64_t received = 0;
  auto written =
      std::async(std::launch::async, [&] { return write_parquet(file, wanted.order_by.has_value(), pipe); });
  std::exception_ptr failure;
  try {
    http_client::Request request;
    request.method = "POST";
    request.path = "/api/v2/scan";
    request.headers = {{"Content-Type", "application/json"}};
    request.body = boost::json::serialize(json::to_json(wanted.request()));
    request.timeout = kPatience;
    api.client().stream(
        request, [&](const http_client::Head& head) { static_cast<http_client::Head&>(refusal) = head; },
        [&](std::string_view bytes) {
          if (refusal.status != 200) {
            refusal.body += bytes.substr(0, kLongestRefusal - std::min(kLongestRefusal, refusal.body.size()));
            return;
          }
          pipe.push(bytes);
          if (received / kLookEvery != (received + bytes.size()) / kLookEvery) check_space(workspace, file);
          received += bytes.size();
        });
    if (refusal.status != 200)
      failure =
          std::make_exception_ptr(refused(refusal, "fetch a part of " + escape_control(wanted.table_id)));
  } catch (...) {
    failure = std::current_exception();
  }
  pipe.end(failure);
  const auto rows = written.get();
  if (failure) std::rethrow_exception(failure);
  return rows;
}

std::string beginning_of(const fs::path& file) {
  std::string text(kHashed, '\0');
  std::ifstream in(file, std::ios::binary);
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

void refuse_taken(const Workspace& workspace, const std::string& name, bool replace) {
  if (const auto there = read_description(description_of(workspace, name)); there && !replace)
    throw Failure(
        Cause::failed,
        fmt::format("there is a snapshot {} already, of {} with {} rows", name, there->fetched_at,
                    there->rows),
        fmt::format(
            "agnes snapshot refresh {} brings it up to date, --force replaces it, --as gives another name",
            name));
  std::error_code none;
  for (const auto& file : ParquetFolder(workspace).names())
    if (iequals(fs::path(file).stem().string(), name))
      throw Failure(Cause::failed, fmt::format("the workspace has the table {} itself", name),
                    "query it, or give the snapshot another name with --as");
}
}  // namespace

std::vector<Snapshot> list_snapshots(const Workspace& workspace) {
  constexpr std::string_view kEnd = ".meta.json";
  std::vector<Snapshot> out;
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(workspace.snapshots(), none)) {
    const auto name = entry.path().filename().string();
    if (!name.ends_with(kEnd) || name.starts_with('.')) continue;
    auto snapshot = read_description(entry.path());
    if (snapshot && snapshot->name + std::string(kEnd) == name) out.push_back(std::move(*snapshot));
  }
  std::sort(out.begin(), out.end(), [](const Snapshot& a, const Snapshot& b) { return a.name < b.name; });
  return out;
}

Snapshot find_snapshot(const Workspace& workspace, const std::string& name) {
  Nearest nearest(name, 4);
  for (auto& snapshot : list_snapshots(workspace)) {
    if (iequals(snapshot.name, name)) return snapshot;
    nearest.offer(snapshot.name);
  }
  throw Failure(Cause::not_found, "there is no snapshot " + escape_control(name),
                meant(nearest, "agnes snapshot list"));
}

SnapshotSpace snapshot_space(const Workspace& workspace) {
  SnapshotSpace space{.quota = static_cast<std::uint64_t>(kQuotaGigabytes) << 30};
  if (const auto text = env("AGNES_SNAPSHOT_QUOTA_GB")) {
    const auto number = parse_int(*text);
    if (!number || *number < 0)
      throw Failure(Cause::usage, "AGNES_SNAPSHOT_QUOTA_GB must be a whole number of gigabytes");
    space.quota = static_cast<std::uint64_t>(*number) << 30;
  }
  std::error_code none;
  for (const auto& entry : fs::recursive_directory_iterator(workspace.snapshots(), none))
    if (entry.is_regular_file(none) && !entry.path().filename().string().starts_with('.'))
      space.used += entry.file_size(none);
  return space;
}

Snapshot fetch_snapshot(Api& api, const Workspace& workspace, Snapshot wanted, bool replace) {
  refuse_taken(workspace, wanted.name, replace);
  fs::create_directories(workspace.snapshots());
  remove_leftovers(workspace.snapshots());
  check_space(workspace, {});
  const auto began = now();
  PendingFile pending(file_of(workspace, wanted.name));
  wanted.rows = static_cast<std::int64_t>(fetch_rows(api, workspace, wanted, pending.temporary()));
  check_space(workspace, pending.temporary());
  wanted.bytes_local = static_cast<std::int64_t>(fs::file_size(pending.temporary()));
  wanted.result_hash_md5 = md5_hex(beginning_of(pending.temporary()));
  wanted.fetched_at = wanted.effective_as_of = format_iso_utc(began);

  const UniqueFd held = lock_workspace(workspace, true);
  // Another one may have come meanwhile.
  refuse_taken(workspace, wanted.name, replace);
  pending.commit();
  replace_file(description_of(workspace, wanted.name), boost::json::serialize(json::to_json(wanted)) + "\n");
  auto state = load_pull_state(workspace);
  const auto made = refresh_views(workspace, state);
  save_pull_state(workspace, state);
  if (made.postponed)
    note("Note: {} is open for writing in another program: agnes pull shows the snapshot once it is closed",
         workspace.database().string());
  return wanted;
}

void drop_snapshots(const Workspace& workspace, const std::vector<Snapshot>& snapshots) {
  if (snapshots.empty()) return;
  const UniqueFd held = lock_workspace(workspace, true);
  // The description goes last: until then the snapshot is still listed, and can be dropped again.
  for (const auto& snapshot : snapshots) {
    fs::remove(file_of(workspace, snapshot.name));
    fs::remove(description_of(workspace, snapshot.name));
  }
  auto state = load_pull_state(workspace);
  refresh_views(workspace, state);
  save_pull_state(workspace, state);
}

}  // namespace agnes::cli
