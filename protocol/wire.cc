#include "protocol/wire.h"

#include <bit>
#include <cstring>
#include <string>

#include "protocol/error.h"
#include "protocol/limits.h"

namespace fob {
namespace {

template <class T>
T from_big_endian(ByteView bytes) {
  T value = 0;
  for (const std::uint8_t byte : bytes) value = static_cast<T>(value << 8 | byte);
  return value;
}

template <class T>
void append_big_endian(Bytes& out, T value) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

[[noreturn]] void throw_short(std::size_t wanted, std::size_t left) {
  throw Error(Errc::malformed, "truncated: wanted " + std::to_string(wanted) + " bytes, got " + std::to_string(left));
}

}  // namespace

ByteView Reader::raw(std::size_t bytes) {
  if (bytes > remaining()) throw_short(bytes, remaining());
  const ByteView out = input_.subspan(at_, bytes);
  at_ += bytes;
  return out;
}

std::uint8_t Reader::u8() { return raw(1)[0]; }
std::uint32_t Reader::u32() { return from_big_endian<std::uint32_t>(raw(4)); }
std::uint64_t Reader::u64() { return from_big_endian<std::uint64_t>(raw(8)); }

ByteView Reader::string(std::size_t max_bytes) {
  const std::size_t start = at_;
  const std::size_t length = u32();
  if (length > remaining() || length > max_bytes) {
    const std::size_t left = remaining();
    at_ = start;
    if (length > left) throw_short(length, left);
    throw Error(Errc::malformed,
                "string of " + std::to_string(length) + " bytes, at most " + std::to_string(max_bytes) + " allowed");
  }
  return raw(length);
}

std::string_view Reader::text(std::size_t max_bytes) {
  const std::size_t start = at_;
  const std::string_view out = as_text(string(max_bytes));
  if (out.find('\0') != std::string_view::npos) {
    at_ = start;
    throw Error(Errc::malformed, "NUL inside a text");
  }
  return out;
}

ByteView Reader::mpint() {
  const std::size_t start = at_;
  ByteView out = string(limits::mpint_bytes + 1);
  const char* fault = nullptr;
  if (!out.empty() && (out[0] & 0x80) != 0) fault = "negative mpint";
  if (!out.empty() && out[0] == 0) {
    // RFC 4251 §5: no unneeded leading zero, and zero itself is the empty string.
    if (out.size() == 1 || (out[1] & 0x80) == 0) fault = "mpint not in its shortest form";
    out = out.subspan(1);
  } else if (out.size() > limits::mpint_bytes) {
    fault = "mpint too large";
  }
  if (fault != nullptr) {
    at_ = start;
    throw Error(Errc::malformed, fault);
  }
  return out;
}

void Reader::done() const {
  if (empty()) return;
  throw Error(Errc::malformed, std::to_string(remaining()) + " bytes too many");
}

Writer& Writer::u8(std::uint8_t value) {
  out_.push_back(value);
  return *this;
}

Writer& Writer::u32(std::uint32_t value) {
  append_big_endian(out_, value);
  return *this;
}

Writer& Writer::u64(std::uint64_t value) {
  append_big_endian(out_, value);
  return *this;
}

Writer& Writer::raw(ByteView value) {
  out_.insert(out_.end(), value.begin(), value.end());
  return *this;
}

Writer& Writer::string(ByteView value) {
  if (value.size() > UINT32_MAX) throw Error(Errc::too_large, "string over 4 GiB");
  u32(static_cast<std::uint32_t>(value.size()));
  return raw(value);
}

Writer& Writer::mpint(ByteView magnitude) {
  while (!magnitude.empty() && magnitude[0] == 0) magnitude = magnitude.subspan(1);
  const bool needs_sign_octet = !magnitude.empty() && (magnitude[0] & 0x80) != 0;
  u32(static_cast<std::uint32_t>(magnitude.size() + (needs_sign_octet ? 1 : 0)));
  if (needs_sign_octet) u8(0);
  return raw(magnitude);
}

std::size_t Writer::begin_string() {
  const std::size_t mark = out_.size();
  u32(0);
  return mark;
}

void Writer::end_string(std::size_t mark) {
  const std::size_t length = out_.size() - mark - 4;
  if (length > UINT32_MAX) throw Error(Errc::too_large, "string over 4 GiB");
  for (std::size_t i = 0; i < 4; ++i) out_[mark + i] = static_cast<std::uint8_t>(length >> (24 - 8 * i));
}

}  // namespace fob
