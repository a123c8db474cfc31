#include <gtest/gtest.h>

#include <random>

#include "tests/virtual/authenticator.h"

// What libfido2 does not do: tokens used twice, wrong permissions, broken requests. No transport.

namespace fob::virt {
namespace {

class NoHost : public Host {
 public:
  void keep_alive(KeepAlive) override {}
  void wait(Milliseconds) override {}
  bool cancelled() const override { return true; }
};

class Ctap : public testing::Test {
 protected:
  Bytes raw(ByteView message, Authenticator& token) { return token.answer_ctap2(message, host_); }
  Code send(std::uint8_t command, const Value& request) {
    const Bytes head{command};
    const Bytes answer = raw(concat({head, request.encode()}), token_);
    body_ = answer.size() > 1 ? Value::decode(ByteView(answer).subspan(1)) : Value();
    return static_cast<Code>(answer[0]);
  }

  // A platform's side of PIN protocol 2.
  SharedSecret agree() {
    EXPECT_EQ(send(command::client_pin, Value::map({{1, 2}, {2, 2}})), Code::ok);
    return {2, own_, body_.at(1)};
  }
  Code set_pin(std::string_view pin) {
    const SharedSecret secret = agree();
    Bytes padded = to_bytes(as_bytes(pin));
    padded.resize(64);
    const Bytes encrypted = secret.encrypt(padded);
    const Value request =
        Value::map({{1, 2}, {2, 3}, {3, key_agreement_key(own_)}, {4, mac(secret, encrypted)}, {5, encrypted}});
    return send(command::client_pin, request);
  }
  Code get_token(std::string_view pin, int permissions, const char* rp_id) {
    return get_token(agree(), pin, permissions, rp_id);
  }
  Code get_token(const SharedSecret& secret, std::string_view pin, int permissions, const char* rp_id) {
    const Bytes hash = sha256(as_bytes(pin));
    Value request = Value::map({{1, 2}, {2, 9}, {3, key_agreement_key(own_)}, {9, permissions}});
    request.set(6, secret.encrypt(ByteView(hash).first(16)));
    if (rp_id != nullptr) request.set(10, rp_id);
    const Code out = send(command::client_pin, request);
    if (out == Code::ok) pin_token_ = secret.decrypt(body_.at(2).bytes());
    return out;
  }
  /// The secret's key is not to be seen: what the token would accept is computed anew.
  Bytes mac(const SharedSecret&, ByteView message) {
    const Bytes z = own_.agree(concat({as_bytes("\x04"), body_.at(1).at(-2).bytes(), body_.at(1).at(-3).bytes()}));
    const Bytes salt(32);
    const Bytes key = hmac_sha256(hmac_sha256(salt, z), as_bytes("CTAP2 HMAC key\x01"));
    return hmac_sha256(key, message);
  }

  Value make_request(const char* rp_id, bool with_token) {
    Value out = Value::map({{1, hash_}, {2, Value::map({{"id", rp_id}})}});
    out.set(3, Value::map({{"id", Bytes{1}}, {"name", "n"}}));
    out.set(4, Value::Array{Value::map({{"alg", -7}, {"type", "public-key"}})});
    if (with_token) out.set(8, hmac_sha256(pin_token_, hash_)).set(9, 2);
    return out;
  }
  Code make(const char* rp_id) { return send(command::make_credential, make_request(rp_id, true)); }
  Code metadata() {
    const Bytes message{1};
    return send(command::credential_management, Value::map({{1, 1}, {3, 2}, {4, hmac_sha256(pin_token_, message)}}));
  }

  NoHost host_;
  Authenticator token_;
  KeyPair own_ = KeyPair::generate(Alg::es256);
  Bytes hash_ = Bytes(32, 7);
  Bytes pin_token_ = Bytes(32);
  Value body_;
};

TEST_F(Ctap, ATouchSpendsTheToken) {
  ASSERT_EQ(set_pin("1234"), Code::ok);
  ASSERT_EQ(get_token("1234", may_make | may_get | may_manage, "a"), Code::ok);
  EXPECT_EQ(make("a"), Code::ok);
  EXPECT_EQ(make("a"), Code::pin_auth_invalid);
  EXPECT_EQ(metadata(), Code::pin_auth_invalid);
}

TEST_F(Ctap, PermissionsAndRelyingParty) {
  EXPECT_EQ(get_token("1234", may_make, "a"), Code::pin_not_set);
  ASSERT_EQ(set_pin("1234"), Code::ok);
  EXPECT_EQ(get_token("1234", 0, "a"), Code::invalid_parameter);
  EXPECT_EQ(get_token("1234", may_make, nullptr), Code::missing_parameter);
  EXPECT_EQ(get_token("1234", 0x08, nullptr), Code::unauthorized_permission);
  ASSERT_EQ(get_token("1234", may_get, "a"), Code::ok);
  EXPECT_EQ(make("a"), Code::pin_auth_invalid);
  ASSERT_EQ(get_token("1234", may_make, "a"), Code::ok);
  EXPECT_EQ(make("b"), Code::pin_auth_invalid);
  EXPECT_EQ(metadata(), Code::pin_auth_invalid);
  EXPECT_EQ(make("a"), Code::ok);
  ASSERT_EQ(get_token("1234", may_manage, nullptr), Code::ok);
  EXPECT_EQ(metadata(), Code::ok);
  EXPECT_EQ(metadata(), Code::ok);
  ASSERT_EQ(get_token("1234", may_manage, "a"), Code::ok);
  EXPECT_EQ(metadata(), Code::pin_auth_invalid);
}

TEST_F(Ctap, ANewTokenEndsTheOld) {
  ASSERT_EQ(set_pin("1234"), Code::ok);
  ASSERT_EQ(get_token("1234", may_make, "a"), Code::ok);
  const Bytes old = pin_token_;
  ASSERT_EQ(get_token("1234", may_make, "a"), Code::ok);
  pin_token_ = old;
  EXPECT_EQ(make("a"), Code::pin_auth_invalid);
}

TEST_F(Ctap, AWrongPinChangesTheKeyAgreement) {
  ASSERT_EQ(set_pin("1234"), Code::ok);
  const SharedSecret secret = agree();
  EXPECT_EQ(get_token(secret, "0000", may_make, "a"), Code::pin_invalid);
  EXPECT_EQ(get_token(secret, "1234", may_make, "a"), Code::pin_invalid);
  EXPECT_EQ(get_token("1234", may_make, "a"), Code::ok);
  EXPECT_EQ(token_.status().pin_attempts, 3U);
}

TEST_F(Ctap, AnEmptyMacAsksForATouchOnly) {
  Value request = make_request("a", false);
  request.set(8, Bytes()).set(9, 2);
  EXPECT_EQ(send(command::make_credential, request), Code::pin_not_set);
  ASSERT_EQ(set_pin("1234"), Code::ok);
  EXPECT_EQ(send(command::make_credential, request), Code::pin_invalid);
  EXPECT_EQ(token_.status().touch_requests, 2U);
}

TEST_F(Ctap, RefusedRequests) {
  EXPECT_EQ(send(command::get_next_assertion, Value::map()), Code::not_allowed);
  EXPECT_EQ(send(0x0d, Value::map()), Code::invalid_command);
  EXPECT_EQ(send(command::credential_management, Value::map({{1, 1}})), Code::pin_required);
  EXPECT_EQ(send(command::credential_management, Value::map({{1, 9}})), Code::invalid_subcommand);
  EXPECT_EQ(send(command::client_pin, Value::map({{1, 3}, {2, 2}})), Code::invalid_parameter);
  EXPECT_EQ(send(command::make_credential, Value::map({{1, hash_}})), Code::missing_parameter);
  EXPECT_EQ(send(command::make_credential, Value::map({{1, 1}})), Code::unexpected_type);
  EXPECT_EQ(send(command::make_credential, 5), Code::unexpected_type);
  Value off_curve = Value::map({{1, 2}, {3, -25}, {-1, 1}, {-2, Bytes(32, 1)}, {-3, Bytes(32, 1)}});
  EXPECT_EQ(send(command::client_pin, Value::map({{1, 2}, {2, 9}, {3, off_curve}, {6, Bytes(32)}, {9, 1}, {10, "a"}})),
            Code::invalid_parameter);
  EXPECT_EQ(raw(Bytes{}, token_), Bytes{0x03});
  EXPECT_EQ(raw(Bytes{command::get_info, 0xff}, token_), Bytes{0x12});
  EXPECT_EQ(raw(Bytes(3000, 4), token_), Bytes{0x39});
  EXPECT_EQ(send(command::selection, Value::map()), Code::ok);
}

TEST_F(Ctap, DamagedRequestsNeverEndTheToken) {
  ASSERT_EQ(set_pin("1234"), Code::ok);
  ASSERT_EQ(get_token("1234", may_make, "a"), Code::ok);
  const Bytes head{command::make_credential};
  const Bytes good = concat({head, make_request("a", true).encode()});
  std::mt19937 random(1);  // NOLINT: the same each time
  std::map<std::uint8_t, int> codes;
  for (int round = 0; round < 20'000; ++round) {
    Bytes bad = good;
    for (unsigned i = 0; i <= random() % 3; ++i) bad[random() % bad.size()] = static_cast<std::uint8_t>(random());
    if (random() % 4 == 0) bad.resize(1 + random() % bad.size());
    if (random() % 4 == 0) bad[0] = static_cast<std::uint8_t>(random() % 12);
    ++codes[raw(bad, token_).at(0)];
  }
  EXPECT_GT(codes.size(), 5U);
  EXPECT_EQ(codes.count(0x7f), 0U);
  EXPECT_EQ(send(command::get_info, Value::map()), Code::ok);
}

TEST_F(Ctap, DamagedU2fMessagesNeverEndTheToken) {
  const Bytes head{0, 1, 0, 0, 0, 0, 64};
  const Bytes good = concat({head, Bytes(64, 3)});
  EXPECT_EQ(token_.answer_u2f(good).size() > 200, true);
  std::mt19937 random(2);  // NOLINT: the same each time
  for (int round = 0; round < 20'000; ++round) {
    Bytes bad = good;
    bad[1] = static_cast<std::uint8_t>(random() % 4);
    bad[random() % 8] = static_cast<std::uint8_t>(random());
    if (random() % 2 == 0) bad.resize(1 + random() % bad.size());
    EXPECT_GE(token_.answer_u2f(bad).size(), 2U);
  }
}

TEST_F(Ctap, StateOfAnotherKindIsRefused) {
  EXPECT_THROW(token_.load(Bytes{0xa0}), std::exception);
  EXPECT_THROW(token_.load(Bytes{1, 2, 3}), std::exception);
  Bytes saved = token_.save();
  saved.resize(saved.size() / 2);
  EXPECT_THROW(token_.load(saved), std::exception);
}

TEST_F(Ctap, TellsChangesOnly) {
  int told = 0;
  token_.on_change([&](ByteView) { ++told; });
  EXPECT_EQ(send(command::selection, Value::map()), Code::ok);
  const int before = told;
  EXPECT_EQ(send(command::get_info, Value::map()), Code::ok);
  EXPECT_EQ(told, before);
  EXPECT_EQ(send(command::make_credential, make_request("a", false)), Code::ok);
  EXPECT_EQ(told, before + 1);
}

}  // namespace
}  // namespace fob::virt
