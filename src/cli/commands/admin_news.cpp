#include "cli/api.h"
#include "cli/commands/commands.h"
#include "cli/output.h"
#include "cli/table.h"
#include "contract/news.h"
#include "lib/base/files.h"
#include "lib/yaml/yaml.h"

namespace agnes::cli {

namespace {

using contract::CurrentNews;
using contract::NewsTexts;
using contract::NewsVersion;

CurrentNews fetch_draft(Api& api) {
  const Response response = api.get("/api/admin/news/draft");
  if (response.status == 404) return {};
  expect(response, {200}, "read the draft");
  return contract::read<CurrentNews>(response.json());
}

// The server's texts, which somebody else may have written.
std::string line(const std::optional<std::string>& text) {
  return escape_control(text.value_or("somebody"));
}
std::string time(const std::optional<Timestamp>& moment) {
  return moment ? format_iso(*moment).substr(0, 19) : "";
}

void show_version(const CurrentNews& news) {
  print("Version {}, {}, written by {}, last changed {} UTC.", news.version.value_or(0),
        news.published ? "published" : "a draft", line(news.created_by), time(news.updated_at));
  if (news.published) print("Published by {}, {} UTC.", line(news.published_by), time(news.published_at));
  print("\n{}\n{}\n\n{}\n{}", bold("Introduction"), news.intro.value_or(""), bold("Text"),
        news.content.value_or(""));
}

CurrentNews run_show(const Args& args) {
  Api api;
  if (const auto version = args.find_number("version"))
    return fetch<CurrentNews>(api, fmt::format("/api/admin/news/versions/{}", *version),
                              fmt::format("read version {} of the news", *version));
  return fetch<CurrentNews>(api, "/api/admin/news/current", "read the news");
}
void show_news(const CurrentNews& news) {
  if (news.version) return show_version(news);
  print("Nothing is published.");
}

CurrentNews run_draft(const Args&) {
  Api api;
  return fetch_draft(api);
}
void show_draft(const CurrentNews& news) {
  if (news.version) return show_version(news);
  print("There is no draft: `agnes admin news edit` begins one.");
}

// "-" is standard input. YAML, and so JSON, too.
std::pair<std::optional<std::string>, std::optional<std::string>> read_texts(const std::string& path) {
  const auto text = path == "-" ? read_input() : read_file(path);
  if (!text) throw Failure(Cause::failed, fmt::format("there is no file {}", escape_control(path)));
  const auto parsed = yaml::parse(*text, path == "-" ? "standard input" : path);
  const auto part = [&](std::string_view name) -> std::optional<std::string> {
    const auto* found = parsed.is_object() ? parsed.get_object().if_contains(name) : nullptr;
    if (found == nullptr || found->is_null()) return std::nullopt;
    if (found->is_string()) return std::string(found->get_string());
    throw Failure(Cause::failed, fmt::format("`{}` in {} is no text", name, escape_control(path)));
  };
  std::pair out{part("intro"), part("content")};
  if (!out.first && !out.second)
    throw Failure(Cause::failed, fmt::format("{} has neither `intro` nor `content`: two texts of HTML",
                                             escape_control(path)));
  return out;
}

NewsVersion run_edit(const Args& args) {
  std::optional<std::string> intro = args.find("intro"), content = args.find("content");
  if (const auto path = args.find("from")) {
    if (intro || content)
      throw Failure(Cause::usage, "the texts come from two places",
                    "leave out --from, or --intro and --content");
    std::tie(intro, content) = read_texts(*path);
  } else if (!intro && !content) {
    throw Failure(Cause::usage, "there is nothing to save", "name --from FILE, or --intro and --content");
  }
  Api api;
  const CurrentNews draft = fetch_draft(api);
  auto expected = args.find_number("expect-version");
  if (!expected && !args.flag("force")) {
    if (draft.version)
      throw Failure(Cause::failed,
                    fmt::format("there is a draft already, version {} of {}, last changed {} UTC",
                                *draft.version, line(draft.created_by), time(draft.updated_at)),
                    fmt::format("look at it with `agnes admin news draft`, then repeat this with "
                                "--expect-version {}",
                                *draft.version));
    expected = 0;
  }
  // What is not given stays.
  const NewsTexts texts{intro.value_or(draft.intro.value_or("")),
                        content.value_or(draft.content.value_or(""))};
  const std::string query = expected ? fmt::format("?expected_version={}", *expected) : "";
  const Response response = api.put("/api/admin/news/draft" + query, json::to_json(texts));
  expect(response, {200}, "save the draft");
  return contract::read<NewsVersion>(response.json());
}
void show_saved(const NewsVersion& news) {
  print("Saved the draft, version {}. `agnes admin news publish --version {}` shows it to everybody.",
        news.version, news.version);
}

NewsVersion run_publish(const Args& args) {
  Api api;
  const auto version = args.find_number("version");
  const std::string query = version ? fmt::format("?expected_version={}", *version) : "";
  const Response response = api.post("/api/admin/news/publish" + query);
  expect(response, {200}, "publish the draft");
  return contract::read<NewsVersion>(response.json());
}
void show_published(const NewsVersion& news) {
  print("Published version {}.", news.version);
}

NewsVersion run_unpublish(const Args& args) {
  Api api;
  const std::string version = args.text("VERSION");
  const Response response = api.post("/api/admin/news/unpublish/" + http_client::percent_encode(version));
  expect(response, {200}, fmt::format("take back version {}", escape_control(version)));
  return contract::read<NewsVersion>(response.json());
}
void show_unpublished(const NewsVersion& news) {
  print("Version {} is the draft again.", news.version);
}

contract::NewsList run_versions(const Args& args) {
  Api api;
  return fetch<contract::NewsList>(api, "/api/admin/news/versions", "list the versions",
                                   {{"limit", args.text("limit")}});
}
void show_versions(const contract::NewsList& list) {
  if (list.versions.empty()) return print("There are no news yet.");
  std::vector<std::vector<std::string>> rows;
  for (const auto& news : list.versions)
    rows.push_back({std::to_string(news.version), news.status, time(news.created_at), line(news.created_by),
                    time(news.published_at), news.intro_preview});
  out(columns_text({"VERSION", "STATUS", "WRITTEN (UTC)", "BY", "PUBLISHED (UTC)", "INTRODUCTION"}, rows));
}

struct ExportedNews {
  std::int64_t version = 0;
  std::string file;
};
BOOST_DESCRIBE_STRUCT(ExportedNews, (), (version, file))

ExportedNews run_export(const Args& args) {
  Api api;
  const auto news = fetch<CurrentNews>(api, "/api/admin/news/current", "read the news");
  if (!news.version) throw Failure(Cause::not_found, "nothing is published, so there is nothing to export");
  const std::string path = args.text("PATH");
  replace_file(path,
               yaml::to_text({{"intro", news.intro.value_or("")}, {"content", news.content.value_or("")}}));
  return {*news.version, path};
}
void show_exported(const ExportedNews& done) {
  print("Exported version {} to {}.", done.version, escape_control(done.file));
}

}  // namespace

std::vector<Command> admin_news_commands() {
  return {
      {.name = "news",
       .help = "News for everybody: a draft, and published versions",
       .commands =
           {{.name = "show",
             .help = "Show what people see, or one version",
             .options = {{.names = "-v,--version", .value = "N", .help = "This version"}},
             .run = answers(run_show, show_news)},
            {.name = "draft", .help = "Show the draft", .run = answers(run_draft, show_draft)},
            {.name = "edit",
             .help = "Replace the draft, or begin one",
             .options =
                 {{.names = "--intro", .value = "HTML", .help = "The introduction"},
                  {.names = "--content", .value = "HTML", .help = "The whole text"},
                  {.names = "--from",
                   .value = "FILE",
                   .help = "Both, from a YAML or JSON file with `intro` and `content`; - is standard input"},
                  {.names = "--expect-version",
                   .value = "N",
                   .help = "Only when the draft is this version; 0: only when there is none"},
                  {.names = "--force", .value = "", .help = "Replace a draft, whoever wrote it"}},
             .run = answers(run_edit, show_saved)},
            {.name = "publish",
             .help = "Show the draft to everybody",
             .options = {{.names = "--version", .value = "N", .help = "Only when the draft is this version"}},
             .run = answers(run_publish, show_published)},
            {.name = "unpublish",
             .help = "Make a published version the draft; people see the one before it",
             .arguments = {{.name = "VERSION", .help = "Its number"}},
             .run = answers(run_unpublish, show_unpublished)},
            {.name = "versions",
             .help = "List the versions, newest first",
             .options = {{.names = "--limit", .value = "N", .help = "At most this many", .fallback = "20"}},
             .run = answers(run_versions, show_versions)},
            {.name = "export",
             .help = "Write what people see to a YAML file, which edit --from reads",
             .arguments = {{.name = "PATH", .help = "The file; an older one is replaced"}},
             .run = answers(run_export, show_exported)}},
       .example = "  agnes admin news edit --from news.yaml\n  agnes admin news publish --version 3\n"}};
}

}  // namespace agnes::cli
