#include "cli/pkcs11_uri.h"

#include <gtest/gtest.h>

namespace fob::cli {
namespace {

/// As p11-kit writes the URI of a token.
std::string token_uri(const std::string& label, const std::string& serial) {
  return "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=" + serial + ";token=" + label;
}

std::string shortened(const std::string& label, const std::string& serial, const std::vector<std::string>& others) {
  std::vector<std::string> all = others;
  all.push_back(token_uri(label, serial));
  return short_token_uri(all.back(), all);
}

TEST(Pkcs11Uri, HasAttributesThatAreDecoded) {
  const std::string uri = "pkcs11:token=a%20b;id=%01%2F;object=x%zz%4?module-path=/x;object=y";
  EXPECT_EQ(uri_attribute(uri, "token"), "a b");
  EXPECT_EQ(uri_attribute(uri, "id"), "\x01/");
  EXPECT_EQ(uri_attribute(uri, "object"), "x%zz%4");
  EXPECT_EQ(uri_attribute(uri, "module-path"), std::nullopt);
  EXPECT_EQ(uri_attribute("pkcs11:", "token"), std::nullopt);
  EXPECT_EQ(uri_attribute("pkcs11:token", "token"), "");
  EXPECT_EQ(uri_attribute("", "token"), std::nullopt);
}

TEST(Pkcs11Uri, MeansTokensThatAreAsItSays) {
  const std::string token = token_uri("a%20b", "1");
  for (const char* uri : {"pkcs11:", "pkcs11:token=a%20b", "pkcs11:serial=1;token=%61%20b", "pkcs11:object=x",
                          "pkcs11:model=SoftHSM%20v2;slot-id=7"}) {
    EXPECT_TRUE(uri_means_token(uri, token)) << uri;
  }
  for (const char* uri : {"pkcs11:token=a", "pkcs11:token=a%20b;serial=2", "pkcs11:serial=", "pkcs11:manufacturer=x"}) {
    EXPECT_FALSE(uri_means_token(uri, token)) << uri;
  }
}

TEST(Pkcs11Uri, IsShortenedToWhatMeansOneToken) {
  EXPECT_EQ(shortened("work", "70a1", {}), "pkcs11:token=work");
  EXPECT_EQ(shortened("work", "70a1", {token_uri("spare", "70a2")}), "pkcs11:token=work");
  EXPECT_EQ(shortened("work", "70a1", {token_uri("work", "70a2")}), "pkcs11:serial=70a1");
  EXPECT_EQ(shortened("work", "1", {token_uri("work", "2"), token_uri("spare", "1")}), "pkcs11:token=work;serial=1");
}

TEST(Pkcs11Uri, IsShortenedToWhatNeedsNoQuotes) {
  EXPECT_EQ(shortened("my%20card", "70a1", {}), "pkcs11:serial=70a1");
  EXPECT_EQ(shortened("my%20card", "70a1", {token_uri("spare", "70a1")}), "pkcs11:token=my%20card");
  EXPECT_EQ(shortened("$(id)'&", "", {}), "pkcs11:token=%24%28id%29%27%26");
}

TEST(Pkcs11Uri, StaysAsItIsWhereNothingTellsTokensApart) {
  const std::string uri = token_uri("work", "1");
  EXPECT_EQ(short_token_uri(uri, {uri, uri}), uri);
  EXPECT_EQ(short_token_uri("pkcs11:slot-id=3", {"pkcs11:slot-id=3"}), "pkcs11:slot-id=3");
}

TEST(Pkcs11Uri, MeansKeysThatAreAsItSays) {
  const std::string key = token_uri("work", "70a1") + ";id=%01%ff;object=a%20b;type=private";
  for (const char* uri : {"pkcs11:", "pkcs11:object=a%20b", "pkcs11:token=work;id=%01%FF", "pkcs11:type=public"}) {
    EXPECT_TRUE(uri_means_key(uri, key)) << uri;
  }
  for (const char* uri : {"pkcs11:object=a", "pkcs11:token=work;id=%01", "pkcs11:token=spare;object=a%20b"}) {
    EXPECT_FALSE(uri_means_key(uri, key)) << uri;
  }
}

TEST(Pkcs11Uri, OfAKeyIsShortenedForPeople) {
  const std::string token = token_uri("work", "70a1");
  EXPECT_EQ(short_key_uri(token + ";id=%01;object=a%20b;type=private"), "pkcs11:serial=70a1;object=a%20b");
  EXPECT_EQ(short_key_uri(token + ";id=%01%41;type=private"), "pkcs11:serial=70a1;id=%01A");
  EXPECT_EQ(short_key_uri("pkcs11:token=work;id=%01"), "pkcs11:token=work;id=%01");
  EXPECT_EQ(short_key_uri("pkcs11:id=%01"), "pkcs11:id=%01");
}

TEST(Pkcs11Uri, IsRefusedWithAPinInIt) {
  EXPECT_EQ(check_uri_option("pkcs11:token=work?module-name=x"), "");
  for (const char* uri : {"pkcs11:token=work?pin-value=1234", "pkcs11:?module-name=x&pin-source=file:/x"}) {
    EXPECT_NE(check_uri_option(uri).find("no PIN belongs in a URI"), std::string::npos) << uri;
    EXPECT_EQ(check_uri_option(uri).find("1234"), std::string::npos);
  }
  for (const char* uri : {"fido", "pkcs11:a b", "pkcs11:\x1b[31m", ""}) EXPECT_NE(check_uri_option(uri), "") << uri;
}

}  // namespace
}  // namespace fob::cli
