#include "features/uploads/upload_routes.h"

#include "core/auth/pages.h"
#include "lib/base/error.h"
#include "lib/base/html.h"
#include "lib/base/text.h"

namespace agnes::uploads {

namespace {

// Beside the file: the lines of the form around it, and small fields.
constexpr std::size_t kFormOverhead = 64 << 10;

Error no_such_file(std::string_view name) {
  return {ErrorKind::not_found, fmt::format("you have no file {} here", escape_control(name))};
}

// A file of any other name, or a body that is no form, is as good as none.
void require_file_field(const http::BodyFile& upload) {
  if (upload.field == "file") return;
  throw Error(ErrorKind::invalid, "the form has no file in its field `file`",
              boost::json::array{{{"type", "missing"},
                                  {"loc", boost::json::array{"body", "file"}},
                                  {"msg", "Field required: a file in a multipart/form-data body"},
                                  {"input", nullptr}}});
}

std::string media_type(Kind kind) {
  // Never what a browser would show: people upload what they like.
  return kind == Kind::sessions ? "application/x-ndjson" : "application/octet-stream";
}

http::Response send_file(UniqueFd file, Kind kind, const std::string& name) {
  auto body = http::FileBody::of(std::move(file), name, media_type(kind));
  body.download_name = name;
  http::Response response = http::Response::file(std::move(body));
  response.header("Cache-Control", "private, no-cache");
  return response;
}

http::Response page(const contract::UploadedFiles& sessions) {
  std::string rows;
  for (const auto& file : sessions.files)
    rows += fmt::format("<li><a href=\"/profile/sessions/{}\">{}</a>, {}, {}</li>\n",
                        escape_html(http::percent_encode(file.filename)), escape_html(file.filename),
                        human_bytes(file.size), format_sql(file.uploaded_at).substr(0, 16));
  return auth::small_page(
      "Your sessions", rows.empty() ? "<p>None yet: <code>agnes push</code> sends those of a workspace.</p>\n"
                                    : "<ul>\n" + rows + "</ul>\n");
}

void add_file_routes(http::Routes& routes, Uploads& uploads, const UploadSettings& settings, Kind kind,
                     const std::string& path, const std::string& what) {
  routes.post(path,
              {.tag = "uploads",
               .summary = "Upload " + what + ", replacing one of the same name",
               .max_body = settings.max_file_bytes() + kFormOverhead},
              [&uploads, kind](const http::Caller& caller, const http::BodyFile& upload) {
                require_file_field(upload);
                return uploads.keep(kind, caller.user_id, upload);
              });
  routes.get(path, {.tag = "uploads", .summary = "Those that you have uploaded"},
             [&uploads, kind](const http::Caller& caller) { return uploads.list(kind, caller.user_id); });
  routes.get(path + "/{filename}",
             {.tag = "uploads", .summary = "Download one of yours", .answer_type = media_type(kind)},
             [&uploads, kind](const http::Caller& caller, const http::Param<"filename">& name) {
               auto file = uploads.open(kind, caller.user_id, *name);
               if (!file) throw no_such_file(*name);
               return send_file(std::move(file), kind, *name);
             });
  routes.del(path + "/{filename}", {.tag = "uploads", .summary = "Delete one of yours"},
             [&uploads, kind](const http::Caller& caller, const http::Param<"filename">& name) {
               if (!uploads.remove(kind, caller.user_id, *name)) throw no_such_file(*name);
             });
}

}  // namespace

void add_upload_routes(http::Routes& routes, Uploads& uploads, const UploadSettings& settings) {
  add_file_routes(routes, uploads, settings, Kind::sessions, "/api/upload/sessions",
                  "the transcript of a session");
  add_file_routes(routes, uploads, settings, Kind::artifacts, "/api/upload/artifacts",
                  "a report or another file");
  routes.get(
      "/profile/sessions", {.tag = "uploads", .summary = "Your sessions, for a browser", .page = true},
      [&uploads](const http::Caller& caller) { return page(uploads.list(Kind::sessions, caller.user_id)); });
  routes.get("/profile/sessions/{filename}",
             {.tag = "uploads",
              .summary = "Download a session, for a browser",
              .page = true,
              .answer_type = media_type(Kind::sessions)},
             [&uploads](const http::Caller& caller, const http::Param<"filename">& name) {
               auto file = uploads.open(Kind::sessions, caller.user_id, *name);
               if (!file) throw Error(ErrorKind::not_found, "Not found");
               return send_file(std::move(file), Kind::sessions, *name);
             });
  routes.post("/api/upload/local-md", {.tag = "uploads", .summary = "Keep your notes (CLAUDE.local.md)"},
              [&uploads](const http::Caller& caller, const contract::Notes& notes) {
                return uploads.keep_notes(caller.email, notes.content);
              });
}

}  // namespace agnes::uploads
