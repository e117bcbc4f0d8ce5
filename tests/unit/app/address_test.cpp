#include "app/config/address.h"

#include <gtest/gtest.h>

#include "lib/base/error.h"

namespace agnes::config {
namespace {

TEST(Address, WhatIsNotPublic) {
  for (const char* ip : {"0.0.0.0",
                         "10.0.0.5",
                         "100.64.0.1",
                         "127.0.0.1",
                         "127.255.255.255",
                         "169.254.169.254",
                         "172.16.0.1",
                         "172.31.255.255",
                         "192.0.0.8",
                         "192.0.2.1",
                         "192.168.1.1",
                         "198.18.0.1",
                         "198.19.255.255",
                         "198.51.100.1",
                         "203.0.113.1",
                         "224.0.0.1",
                         "240.0.0.1",
                         "255.255.255.255",
                         "::",
                         "::1",
                         "::ffff:127.0.0.1",
                         "::ffff:10.0.0.1",
                         "64:ff9b::a00:1",
                         "2002:a00:1::",
                         "2002:7f00:1::1",
                         "2001::1",
                         "2001:db8::1",
                         "fc00::1",
                         "fd12:3456::1",
                         "fe80::1",
                         "ff02::1",
                         "100::1",
                         "",
                         "example.com"})
    EXPECT_FALSE(is_public_ip(ip)) << ip;
  for (const char* ip : {"8.8.8.8", "1.1.1.1", "172.15.0.1", "172.32.0.1", "100.128.0.1", "192.0.1.1",
                         "198.20.0.1", "223.255.255.255", "::ffff:8.8.8.8", "64:ff9b::808:808",
                         "2002:808:808::1", "2a00:1450::1", "2001:4860:4860::8888"})
    EXPECT_TRUE(is_public_ip(ip)) << ip;
}

TEST(Address, ItsHost) {
  EXPECT_EQ(host_of_address("https://example.com", "x"), "example.com");
  EXPECT_EQ(host_of_address("HTTP://example.com:8080/a?b#c", "x"), "example.com");
  EXPECT_EQ(host_of_address("http://[::1]:80/", "x"), "::1");
  const std::pair<const char*, ErrorKind> table[] = {
      {"", ErrorKind::bad_request},
      {"not a url", ErrorKind::bad_request},
      {"example.com", ErrorKind::bad_request},
      {"http://", ErrorKind::bad_request},
      {"http:///x", ErrorKind::bad_request},
      {"http://[::1", ErrorKind::bad_request},
      {"http://a:b/", ErrorKind::bad_request},
      {"http://a:70000", ErrorKind::bad_request},
      {"http://a\\@b/", ErrorKind::bad_request},
      {"http://a\tb/", ErrorKind::bad_request},
      {"ftp://a/", ErrorKind::invalid},
      {"file:///etc/passwd", ErrorKind::invalid},
      {"http://me:pw@a/", ErrorKind::invalid},
      {"http://8.8.8.8@127.0.0.1/", ErrorKind::invalid},
  };
  for (const auto& [address, kind] : table) {
    try {
      host_of_address(address, "x");
      ADD_FAILURE() << address;
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), kind) << address << ": " << error.what();
    }
  }
}

// The resolver knows more ways to write an address than there are rules for names.
TEST(Address, OtherWaysToWriteOnesOwnMachine) {
  for (const char* address : {"http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f.1/",
                              "http://0177.0.0.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/",
                              "http://[::ffff:7f00:1]/", "http://localhost:8000/", "http://0/"})
    EXPECT_THROW(public_addresses_of(address, "x"), Error) << address;
  EXPECT_EQ(public_addresses_of("https://8.8.8.8/", "x").at(0), "8.8.8.8");
}

}  // namespace
}  // namespace agnes::config
