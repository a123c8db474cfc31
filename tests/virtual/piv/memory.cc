#include "tests/virtual/piv/memory.h"

#include <algorithm>

#include "protocol/error.h"

namespace fob::virt::piv {
namespace {

constexpr std::size_t padded_bytes = 8;
constexpr std::size_t min_pin_bytes = 6;
constexpr std::uint8_t padding = 0xff;

Bytes text(std::string_view value) { return to_bytes(as_bytes(value)); }
Bytes factory_pin() { return text("123456"); }
Bytes factory_puk() { return text("12345678"); }
Bytes factory_management_key() {
  Bytes out;
  for (unsigned i = 0; i < 24; ++i) out.push_back(static_cast<std::uint8_t>(i % 8 + 1));
  return out;
}

Bytes unpadded(ByteView padded) {
  const auto end = std::ranges::find(padded, padding);
  return {padded.begin(), end};
}

void write(Writer& out, const Secret& secret) { out.string(secret.value).u32(secret.tries).u32(secret.max_tries); }

Secret read_secret(Reader& in) {
  Secret out{.value = to_bytes(in.string())};
  out.tries = in.u32();
  out.max_tries = in.u32();
  return out;
}

void write(Writer& out, const CardKey& key) {
  out.u8(static_cast<std::uint8_t>(key.algorithm))
      .u8(static_cast<std::uint8_t>(key.pin_policy))
      .u8(static_cast<std::uint8_t>(key.touch_policy))
      .boolean(key.generated)
      .string(key.to_der());
}

CardKey read_key(Reader& in) {
  CardKey out;
  out.algorithm = Algorithm{in.u8()};
  out.pin_policy = PinPolicy{in.u8()};
  out.touch_policy = TouchPolicy{in.u8()};
  out.generated = in.boolean();
  out.key = key_from_der(in.string());
  return out;
}

}  // namespace

void Secret::check(ByteView guess) {
  if (tries == 0) throw CardError{Sw::blocked};
  if (equal(unpadded(guess), value)) {
    tries = max_tries;
    return;
  }
  --tries;
  throw tries == 0 ? CardError{Sw::blocked} : wrong_pin(tries);
}

void Secret::set(ByteView padded) {
  const Bytes wanted = unpadded(padded);
  const bool only_padding_behind =
      std::ranges::all_of(padded.subspan(wanted.size()), [](std::uint8_t byte) { return byte == padding; });
  if (padded.size() != padded_bytes || wanted.size() < min_pin_bytes || !only_padding_behind) {
    throw CardError{Sw::wrong_data};
  }
  value = wanted;
}

Memory::Memory() : pin{factory_pin()}, puk{factory_puk()}, management_key(factory_management_key()) {
  CardKey attestation{.algorithm = Algorithm::p256, .key = generate_key(Algorithm::p256)};
  objects[attestation_object] =
      concat({tlv(0x70, attestation_root(attestation.key)), tlv(0x71, Bytes{0}), tlv(0xfe, {})});
  keys[attestation_slot] = std::move(attestation);
}

bool Memory::default_pin() const { return pin.value == factory_pin(); }
bool Memory::default_puk() const { return puk.value == factory_puk(); }
bool Memory::default_management_key() const { return management_key == factory_management_key(); }

Bytes Memory::save() const {
  Writer out;
  write(out, pin);
  write(out, puk);
  out.string(management_key).boolean(management_touch).u32(static_cast<std::uint32_t>(keys.size()));
  for (const auto& [slot, key] : keys) {
    out.u8(slot);
    write(out, key);
  }
  out.u32(static_cast<std::uint32_t>(objects.size()));
  for (const auto& [tag, value] : objects) out.u32(tag).string(value);
  return out.take();
}

Memory Memory::load(ByteView saved) {
  Reader in(saved);
  Memory out;
  out.keys.clear();
  out.objects.clear();
  out.pin = read_secret(in);
  out.puk = read_secret(in);
  out.management_key = to_bytes(in.string());
  out.management_touch = in.boolean();
  for (std::uint32_t left = in.u32(); left > 0; --left) {
    const std::uint8_t slot = in.u8();
    out.keys[slot] = read_key(in);
  }
  for (std::uint32_t left = in.u32(); left > 0; --left) {
    const unsigned tag = in.u32();
    out.objects[tag] = to_bytes(in.string());
  }
  in.done();
  return out;
}

}  // namespace fob::virt::piv
