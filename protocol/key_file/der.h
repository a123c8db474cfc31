#pragma once

#include <string_view>

#include "protocol/bytes.h"

/// The part of DER (X.690) that key files take: definite lengths in their shortest form, tags of one byte.
namespace fob::der {

inline constexpr std::uint8_t integer = 0x02;
inline constexpr std::uint8_t bit_string = 0x03;
inline constexpr std::uint8_t octet_string = 0x04;
inline constexpr std::uint8_t null = 0x05;
inline constexpr std::uint8_t object_id = 0x06;
inline constexpr std::uint8_t sequence = 0x30;

/// [n], constructed.
constexpr std::uint8_t context(std::uint8_t n) { return static_cast<std::uint8_t>(0xa0U | n); }
/// [n] IMPLICIT of a primitive type.
constexpr std::uint8_t implicit_primitive(std::uint8_t n) { return static_cast<std::uint8_t>(0x80U | n); }

/// Reads values one after the other. Every call throws malformed where the next value is not of the kind asked for or
/// longer than what is there.
class Values {
 public:
  explicit Values(ByteView input) : rest_(input) {}

  bool empty() const { return rest_.empty(); }
  bool next_is(std::uint8_t tag) const { return !rest_.empty() && rest_[0] == tag; }
  /// The contents of the next value, which must have this tag.
  ByteView value(std::uint8_t tag);
  /// The same with its header.
  ByteView whole(std::uint8_t tag);
  Values values(std::uint8_t tag = sequence) { return Values(value(tag)); }
  /// The magnitude of a non-negative integer without leading zero; empty for 0.
  ByteView number();
  /// At most `max`, or too_large.
  std::uint64_t small_number(std::uint64_t max, std::string_view what);
  /// A bit string of whole bytes.
  ByteView bits(std::uint8_t tag = bit_string);
  std::string_view object();
  void done() const;

 private:
  ByteView rest_;
};

/// Whether this is one sequence and nothing else, whatever is in it.
bool is_sequence(ByteView bytes);

Bytes write(std::uint8_t tag, ByteView contents);
/// From a magnitude.
Bytes write_number(ByteView magnitude);
Bytes write_bits(ByteView contents);
inline Bytes write_object(std::string_view object) { return write(object_id, as_bytes(object)); }
/// A sequence of values that are written already.
Bytes write_sequence(std::initializer_list<ByteView> values);

}  // namespace fob::der
