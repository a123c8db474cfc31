#include "tokens/pkcs11/uri.h"

#include <cstring>

#include "tests/unit/protocol/vectors.h"

namespace fob::pkcs11 {
namespace {

template <std::size_t size>
void pad(unsigned char (&field)[size], std::string_view text) {
  std::memset(field, ' ', size);
  std::memcpy(field, text.data(), text.size());
}

SlotToken slot_token(std::string_view label, std::string_view serial) {
  SlotToken out;
  out.slot = 17;
  pad(out.slot_info.slotDescription, "A reader");
  pad(out.slot_info.manufacturerID, "Somebody");
  pad(out.info.label, label);
  pad(out.info.manufacturerID, "Example Corp");
  pad(out.info.model, "M1");
  pad(out.info.serialNumber, serial);
  return out;
}

CK_INFO library() {
  CK_INFO out{};
  pad(out.manufacturerID, "Example Corp");
  pad(out.libraryDescription, "A library");
  return out;
}

TEST(Pkcs11Uri, NamesTheTokenThatItWasMadeOf) {
  const SlotToken token = slot_token("my token; 100%", "0815");
  const std::string uri = Uri::of_token(token.info);
  EXPECT_EQ(uri, "pkcs11:model=M1;manufacturer=Example%20Corp;serial=0815;token=my%20token%3B%20100%25");
  EXPECT_TRUE(Uri(uri).names(library(), token));
  EXPECT_FALSE(Uri(uri).names(library(), slot_token("my token; 100%", "0816")));
  EXPECT_FALSE(Uri(uri).names(library(), slot_token("another", "0815")));
}

TEST(Pkcs11Uri, OfNothingNamesEveryToken) {
  EXPECT_TRUE(Uri("pkcs11:").names(library(), slot_token("a", "1")));
  EXPECT_TRUE(Uri("pkcs11:object=x;id=%01;type=private").names(library(), slot_token("a", "1")));
}

TEST(Pkcs11Uri, NamesSlotAndLibraryToo) {
  const SlotToken token = slot_token("a", "1");
  EXPECT_TRUE(Uri("pkcs11:slot-id=17").names(library(), token));
  EXPECT_FALSE(Uri("pkcs11:slot-id=18").names(library(), token));
  EXPECT_TRUE(Uri("pkcs11:slot-description=A%20reader").names(library(), token));
  EXPECT_FALSE(Uri("pkcs11:slot-description=Another").names(library(), token));
  EXPECT_TRUE(Uri("pkcs11:library-description=A%20library").names(library(), token));
  EXPECT_FALSE(Uri("pkcs11:library-manufacturer=Else").names(library(), token));
}

TEST(Pkcs11Uri, OfAKeyHasIdLabelAndType) {
  const std::string uri = Uri::of_key(slot_token("t", "1").info, Bytes{0x01, 0xff}, "my key");
  EXPECT_EQ(uri, "pkcs11:model=M1;manufacturer=Example%20Corp;serial=1;token=t;id=%01%FF;object=my%20key;type=private");
  const Uri read(uri);
  EXPECT_EQ(test::to_hex(read.id().value()), "01ff");
  EXPECT_EQ(read.label(), "my key");
  EXPECT_TRUE(read.may_name_key());
}

TEST(Pkcs11Uri, AsksForKeysAndCertificatesOnly) {
  for (const char* type : {"private", "public", "cert"}) {
    EXPECT_TRUE(Uri("pkcs11:type=" + std::string(type)).may_name_key()) << type;
  }
  for (const char* type : {"data", "secret-key"}) {
    EXPECT_FALSE(Uri("pkcs11:type=" + std::string(type)).may_name_key()) << type;
  }
  EXPECT_FALSE(Uri("pkcs11:").id());
  EXPECT_FALSE(Uri("pkcs11:").label());
}

/// A PIN or a library must not come by URI.
TEST(Pkcs11Uri, RefusesWhatItMustNotBring) {
  for (const char* uri : {"pkcs11:token=a?pin-value=1234", "pkcs11:token=a?pin-source=file:/etc/passwd",
                          "pkcs11:token=a?module-path=/tmp/x.so", "pkcs11:token=a?module-name=x",
                          "pkcs11:token=a?pin-source=%7ccat&pin-value=1", "pkcs11:?pin-value="}) {
    EXPECT_EQ(test::error_of([&] { const Uri read(uri); }), Errc::malformed) << uri;
  }
}

TEST(Pkcs11Uri, RefusesWhatIsNone) {
  for (const char* uri :
       {"", "token=a", "PKCS11:token=a", "pkcs11:token", "pkcs11:token=%zz", "pkcs11:token=%4", "pkcs11:colour=red",
        "pkcs11:token=a b", "pkcs11:token=\x1b[1m", "pkcs11:type=nonsense", "pkcs11:id=\xc3\xa4"}) {
    EXPECT_EQ(test::error_of([&] { const Uri read(uri); }), Errc::malformed) << uri;
  }
  EXPECT_EQ(test::error_of([] { const Uri read("pkcs11:object=" + std::string(1100, 'a')); }), Errc::malformed);
}

}  // namespace
}  // namespace fob::pkcs11
