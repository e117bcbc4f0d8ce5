#include "lib/base/html.h"
#include "lib/http/openapi.h"

namespace agnes::http {

namespace bj = boost::json;

namespace {

std::string_view text_of(const bj::object& object, std::string_view key) {
  const bj::value* found = object.if_contains(key);
  return found != nullptr && found->is_string() ? std::string_view(found->get_string()) : std::string_view();
}

constexpr std::string_view kStyle = R"(
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--dim:#888}
body{font:15px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}
h1{margin-bottom:0}h2{margin:2rem 0 .5rem;font-size:1.15rem;border-bottom:1px solid var(--line)}
code,.path{font:13.5px ui-monospace,monospace}nav a{margin-right:.8rem}
details{border:1px solid var(--line);border-radius:6px;margin:.35rem 0}
summary{cursor:pointer;padding:.35rem .7rem;display:flex;gap:.8rem;align-items:baseline;flex-wrap:wrap}
summary:hover{background:var(--soft)}summary .what{color:var(--dim)}
.method{font-weight:700;min-width:4.2rem}.get{color:#2a7de1}.post{color:#2c9a4b}.put,.patch{color:#c77d0a}.delete{color:#d43f3a}
.body{padding:.2rem .9rem .9rem;overflow-x:auto}h3{font-size:.95rem;margin:.8rem 0 .2rem}
table{border-collapse:collapse;width:100%}td{border-top:1px solid var(--line);padding:.2rem .6rem .2rem 0;vertical-align:top}
td:first-child{white-space:nowrap}.dim{color:var(--dim)}
)";

class Page {
 public:
  explicit Page(const bj::object& document) : document_(document) {}

  std::string make() {
    const bj::object& info = document_.at("info").as_object();
    out_ += fmt::format(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
        "content=\"width=device-width,initial-scale=1\"><title>{0} API</title><style>{1}</style></head><body>"
        "<h1>{0} API</h1><p class=\"dim\">Version {2} · <a "
        "href=\"/openapi.json\">openapi.json</a></p><p>{3}</p>",
        escape_html(text_of(info, "title")), kStyle, escape_html(text_of(info, "version")),
        escape_html(text_of(info, "description")));
    std::map<std::string, std::vector<std::string>> by_tag;
    for (const auto& [path, operations] : document_.at("paths").as_object())
      for (const auto& [method, operation] : operations.as_object())
        by_tag[tag_of(operation.as_object())].push_back(show_operation(method, path, operation.as_object()));
    out_ += "<nav>";
    for (const auto& [tag, shown] : by_tag)
      out_ += fmt::format("<a href=\"#{0}\">{1}</a>", percent_encode(tag), escape_html(tag));
    out_ += "</nav>";
    for (const auto& [tag, shown] : by_tag) {
      out_ += fmt::format("<h2 id=\"{}\">{}</h2>", escape_html(tag), escape_html(tag));
      for (const auto& operation : shown) out_ += operation;
    }
    return std::move(out_) + "</body></html>\n";
  }

 private:
  static std::string tag_of(const bj::object& operation) {
    const bj::value* tags = operation.if_contains("tags");
    return tags != nullptr ? std::string(tags->as_array().at(0).as_string()) : "other";
  }

  const bj::object& resolve(const bj::object& schema) const {
    const std::string_view reference = text_of(schema, "$ref");
    if (reference.empty()) return schema;
    const auto name = reference.substr(reference.rfind('/') + 1);
    return document_.at("components").at("schemas").at(name).as_object();
  }

  // "list of text", "text or null", "orders.Order"
  std::string type_name(const bj::value& value) const {
    const bj::object* schema = value.if_object();
    if (schema == nullptr) return "anything";
    if (const auto reference = text_of(*schema, "$ref"); !reference.empty())
      return escape_html(reference.substr(reference.rfind('/') + 1));
    if (const bj::value* choices = schema->if_contains("anyOf")) {
      std::string out;
      for (const auto& choice : choices->as_array()) out += (out.empty() ? "" : " or ") + type_name(choice);
      return out;
    }
    if (const bj::value* names = schema->if_contains("enum")) {
      std::string out;
      for (const auto& name : names->as_array())
        out += fmt::format("{}<code>{}</code>", out.empty() ? "" : ", ", escape_html(name.as_string()));
      return out;
    }
    const std::string_view type = text_of(*schema, "type");
    if (type == "array" && schema->contains("items")) return "list of " + type_name(schema->at("items"));
    if (type == "object" && schema->contains("additionalProperties"))
      return "object of " + type_name(schema->at("additionalProperties"));
    if (text_of(*schema, "format") == "binary") return "file";
    if (text_of(*schema, "format") == "date-time") return "time";
    if (type == "string") return "text";
    return type.empty() ? "anything" : std::string(type);
  }

  std::string row(std::string_view name, const bj::value& schema, std::string_view note, int depth) const {
    std::string out =
        fmt::format("<tr><td style=\"padding-left:{}em\"><code>{}</code></td><td>{}</td><td class=\"dim\">{}",
                    depth * 1.2, escape_html(name), type_name(schema), note);
    if (const bj::object* object = schema.if_object()) {
      for (std::string_view key : {"default", "minimum", "maximum", "minLength", "maxLength", "pattern"})
        if (const bj::value* limit = object->if_contains(key))
          out += fmt::format(" {} <code>{}</code>", key, escape_html(bj::serialize(*limit)));
      out += " " + escape_html(text_of(*object, "description"));
    }
    return out + "</td></tr>";
  }

  // The fields of a struct, and of the structs in it.
  std::string fields(const bj::value& value, int depth) const {
    const bj::object* given = value.if_object();
    if (given == nullptr || depth > 3) return {};
    const bj::object& schema = resolve(*given);
    std::string out;
    if (const bj::value* choices = schema.if_contains("anyOf"))
      for (const auto& choice : choices->as_array()) out += fields(choice, depth);
    for (std::string_view key : {"items", "additionalProperties"})
      if (const bj::value* inner = schema.if_contains(key)) out += fields(*inner, depth);
    const bj::value* properties = schema.if_contains("properties");
    if (properties == nullptr) return out;
    const bj::value* required = schema.if_contains("required");
    for (const auto& [name, property] : properties->as_object()) {
      const bool must = required != nullptr && std::count(required->as_array().begin(),
                                                          required->as_array().end(), bj::value(name)) > 0;
      out += row(name, property, must ? "required" : "", depth);
      out += fields(property, depth + 1);
    }
    return out;
  }

  std::string show_content(std::string_view title, const bj::object& holder) const {
    const bj::value* content = holder.if_contains("content");
    if (content == nullptr) return {};
    std::string out;
    for (const auto& [type, entry] : content->as_object()) {
      const bj::value& schema = entry.at("schema");
      out += fmt::format("<h3>{} <span class=\"dim\">{} {}</span></h3><table>{}</table>", title,
                         escape_html(type), type_name(schema), fields(schema, 0));
    }
    return out;
  }

  std::string show_operation(std::string_view method, std::string_view path,
                             const bj::object& operation) const {
    std::string upper(method);
    for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    std::string out = fmt::format(
        "<details><summary><span class=\"method {}\">{}</span><span class=\"path\">{}</span><span "
        "class=\"what\">{}</span></summary><div class=\"body\"><p>{}</p>",
        method, upper, escape_html(path), escape_html(text_of(operation, "summary")),
        escape_html(text_of(operation, "description")));
    if (const bj::value* parameters = operation.if_contains("parameters")) {
      out += "<h3>Parameters</h3><table>";
      for (const auto& parameter : parameters->as_array()) {
        const bool must = parameter.at("required").as_bool();
        out += row(text_of(parameter.as_object(), "name"), parameter.at("schema"),
                   fmt::format("{}{}", text_of(parameter.as_object(), "in"), must ? ", required" : ""), 0);
      }
      out += "</table>";
    }
    if (const bj::value* body = operation.if_contains("requestBody"))
      out += show_content("Body", body->as_object());
    for (const auto& [status, response] : operation.at("responses").as_object()) {
      if (status.starts_with('2')) {
        const std::string shown =
            show_content(fmt::format("Answer {}", std::string_view(status)), response.as_object());
        out += shown.empty() ? fmt::format("<h3>Answer {}</h3>", std::string_view(status)) : shown;
      }
    }
    return out + "</div></details>";
  }

  const bj::object& document_;
  std::string out_;
};

}  // namespace

std::string make_reference_page(const bj::object& openapi) {
  return Page(openapi).make();
}

}  // namespace agnes::http
