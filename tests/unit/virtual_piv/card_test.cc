#include "tests/virtual/piv/card.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <thread>

namespace fob::virt::piv {
namespace {

constexpr unsigned ok = 0x9000;
constexpr unsigned security = 0x6982;
constexpr unsigned blocked = 0x6983;

/// What a card answers: its status word, and what comes before.
struct Answer {
  unsigned status;
  Bytes data;
};

class PivCard : public testing::Test {
 protected:
  explicit PivCard(const Personality& personality = {}) : card(personality) { select(); }

  Answer send(const Bytes& apdu) {
    const Bytes answer = card.transmit(apdu);
    const std::size_t size = answer.size() - 2;
    return {static_cast<unsigned>(answer[size] << 8 | answer[size + 1]),
            Bytes(answer.begin(), answer.begin() + static_cast<std::ptrdiff_t>(size))};
  }
  /// As an extended APDU, so that nothing is chained.
  Answer send(std::uint8_t ins, std::uint8_t p1, std::uint8_t p2, const Bytes& data = {}) {
    Bytes apdu{0, ins, p1, p2, 0};
    const auto high = static_cast<std::uint8_t>(data.size() >> 8);
    if (!data.empty()) apdu.insert(apdu.end(), {high, static_cast<std::uint8_t>(data.size())});
    return send(concat({apdu, data, Bytes{0, 0}}));
  }
  unsigned select() { return send(0xa4, 4, 0, {0xa0, 0, 0, 3, 8}).status; }
  static Bytes padded(const std::string& pin) {
    Bytes out = to_bytes(as_bytes(pin));
    out.resize(8, 0xff);
    return out;
  }
  unsigned verify(const std::string& pin) { return send(0x20, 0, 0x80, padded(pin)).status; }
  unsigned authenticate() {
    const Bytes key{1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8};
    const Answer challenge = send(0x87, 3, 0x9b, {0x7c, 2, 0x81, 0});
    const Bytes response = tdes_encrypt(key, ByteView(challenge.data).subspan(4));
    return send(0x87, 3, 0x9b, tlv(0x7c, tlv(0x82, response))).status;
  }
  unsigned generate(std::uint8_t slot, std::uint8_t algorithm, std::uint8_t pin = 0, std::uint8_t touch = 0) {
    Bytes what = tlv(0x80, Bytes{algorithm});
    if (pin != 0) what = concat({what, tlv(0xaa, Bytes{pin})});
    if (touch != 0) what = concat({what, tlv(0xab, Bytes{touch})});
    authenticate();
    return send(0x47, 0, slot, tlv(0xac, what)).status;
  }
  unsigned sign(std::uint8_t slot) {
    return send(0x87, 0x11, slot, tlv(0x7c, concat({tlv(0x82, {}), tlv(0x81, Bytes(32, 7))}))).status;
  }

  Card card;
};

TEST_F(PivCard, AnswersNothingBeforeItIsSelected) {
  card.power();
  EXPECT_EQ(send(0xfd, 0, 0).status, 0x6d00u);
  EXPECT_EQ(select(), ok);
  EXPECT_EQ(send(0xfd, 0, 0).data, (Bytes{5, 4, 3}));
  EXPECT_EQ(send(0xa4, 4, 0, {0xa0, 0, 0, 1, 0x51}).status, 0x6a82u);
}

TEST_F(PivCard, CountsWrongPins) {
  EXPECT_EQ(send(0x20, 0, 0x80).status, 0x63c3u);
  EXPECT_EQ(verify("111111"), 0x63c2u);
  EXPECT_EQ(verify("123456"), ok);
  EXPECT_EQ(send(0x20, 0, 0x80).status, ok);
  EXPECT_EQ(send(0x20, 0xff, 0x80).status, ok);
  EXPECT_EQ(send(0x20, 0, 0x80).status, 0x63c3u) << "the right PIN gives all tries back";
  EXPECT_EQ(verify("111111"), 0x63c2u);
  EXPECT_EQ(verify("111111"), 0x63c1u);
  EXPECT_EQ(verify("111111"), blocked);
  EXPECT_EQ(verify("123456"), blocked);
  EXPECT_EQ(card.status().pin_tries, 0u);
}

TEST_F(PivCard, SpendsNoTryOnAMalformedPin) {
  EXPECT_EQ(send(0x20, 0, 0x80, {1, 2, 3}).status, 0x6a80u);
  EXPECT_EQ(send(0x24, 0, 0x80, concat({padded("111111"), padded("12")})).status, 0x6a80u);
  EXPECT_EQ(card.status().pin_tries, 3u);
}

TEST_F(PivCard, ChangesAndUnblocksThePin) {
  EXPECT_EQ(send(0x24, 0, 0x80, concat({padded("123456"), padded("654321")})).status, ok);
  EXPECT_EQ(verify("654321"), ok);
  for (int i = 0; i < 3; ++i) verify("000000");
  EXPECT_EQ(send(0x2c, 0, 0x80, concat({padded("00000000"), padded("123456")})).status, 0x63c2u);
  EXPECT_EQ(send(0x2c, 0, 0x80, concat({padded("12345678"), padded("123456")})).status, ok);
  EXPECT_EQ(verify("123456"), ok);
}

TEST_F(PivCard, ResetsOnlyWhenPinAndPukAreBlocked) {
  generate(0x9a, 0x11);
  for (int i = 0; i < 3; ++i) verify("000000");
  EXPECT_EQ(send(0xfb, 0, 0).status, 0x6985u);
  for (int i = 0; i < 3; ++i) send(0x2c, 0, 0x80, concat({padded("00000000"), padded("123456")}));
  EXPECT_EQ(send(0xfb, 0, 0).status, ok);
  EXPECT_EQ(verify("123456"), ok);
  EXPECT_EQ(send(0xf7, 0, 0x9a).status, 0x6a88u);
}

TEST_F(PivCard, WantsTheManagementKeyForChanges) {
  EXPECT_EQ(send(0x47, 0, 0x9a, tlv(0xac, tlv(0x80, Bytes{0x11}))).status, security);
  EXPECT_EQ(send(0xdb, 0x3f, 0xff, concat({tlv(0x5c, Bytes{0x5f, 0xc1, 5}), tlv(0x53, Bytes{1})})).status, security);
  EXPECT_EQ(send(0x87, 3, 0x9b, tlv(0x7c, tlv(0x82, Bytes(8)))).status, security) << "no challenge was asked for";
  EXPECT_EQ(authenticate(), ok);
  EXPECT_EQ(send(0xdb, 0x3f, 0xff, concat({tlv(0x5c, Bytes{0x5f, 0xc1, 5}), tlv(0x53, Bytes{1})})).status, ok);
  EXPECT_EQ(send(0xcb, 0x3f, 0xff, tlv(0x5c, Bytes{0x5f, 0xc1, 5})).data, (Bytes{0x53, 1, 1}));
  card.power();
  select();
  EXPECT_EQ(send(0xdb, 0x3f, 0xff, concat({tlv(0x5c, Bytes{0x5f, 0xc1, 5}), tlv(0x53, {})})).status, security);
}

TEST_F(PivCard, KeepsToThePinPolicies) {
  ASSERT_EQ(generate(0x9a, 0x11), ok);
  ASSERT_EQ(generate(0x9c, 0x11), ok);
  ASSERT_EQ(generate(0x9e, 0x11), ok);
  EXPECT_EQ(sign(0x9a), security);
  EXPECT_EQ(sign(0x9e), ok);
  verify("123456");
  EXPECT_EQ(sign(0x9a), ok);
  EXPECT_EQ(sign(0x9c), security) << "another key was used since";
  verify("123456");
  EXPECT_EQ(sign(0x9c), ok);
  EXPECT_EQ(sign(0x9c), security);
  EXPECT_EQ(sign(0x9a), ok);
}

TEST_F(PivCard, WaitsForAFingerAndTellsSo) {
  generate(0x9a, 0x11, 1, 2);
  card.set_touch(virt::TouchPolicy::manual());
  std::thread finger([this] {
    while (!card.status().waiting) std::this_thread::yield();
    EXPECT_TRUE(card.touch());
  });
  EXPECT_EQ(sign(0x9a), ok);
  finger.join();
  EXPECT_EQ(card.status().touch_requests, 1u);
  EXPECT_FALSE(card.status().waiting);
}

TEST_F(PivCard, FailsWithoutAFinger) {
  generate(0x9a, 0x11, 1, 2);
  card.set_touch({.mode = virt::TouchPolicy::Mode::manual, .patience = Milliseconds(20)});
  EXPECT_EQ(sign(0x9a), security);
}

TEST_F(PivCard, RemembersACachedTouchOnly) {
  generate(0x9a, 0x11, 1, 3);
  generate(0x9d, 0x11, 1, 2);
  EXPECT_EQ(sign(0x9a), ok);
  EXPECT_EQ(sign(0x9a), ok);
  EXPECT_EQ(card.status().touch_requests, 1u);
  EXPECT_EQ(sign(0x9d), ok);
  EXPECT_EQ(sign(0x9d), ok);
  EXPECT_EQ(card.status().touch_requests, 3u);
}

TEST_F(PivCard, StopsWaitingWhenItIsPulledOut) {
  generate(0x9a, 0x11, 1, 2);
  card.set_touch(virt::TouchPolicy::manual());
  std::thread puller([this] {
    while (!card.status().waiting) std::this_thread::yield();
    card.interrupt();
  });
  EXPECT_EQ(sign(0x9a), security);
  puller.join();
}

TEST_F(PivCard, AttestsOnlyWhatItGenerated) {
  EXPECT_EQ(send(0xf9, 0x9a, 0).status, 0x6a88u);
  generate(0x9a, 0x14);
  EXPECT_EQ(send(0xf9, 0x9a, 0).status, ok);
  authenticate();
  EXPECT_EQ(send(0xfe, 0x11, 0x9a, tlv(0x06, Bytes(32, 3))).status, ok);
  EXPECT_EQ(send(0xf9, 0x9a, 0).status, 0x6a80u);
  EXPECT_EQ(send(0xfe, 0x11, 0x9a, tlv(0x06, Bytes(32, 0xff))).status, 0x6a80u) << "over the group's order";
}

TEST_F(PivCard, AgreesOnAKeyAsTheOtherSideDoes) {
  generate(0x9d, 0x11, 1);
  generate(0x82, 0x11, 1);
  const auto point = [this](std::uint8_t slot) {
    const Answer metadata = send(0xf7, 0, slot);
    return to_bytes(value_of(parse_tlvs(value_of(parse_tlvs(metadata.data), 0x04)), 0x86));
  };
  const auto agree = [&](std::uint8_t slot, const Bytes& with) {
    return send(0x87, 0x11, slot, tlv(0x7c, concat({tlv(0x82, {}), tlv(0x85, with)}))).data;
  };
  const Bytes first = agree(0x9d, point(0x82));
  EXPECT_EQ(first, agree(0x82, point(0x9d)));
  EXPECT_EQ(first.size(), 32u + 4);
  EXPECT_TRUE(agree(0x9d, Bytes(65, 4)).empty()) << "not on the curve";
}

class NewerPivCard : public PivCard {
 protected:
  NewerPivCard() : PivCard({.version = {5, 7, 0}}) {}
};

TEST_F(PivCard, DeletesNoKeysBeforeFirmware57) {
  generate(0x9a, 0x11);
  EXPECT_EQ(send(0xf6, 0xff, 0x9a).status, 0x6d00u);
  EXPECT_EQ(send(0xf7, 0, 0x9a).status, ok);
}

TEST_F(NewerPivCard, DeletesAndMovesKeys) {
  generate(0x9a, 0x11, 1);
  EXPECT_EQ(send(0xf6, 0x82, 0x9a).status, ok);
  EXPECT_EQ(sign(0x9a), 0x6a88u);
  EXPECT_EQ(sign(0x82), ok);
  EXPECT_EQ(send(0xf6, 0xff, 0x82).status, ok);
  EXPECT_EQ(send(0xf7, 0, 0x82).status, 0x6a88u);
}

TEST_F(PivCard, LivesOnInWhatItSaved) {
  generate(0x9a, 0x11, 1, 1);
  verify("000000");
  Card other;
  other.load(card.save());
  EXPECT_EQ(other.status().pin_tries, 2u);
  EXPECT_EQ(other.status().slots, card.status().slots);
  EXPECT_EQ(other.save(), card.save());
}

// Every instruction with every kind of parameter, and data that is cut, nested, or noise: an answer always comes.
TEST_F(PivCard, SurvivesHostileCommands) {
  generate(0x9a, 0x11, 1);
  std::mt19937 random(20);  // NOLINT: the same commands each time
  const std::array<std::uint8_t, 12> parameters{0, 1, 3, 0x07, 0x11, 0x3f, 0x80, 0x9a, 0x9b, 0xf9, 0xfe, 0xff};
  const std::array<std::uint8_t, 10> tags{0x7c, 0x80, 0x81, 0x82, 0x85, 0x5c, 0x53, 0xac, 0x06, 0xaa};
  const std::array<std::uint8_t, 16> instructions{0x20, 0x24, 0x2c, 0x47, 0x87, 0xa4, 0xc0, 0xcb,
                                                  0xdb, 0xf6, 0xf7, 0xf9, 0xfa, 0xfb, 0xfe, 0xff};
  const auto any = [&](const auto& list) { return list[random() % list.size()]; };
  for (int i = 0; i < 20'000; ++i) {
    if (i % 50 == 0) authenticate();
    Bytes data;
    for (unsigned parts = random() % 4; parts > 0; --parts) {
      data =
          random() % 2 == 0 ? tlv(any(tags), data) : concat({data, tlv(any(tags), Bytes(random() % 300, any(tags)))});
    }
    if (random() % 4 == 0 && !data.empty()) data.resize(random() % data.size());
    if (random() % 8 == 0 && !data.empty()) data[random() % data.size()] = static_cast<std::uint8_t>(random());
    const std::uint8_t instruction = random() % 16 == 0 ? static_cast<std::uint8_t>(random()) : any(instructions);
    const Answer answer = send(instruction, any(parameters), any(parameters), data);
    ASSERT_NE(answer.status, 0x6f00u) << int(instruction);
  }
  card.power();
  EXPECT_EQ(select(), ok);
}

TEST_F(PivCard, SurvivesNoise) {
  std::mt19937 random(21);  // NOLINT: the same noise each time
  for (int i = 0; i < 50'000; ++i) {
    Bytes apdu(random() % 24);
    for (std::uint8_t& byte : apdu) byte = static_cast<std::uint8_t>(random());
    if (!apdu.empty() && i % 2 == 0) apdu[0] = 0;
    ASSERT_GE(card.transmit(apdu).size(), 2u);
  }
}

}  // namespace
}  // namespace fob::virt::piv
