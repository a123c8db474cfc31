#include "protocol/pkcs11_info.h"

#include "protocol/limits.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;

template <class Value>
Bytes written(const Value& value) {
  Writer out;
  value.write(out);
  return out.take();
}

template <class Value>
Value read(ByteView bytes) {
  Reader in(bytes);
  Value out = Value::read(in);
  in.done();
  return out;
}

Pkcs11TokenInfo token() {
  Pkcs11TokenInfo out;
  out.uri = "pkcs11:model=M1;manufacturer=Example%20Corp;serial=0815;token=work";
  out.label = "work";
  out.manufacturer = "Example Corp";
  out.model = "M1";
  out.serial = "0815";
  out.slot = "A reader";
  out.firmware = "5.4";
  out.key_kinds = {KeyKind::rsa, KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521, KeyKind::ed25519};
  out.rsa_min_bits = 1024;
  out.rsa_max_bits = 4096;
  out.min_pin_length = 6;
  out.max_pin_length = 8;
  return out;
}

Pkcs11Key key() {
  return {"pkcs11:token=work;id=%01;object=key;type=private", "pkcs11:token=work", "key",
          test::public_key("openssh/sshkey/ed25519_1.pub"), true};
}

TEST(Pkcs11Info, OfATokenIsReadAsItWasWritten) {
  const Bytes bytes = written(token());
  const Pkcs11TokenInfo out = read<Pkcs11TokenInfo>(bytes);
  EXPECT_EQ(test::to_hex(written(out)), test::to_hex(bytes));
  EXPECT_EQ(out.uri, token().uri);
  EXPECT_EQ(out.slot, "A reader");
  EXPECT_EQ(out.firmware, "5.4");
  EXPECT_EQ(out.key_kinds, token().key_kinds);
  EXPECT_EQ(out.rsa_max_bits, 4096U);
  EXPECT_EQ(out.max_pin_length, 8U);
  test::expect_exact_length(bytes, [](ByteView part) { read<Pkcs11TokenInfo>(part); });
}

TEST(Pkcs11Info, HasEachFlagInItsPlace) {
  constexpr bool Pkcs11TokenInfo::*flags[] = {
      &Pkcs11TokenInfo::removable,     &Pkcs11TokenInfo::initialized, &Pkcs11TokenInfo::login_required,
      &Pkcs11TokenInfo::pin_set,       &Pkcs11TokenInfo::pin_pad,     &Pkcs11TokenInfo::pin_count_low,
      &Pkcs11TokenInfo::pin_final_try, &Pkcs11TokenInfo::pin_locked,  &Pkcs11TokenInfo::write_protected,
      &Pkcs11TokenInfo::is_piv,
  };
  for (bool Pkcs11TokenInfo::*set : flags) {
    Pkcs11TokenInfo one = token();
    one.*set = true;
    const Pkcs11TokenInfo out = read<Pkcs11TokenInfo>(written(one));
    for (bool Pkcs11TokenInfo::*flag : flags) EXPECT_EQ(out.*flag, flag == set);
  }
}

TEST(Pkcs11Info, OfAKeyIsReadAsItWasWritten) {
  const Bytes bytes = written(key());
  const Pkcs11Key out = read<Pkcs11Key>(bytes);
  EXPECT_EQ(test::to_hex(written(out)), test::to_hex(bytes));
  EXPECT_EQ(out.uri, key().uri);
  EXPECT_EQ(out.token_uri, key().token_uri);
  EXPECT_TRUE(out.always_authenticate);
  test::expect_exact_length(bytes, [](ByteView part) { read<Pkcs11Key>(part); });
}

TEST(Pkcs11Info, IsFitForPeople) {
  Pkcs11TokenInfo info = token();
  info.label = "a\x1b[31mb";
  info.slot = "\xff";
  const Pkcs11TokenInfo out = read<Pkcs11TokenInfo>(written(info));
  EXPECT_EQ(out.label, "a?[31mb");
  EXPECT_EQ(out.slot, "?");
  Pkcs11Key named = key();
  named.label = "a\nb";
  EXPECT_EQ(read<Pkcs11Key>(written(named)).label, "a?b");
}

TEST(Pkcs11Info, HasLimits) {
  Pkcs11TokenInfo info = token();
  info.model.assign(limits::token_name_bytes + 1, 'a');
  EXPECT_EQ(error_of([&] { read<Pkcs11TokenInfo>(written(info)); }), Errc::malformed);
  info = token();
  info.key_kinds.assign(key_kinds.size() + 1, KeyKind::rsa);
  EXPECT_EQ(error_of([&] { read<Pkcs11TokenInfo>(written(info)); }), Errc::too_large);
  info.key_kinds = {KeyKind::sk_ed25519};
  EXPECT_EQ(error_of([&] { read<Pkcs11TokenInfo>(written(info)); }), Errc::malformed);
  Pkcs11Key named = key();
  named.label.assign(limits::label_bytes + 1, 'a');
  EXPECT_EQ(error_of([&] { read<Pkcs11Key>(written(named)); }), Errc::malformed);
  named = key();
  named.public_key = test::public_key("openssh/sshkey/ed25519_sk1.pub");
  EXPECT_EQ(error_of([&] { read<Pkcs11Key>(written(named)); }), Errc::malformed);
}

TEST(Pkcs11Uri, HasCharactersOfUrisOnly) {
  EXPECT_NO_THROW(check_pkcs11_uri("pkcs11:"));
  EXPECT_NO_THROW(check_pkcs11_uri("pkcs11:token=a%20b;id=%01?x-a=(b)&c"));
  for (unsigned c = 0; c < 256; ++c) {
    const std::string uri = std::string("pkcs11:a") + static_cast<char>(c);
    const bool is_safe =
        c > 0x20 && c < 0x7f && std::string_view("\"'<>\\^`{|}").find(static_cast<char>(c)) == std::string_view::npos;
    EXPECT_EQ(error_of([&] { check_pkcs11_uri(uri); }), is_safe ? std::nullopt : std::optional(Errc::malformed)) << c;
  }
}

TEST(Pkcs11Uri, BeginsWithItsScheme) {
  EXPECT_TRUE(is_pkcs11_uri("pkcs11:token=a"));
  for (const char* text : {"", "pkcs11", "fido:1", "/usr/lib/x.so", " pkcs11:"}) {
    EXPECT_FALSE(is_pkcs11_uri(text));
    EXPECT_EQ(error_of([&] { check_pkcs11_uri(text); }), Errc::malformed);
  }
  EXPECT_EQ(error_of([] { check_pkcs11_uri("pkcs11:" + std::string(limits::uri_bytes, 'a')); }), Errc::malformed);
}

}  // namespace
}  // namespace fob
