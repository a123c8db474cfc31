#pragma once

#include <string_view>

#include "protocol/bytes.h"

namespace fob {

/// Reads RFC 4251 §5 data types from a span that must outlive what it returns.
///
/// Errors: every call throws Error{Errc::malformed} where the input is shorter than what it says, and leaves the
/// position where it was.
class Reader {
 public:
  explicit Reader(ByteView input) : input_(input) {}

  std::uint8_t u8();
  /// Any value but 0 is true (RFC 4251 §5).
  bool boolean() { return u8() != 0; }
  std::uint32_t u32();
  std::uint64_t u64();
  /// A string of at most `max_bytes`.
  ByteView string(std::size_t max_bytes = SIZE_MAX);
  /// A string without NUL: for names, comments, paths, passphrases.
  std::string_view text(std::size_t max_bytes = SIZE_MAX);
  /// The magnitude of a non-negative mpint, without leading zero; empty for 0. Refuses negative numbers, numbers
  /// not in their shortest form, and more than limits::mpint_bytes.
  ByteView mpint();
  ByteView raw(std::size_t bytes);
  /// A reader over the contents of a string.
  Reader nested() { return Reader(string()); }

  /// Throws unless everything was read.
  void done() const;
  bool empty() const { return at_ == input_.size(); }
  std::size_t remaining() const { return input_.size() - at_; }
  std::size_t position() const { return at_; }
  ByteView rest() const { return input_.subspan(at_); }
  /// What was read between `start` (a former position) and here.
  ByteView since(std::size_t start) const { return input_.subspan(start, at_ - start); }

 private:
  ByteView input_;
  std::size_t at_ = 0;
};

/// Writes RFC 4251 §5 data types; the counterpart of Reader.
class Writer {
 public:
  Writer& u8(std::uint8_t value);
  Writer& boolean(bool value) { return u8(value ? 1 : 0); }
  Writer& u32(std::uint32_t value);
  Writer& u64(std::uint64_t value);
  Writer& string(ByteView value);
  Writer& string(std::string_view value) { return string(as_bytes(value)); }
  /// From a magnitude, big-endian; leading zeros are dropped, a sign octet is added where needed.
  Writer& mpint(ByteView magnitude);
  Writer& raw(ByteView value);

  /// Begins a string whose length is not known yet; `end_string` fills it in.
  std::size_t begin_string();
  void end_string(std::size_t mark);

  void reserve(std::size_t bytes) { out_.reserve(bytes); }
  const Bytes& bytes() const { return out_; }
  Bytes take() { return std::move(out_); }

 private:
  Bytes out_;
};

}  // namespace fob
