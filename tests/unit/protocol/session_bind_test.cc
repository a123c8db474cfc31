#include "protocol/session_bind.h"

#include "protocol/limits.h"
#include "protocol/request.h"
#include "protocol/verify.h"
#include "tests/unit/protocol/vectors.h"

namespace fob {
namespace {

using test::error_of;

/// The contents of a recorded session-bind.
Bytes contents(const std::string& message) {
  Reader in(test::message(message));
  in.u8();
  EXPECT_EQ(in.text(), SessionBind::name);
  return to_bytes(in.rest());
}

SessionBind read(ByteView bytes) {
  Reader in(bytes);
  return SessionBind::read(in);
}

Bytes with_session_id(std::size_t size) {
  return Writer().string("key").string(Bytes(size, 7)).string("signature").boolean(false).take();
}

void verify(const SessionBind& bind) {
  verify_signature(PublicKey::parse(bind.host_key_blob), bind.signature, bind.session_id);
}

TEST(SessionBind, ReadsWhatSshWrites) {
  const Bytes direct = contents("login.2.request");
  const SessionBind bind = read(direct);
  EXPECT_FALSE(bind.is_forwarding);
  EXPECT_TRUE(equal(bind.host_key_blob, test::public_key_blob("messages/host.pub")));
  EXPECT_EQ(bind.session_id.size(), 64U);
  EXPECT_NO_THROW(verify(bind));
  const Bytes forwarded = contents("login_forward.4.request");
  EXPECT_TRUE(read(forwarded).is_forwarding);
  EXPECT_NO_THROW(verify(read(forwarded)));
}

TEST(SessionBind, WritesWhatItRead) {
  for (const char* name : {"login.2.request", "login_forward.4.request", "login_unbound.2.request"}) {
    const Bytes bytes = contents(name);
    Writer out;
    read(bytes).write(out);
    EXPECT_TRUE(equal(out.bytes(), bytes)) << name;
  }
}

TEST(SessionBind, RefusesEveryTruncationAndTrailingByte) {
  test::expect_exact_length(contents("login.2.request"), [](ByteView bytes) { read(bytes); });
}

/// All but the last byte, which says whether the connection is forwarded and is not signed.
TEST(SessionBind, RefusesEveryFlippedBit) {
  const Bytes bytes = contents("login.2.request");
  test::expect_every_bit_counts(ByteView(bytes).first(bytes.size() - 1), [&](ByteView changed) {
    Bytes whole = to_bytes(changed);
    whole.push_back(bytes.back());
    verify(read(whole));
  });
}

TEST(SessionBind, RefusesSignatureOfAnotherSession) {
  const Bytes one = contents("login.2.request");
  const Bytes other = contents("login_unbound.2.request");
  SessionBind mixed = read(one);
  mixed.session_id = read(other).session_id;
  EXPECT_EQ(error_of([&] { verify(mixed); }), Errc::bad_signature);
}

TEST(SessionBind, TakesSessionIdentifiersUpToTheirLimit) {
  EXPECT_EQ(error_of([] { read(with_session_id(0)); }), Errc::malformed);
  EXPECT_NO_THROW(read(with_session_id(1)));
  EXPECT_NO_THROW(read(with_session_id(limits::session_id_bytes)));
  EXPECT_EQ(error_of([] { read(with_session_id(limits::session_id_bytes + 1)); }), Errc::malformed);
}

}  // namespace
}  // namespace fob
