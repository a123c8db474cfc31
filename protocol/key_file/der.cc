#include "protocol/key_file/der.h"

#include <string>

#include "protocol/error.h"
#include "protocol/key_file/armour.h"
#include "protocol/wire.h"

namespace fob::der {
namespace {

constexpr std::uint8_t long_form = 0x80;
constexpr std::size_t max_length_bytes = 4;

[[noreturn]] void throw_bad(const char* why) { throw_malformed_file(std::string("its ASN.1 is broken: ") + why); }

/// X.690 §8.1.3 and §10.1.
std::size_t read_length(Reader& in) {
  const std::uint8_t first = in.u8();
  if (first < long_form) return first;
  const std::size_t bytes = first & 0x7fU;
  if (bytes == 0 || bytes > max_length_bytes) throw_bad("a length that DER does not have");
  std::size_t length = 0;
  for (std::size_t i = 0; i < bytes; ++i) length = length << 8 | in.u8();
  const std::size_t least = bytes == 1 ? long_form : std::size_t{1} << (8 * (bytes - 1));
  if (length < least) throw_bad("a length not in its shortest form");
  return length;
}

}  // namespace

ByteView Values::whole(std::uint8_t tag) {
  if (!next_is(tag)) throw_bad("it has not the fields of such a key");
  Reader in(rest_);
  in.u8();
  const std::size_t length = read_length(in);
  in.raw(length);
  rest_ = in.rest();
  return in.since(0);
}

ByteView Values::value(std::uint8_t tag) {
  Reader in(whole(tag));
  in.u8();
  read_length(in);
  return in.rest();
}

ByteView Values::number() {
  ByteView out = value(integer);
  if (out.empty()) throw_bad("an empty number");
  if ((out[0] & 0x80U) != 0) throw_bad("a negative number");
  if (out[0] != 0) return out;
  if (out.size() > 1 && (out[1] & 0x80U) == 0) throw_bad("a number not in its shortest form");
  return out.subspan(1);
}

std::uint64_t Values::small_number(std::uint64_t max, std::string_view what) {
  const ByteView magnitude = number();
  std::uint64_t out = 0;
  for (const std::uint8_t byte : magnitude.first(std::min(magnitude.size(), sizeof(out)))) out = out << 8 | byte;
  if (magnitude.size() <= sizeof(out) && out <= max) return out;
  throw Error(Errc::too_large, "the key file asks for too much: " + std::string(what) + " of " +
                                   (magnitude.size() > sizeof(out) ? "more than 64 bits" : std::to_string(out)) +
                                   ", at most " + std::to_string(max) + " are allowed");
}

ByteView Values::bits(std::uint8_t tag) {
  const ByteView out = value(tag);
  if (out.empty() || out[0] != 0) throw_bad("a bit string that is not of whole bytes");
  return out.subspan(1);
}

std::string_view Values::object() { return as_text(value(object_id)); }

void Values::done() const {
  if (!rest_.empty()) throw_malformed_file(std::to_string(rest_.size()) + " bytes too many");
}

bool is_sequence(ByteView bytes) {
  try {
    Values values(bytes);
    values.value(sequence);
    return values.empty();
  } catch (const Error&) {
    return false;
  }
}

Bytes write(std::uint8_t tag, ByteView contents) {
  Writer out;
  out.u8(tag);
  const std::size_t length = contents.size();
  if (length < long_form) {
    out.u8(static_cast<std::uint8_t>(length));
  } else {
    std::uint8_t bytes = 1;
    while (length >> (8 * bytes) != 0) ++bytes;
    out.u8(static_cast<std::uint8_t>(long_form | bytes));
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.u8(static_cast<std::uint8_t>(length >> shift));
  }
  return out.raw(contents).take();
}

Bytes write_number(ByteView magnitude) {
  // An mpint has the same two's complement, but no byte at all for 0.
  Writer out;
  out.mpint(magnitude);
  const ByteView value = ByteView(out.bytes()).subspan(4);
  constexpr std::uint8_t zero = 0;
  return write(integer, value.empty() ? ByteView(&zero, 1) : value);
}

Bytes write_bits(ByteView contents) {
  Writer out;
  out.u8(0).raw(contents);
  return write(bit_string, out.bytes());
}

Bytes write_sequence(std::initializer_list<ByteView> values) {
  Writer out;
  for (const ByteView value : values) out.raw(value);
  return write(sequence, out.bytes());
}

}  // namespace fob::der
