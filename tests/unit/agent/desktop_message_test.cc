#include "agent/desktop_message.h"

#include <gtest/gtest.h>

#include "tests/unit/agent/support.h"

namespace fob::desktop {
namespace {

/// The message of a frame; the frame must be whole.
Bytes body_of(const Bytes& frame) {
  Reader in(frame);
  const ByteView body = in.string();
  in.done();
  return to_bytes(body);
}

Notify round_trip(const Notify& order) { return std::get<Notify>(parse_order(body_of(frame_order(order)))); }

TEST(DesktopMessage, OrdersComeBackAsTheyWere) {
  const Notify shown = round_trip({7, "summary", "body\nof two lines, caf\xc3\xa9 <b>"});
  EXPECT_EQ(shown.id, 7U);
  EXPECT_EQ(shown.summary, "summary");
  EXPECT_EQ(shown.body, "body\nof two lines, caf\xc3\xa9 <b>");
  EXPECT_EQ(std::get<Withdraw>(parse_order(body_of(frame_order(Withdraw{0xffffffff})))).id, 0xffffffff);
  EXPECT_TRUE(std::holds_alternative<Acknowledge>(parse_order(body_of(frame_order(Acknowledge{})))));
  EXPECT_EQ(round_trip({0, "", ""}).body, "");
}

TEST(DesktopMessage, EventsComeBackAsTheyWere) {
  for (const Event event : {Event::sleep, Event::resume, Event::lock, Event::unlock, Event::idle}) {
    EXPECT_EQ(parse_event(body_of(frame_event(event))), event);
  }
}

TEST(DesktopMessage, TextsBecomePrintableAndShort) {
  EXPECT_EQ(round_trip({1, "a\x1b[2J\xff", "b\r\n\n\tc"}).summary, "a?[2J?");
  EXPECT_EQ(round_trip({1, "", "b\r\n\n\tc"}).body, "b?\n\n?c");
  for (const std::string& piece :
       {std::string("x"), std::string("\xe2\x82\xac"), std::string("\n"), std::string("xyz\n")}) {
    std::string text;
    while (text.size() < 2 * body_bytes) text += piece;
    const Notify shown = round_trip({1, text, text});
    EXPECT_LE(shown.summary.size(), summary_bytes);
    EXPECT_GT(shown.summary.size(), summary_bytes - 16);
    EXPECT_LE(shown.body.size(), body_bytes);
    EXPECT_GT(shown.body.size(), body_bytes - 16);
  }
  EXPECT_LE(frame_order(Notify{1, std::string(9999, 'x'), std::string(9999, 'x')}).size(), message_bytes + 4);
}

TEST(DesktopMessage, RefusesEveryTruncationAndATrailingByte) {
  for (const Order& order : {Order(Notify{1, "summary", "body"}), Order(Withdraw{1}), Order(Acknowledge{})}) {
    Bytes body = body_of(frame_order(order));
    for (std::size_t size = 0; size < body.size(); ++size) {
      EXPECT_EQ(error_of([&] { parse_order(ByteView(body).first(size)); }), Errc::malformed) << size;
    }
    body.push_back(0);
    EXPECT_EQ(error_of([&] { parse_order(body); }), Errc::malformed);
  }
  Bytes event = body_of(frame_event(Event::lock));
  for (std::size_t size = 0; size < event.size(); ++size) {
    EXPECT_EQ(error_of([&] { parse_event(ByteView(event).first(size)); }), Errc::malformed);
  }
  event.push_back(0);
  EXPECT_EQ(error_of([&] { parse_event(event); }), Errc::malformed);
}

TEST(DesktopMessage, RefusesWhatIsUnknown) {
  for (const int type : {0, 4, 9, 10, 255}) {
    EXPECT_EQ(error_of([&] { parse_order(Bytes(1, static_cast<std::uint8_t>(type))); }), Errc::unsupported) << type;
  }
  for (const int type : {0, 1, 3, 11}) {
    EXPECT_EQ(error_of([&] { parse_event(Bytes{static_cast<std::uint8_t>(type), 1}); }), Errc::unsupported) << type;
  }
  for (const int event : {0, 6, 255}) {
    EXPECT_EQ(error_of([&] { parse_event(Bytes{10, static_cast<std::uint8_t>(event)}); }), Errc::malformed) << event;
  }
}

TEST(DesktopMessage, RefusesTextsThatTheAgentDoesNotSend) {
  const auto notify = [](std::string_view summary, std::string_view body) {
    return Writer().u8(1).u32(1).string(summary).string(body).take();
  };
  EXPECT_NO_THROW(parse_order(notify(std::string(summary_bytes, 'x'), std::string(body_bytes, 'x'))));
  for (const Bytes& message :
       {notify(std::string(summary_bytes + 1, 'x'), ""), notify("", std::string(body_bytes + 1, 'x')),
        notify("\xff", ""), notify("", "\xc3"), notify(std::string_view("\0", 1), "")}) {
    EXPECT_EQ(error_of([&] { parse_order(message); }), Errc::malformed);
  }
}

TEST(DesktopMessage, HasALengthWithinBounds) {
  EXPECT_EQ(parse_length(Bytes{0, 0, 0, 1}), 1U);
  EXPECT_EQ(parse_length(Bytes{0, 0, 0x20, 0}), message_bytes);
  EXPECT_EQ(error_of([] { parse_length(Bytes{0, 0, 0x20, 1}); }), Errc::too_large);
  EXPECT_EQ(error_of([] { parse_length(Bytes{255, 255, 255, 255}); }), Errc::too_large);
  EXPECT_EQ(error_of([] { parse_length(Bytes{0, 0, 0, 0}); }), Errc::malformed);
}

}  // namespace
}  // namespace fob::desktop
