#include "cli/json_object.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace fob::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) { return json.dump(2, ' ', true, nlohmann::detail::error_handler_t::replace); }

TEST(JsonObject, IsWhatTheLibraryMakes) {
  JsonObject inner("  ");
  inner.texts("none", {});
  inner.texts("some", {"one", "two \"quoted\""});
  JsonObject out;
  out.text("text", "plain");
  out.text_or_null("nothing", "");
  out.text_or_null("something", "here");
  out.flag("yes", true);
  out.flag("no", false);
  out.number("number", 18'446'744'073'709'551'615U);
  out.null("null");
  out.value("inner", inner.take());
  const Json json = {{"text", "plain"},     {"nothing", nullptr},
                     {"something", "here"}, {"yes", true},
                     {"no", false},         {"number", 18'446'744'073'709'551'615U},
                     {"null", nullptr},     {"inner", {{"none", Json::array()}, {"some", {"one", "two \"quoted\""}}}}};
  EXPECT_EQ(out.take(), dumped(json));
  EXPECT_EQ(JsonObject().take(), dumped(Json::object()));
}

TEST(JsonObject, EscapesEveryByteAsTheLibraryDoes) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = std::string("a") + static_cast<char>(byte) + "b";
    JsonObject out;
    out.text("t", text);
    EXPECT_EQ(out.take(), dumped({{"t", text}})) << byte;
  }
  JsonObject out;
  out.text("t", "caf\u00e9 \U0001F511");
  EXPECT_EQ(out.take(), dumped({{"t", "caf\u00e9 \U0001F511"}}));
}

}  // namespace
}  // namespace fob::cli
