#include <algorithm>
#include <cstdint>
#include <random>

#include <gtest/gtest.h>

#include "lib/base/files.h"
#include "lib/base/hash.h"
#include "lib/base/text.h"

#define AGNES_TARGET(name) extern "C" int fuzz_##name(const std::uint8_t* data, std::size_t size);
AGNES_FUZZ_TARGETS(AGNES_TARGET)

// The targets of fuzz/ with the inputs that are kept in fuzz/corpus, and with changes of these: the same ones each time.
// script/fuzz looks for new ones.
namespace agnes::fuzz {
namespace {

constexpr int kMutations = 20'000;
constexpr std::size_t kLongest = 4096;

struct Target {
  const char* name;
  int (*run)(const std::uint8_t* data, std::size_t size);
};
#define AGNES_ENTRY(name) Target{#name, fuzz_##name},
constexpr Target kTargets[] = {AGNES_FUZZ_TARGETS(AGNES_ENTRY)};

class Fuzz : public testing::TestWithParam<Target> {
 protected:
  void run(const std::string& input, const std::string& about) {
    try {
      // A copy of exactly that size, so that AddressSanitizer sees who reads past its end.
      const std::vector<std::uint8_t> bytes(input.begin(), input.end());
      GetParam().run(bytes.data(), bytes.size());
    } catch (const std::exception& error) {
      ADD_FAILURE() << about << ": " << error.what() << "\nthe input in base64: " << base64url(input);
    }
  }

  const fs::path folder_ = fs::path(AGNES_TEST_DATA).parent_path() / "fuzz";

  std::vector<std::string> corpus() const {
    std::vector<fs::path> files;
    for (const auto& entry : fs::directory_iterator(folder_ / "corpus" / GetParam().name))
      files.push_back(entry.path());
    std::sort(files.begin(), files.end());
    std::vector<std::string> out;
    for (const auto& file : files) out.push_back(read_file(file).value());
    return out;
  }

  // The words of <target>.dict: one a line, "text" with \xNN and \\ for what has no place in it.
  std::vector<std::string> words() const {
    std::vector<std::string> out;
    for (const auto& line :
         split(read_file(folder_ / (std::string(GetParam().name) + ".dict")).value_or(""), '\n')) {
      if (line.size() < 2 || line.front() != '"' || line.back() != '"') continue;
      std::string word;
      for (std::size_t i = 1; i + 1 < line.size(); ++i) {
        if (line[i] == '\\' && line[i + 1] == 'x') {
          word += static_cast<char>(std::stoi(std::string(line.substr(i + 2, 2)), nullptr, 16));
          i += 3;
        } else {
          word += line[line[i] == '\\' ? ++i : i];
        }
      }
      out.push_back(std::move(word));
    }
    return out;
  }
};

// Changes at random, which is the same in every run: no distribution of the library is used, only its generator.
class Mutator {
 public:
  Mutator(std::vector<std::string> inputs, std::vector<std::string> words)
      : inputs_(std::move(inputs)), words_(std::move(words)) {}

  std::string next() {
    std::string out = any(inputs_);
    for (auto changes = 1 + below(4); changes > 0; --changes) change(out);
    out.resize(std::min(out.size(), kLongest));
    return out;
  }

 private:
  std::size_t below(std::size_t limit) { return random_() % limit; }
  const std::string& any(const std::vector<std::string>& list) { return list[below(list.size())]; }

  void change(std::string& text) {
    const auto at = below(text.size() + 1), length = std::min(text.size() - at, 1 + below(16));
    switch (below(6)) {
      case 0:
        if (at < text.size()) text[at] = static_cast<char>(text[at] ^ (1 << below(8)));
        break;
      case 1:
        text.insert(at, 1, static_cast<char>(below(256)));
        break;
      case 2:
        text.erase(at, length);
        break;
      case 3:
        text.insert(below(text.size() + 1), text.substr(at, length));
        break;
      case 4:
        text.insert(at, words_.empty() ? "\"" : any(words_));
        break;
      default: {
        const auto& other = any(inputs_);
        text = text.substr(0, at) + other.substr(below(other.size() + 1));
      }
    }
  }

  const std::vector<std::string> inputs_, words_;
  std::mt19937 random_;
};

TEST_P(Fuzz, WhatIsKept) {
  const auto inputs = corpus();
  ASSERT_FALSE(inputs.empty());
  run("", "no input");
  for (const auto& input : inputs) run(input, "an input of the corpus");
}

TEST_P(Fuzz, ChangesOfWhatIsKept) {
  Mutator mutator(corpus(), words());
  for (int i = 0; i < kMutations && !HasFailure(); ++i) run(mutator.next(), fmt::format("change {}", i));
}

INSTANTIATE_TEST_SUITE_P(, Fuzz, testing::ValuesIn(kTargets),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace agnes::fuzz
