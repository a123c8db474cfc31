#include "protocol/pkcs11_info.h"

#include <memory>

#include "protocol/limits.h"
#include "protocol/pattern.h"
#include "tests/fuzz/fuzz.h"
#include "tokens/pkcs11/uri.h"

using namespace fob;

namespace {

template <class Value>
Value read(ByteView bytes) {
  Reader in(bytes);
  Value out = Value::read(in);
  in.done();
  return out;
}

/// read → write → read gives the same; the first pass may change booleans and make texts fit for people.
template <class Value>
void check_round_trip(ByteView bytes) {
  const auto value = fuzz::attempt([&] { return read<Value>(bytes); });
  if (!value) return;
  fuzz::require(printable(value->uri, limits::uri_bytes) == value->uri, "a URI is fit for people");
  fuzz::require(printable(value->label) == value->label, "a label is fit for people");
  const Bytes once = fuzz::written(*value);
  fuzz::require(equal(fuzz::written(read<Value>(once)), once), "it is written as it was read");
}

/// What a URI says of a key names that key in the URI that is made of it.
void check_uri(std::string_view text) {
  const auto uri = fuzz::attempt([&] { return std::make_shared<pkcs11::Uri>(std::string(text)); });
  if (!uri) return;
  const Bytes id = (*uri)->id().value_or(Bytes());
  const std::string label = (*uri)->label().value_or("");
  const std::string text_made = pkcs11::Uri::of_key({}, id, label);
  if (text_made.size() > limits::uri_bytes) return;
  const pkcs11::Uri made(text_made);
  fuzz::require(equal(made.id().value_or(Bytes()), id) && made.label().value_or("") == label, "a key's names stay");
}

}  // namespace

/// The first byte chooses what the rest is.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView rest(data + 1, size - 1);
  if (data[0] % 3 == 0) check_round_trip<Pkcs11TokenInfo>(rest);
  if (data[0] % 3 == 1) check_round_trip<Pkcs11Key>(rest);
  if (data[0] % 3 == 2) check_uri(as_text(rest));
  return 0;
}
