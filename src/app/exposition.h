#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace agnes::app {

// Metrics as Prometheus reads them (text exposition format 0.0.4,
// https://prometheus.io/docs/instrumenting/exposition_formats/). Not thread-safe.
class Exposition {
 public:
  using Labels = std::vector<std::pair<std::string_view, std::string>>;

  // Begins a metric; `type` is "counter", "gauge" or "histogram".
  void family(std::string_view name, std::string_view type, std::string_view help) {
    name_ = name;
    text_ += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, type, help);
  }
  // A sample of the metric begun last.
  template <class Number>
  void sample(Number value, const Labels& labels = {}, std::string_view suffix = "") {
    text_ += name_;
    text_ += suffix;
    char before = '{';
    for (const auto& [label, text] : labels) {
      text_ += before;
      text_ += label;
      text_ += "=\"";
      for (const char c : text) {
        if (c == '\\' || c == '"') text_ += '\\';
        if (c == '\n')
          text_ += "\\n";
        else
          text_ += c;
      }
      text_ += '"';
      before = ',';
    }
    if (!labels.empty()) text_ += '}';
    text_ += fmt::format(" {}\n", value);
  }
  // A metric with one sample.
  template <class Number>
  void one(std::string_view name, std::string_view type, std::string_view help, Number value) {
    family(name, type, help);
    sample(value);
  }
  std::string text() { return std::move(text_); }

 private:
  std::string text_;
  std::string name_;
};

}  // namespace agnes::app
