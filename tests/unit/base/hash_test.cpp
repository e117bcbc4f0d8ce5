#include "lib/base/hash.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"
#include "lib/base/files.h"
#include "lib/base/ids.h"

namespace agnes {
namespace {

// The digests' test vectors are of RFC 1321, FIPS 180-4 and RFC 4231.
TEST(Hash, DigestsAsPublished) {
  EXPECT_EQ(md5_hex("abc"), "900150983cd24fb0d6963f7d28e17f72");
  EXPECT_EQ(md5_hex(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(sha256_hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(to_hex(hmac_sha256("Jefe", "what do ya want for nothing?")),
            "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

TEST(Hash, DigestsFilesAndStreams) {
  TemporaryFolder folder(fs::temp_directory_path());
  const std::string data(1'000'000, 'x');
  replace_file(folder.path() / "f", data);
  Md5 md5;
  for (std::size_t at = 0; at < data.size(); at += 777) md5.update(std::string_view(data).substr(at, 777));
  EXPECT_EQ(md5.hex(), md5_hex(data));
  EXPECT_EQ(md5_file(folder.path() / "f"), md5_hex(data));
  EXPECT_THROW(md5_file(folder.path() / "no"), Error);
}

TEST(Hash, EncodesBase64BothWays) {
  const std::pair<std::string, std::string> cases[] = {
      {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"fooba", "Zm9vYmE="}};
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(base64(plain), encoded);
    EXPECT_EQ(from_base64(encoded), plain);
  }
  EXPECT_EQ(base64url("\xfb\xff"), "-_8");
  EXPECT_EQ(from_base64url("-_8"), "\xfb\xff");
  for (int size = 0; size < 70; ++size) {
    const std::string bytes = random_bytes(static_cast<std::size_t>(size));
    EXPECT_EQ(from_base64url(base64url(bytes)), bytes);
    EXPECT_EQ(from_base64(base64(bytes)), bytes);
  }
  EXPECT_EQ(from_base64url("+/8"), std::nullopt);
  EXPECT_EQ(from_base64("a"), std::nullopt);
  EXPECT_EQ(from_base64("a b="), std::nullopt);
}

TEST(Hash, ComparesWhole) {
  EXPECT_TRUE(constant_time_equal("abc", "abc"));
  EXPECT_FALSE(constant_time_equal("abc", "abd"));
  EXPECT_FALSE(constant_time_equal("abc", "ab"));
  EXPECT_TRUE(constant_time_equal("", ""));
}

TEST(Ids, AreNew) {
  EXPECT_NE(uuid4(), uuid4());
  const std::string id = uuid4();
  EXPECT_EQ(id.size(), 36u);
  EXPECT_EQ(id[14], '4');
  EXPECT_EQ(random_hex(8).size(), 16u);
  EXPECT_EQ(random_urlsafe(32).size(), 43u);
}

}  // namespace
}  // namespace agnes
