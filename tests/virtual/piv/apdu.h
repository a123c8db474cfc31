#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <optional>
#include <vector>

#include "protocol/bytes.h"

namespace fob::virt::piv {

/// Status words (ISO 7816-4 §5.6, SP 800-73-4 part 2 §3).
enum class Sw : std::uint16_t {
  ok = 0x9000,
  more = 0x6100,       ///< the low byte: how much, 0 for 256 or more
  wrong_pin = 0x63c0,  ///< the low digit: tries left
  wrong_length = 0x6700,
  security = 0x6982,  ///< no PIN, no management key, no touch
  blocked = 0x6983,
  conditions = 0x6985,
  wrong_data = 0x6a80,
  not_found = 0x6a82,
  no_memory = 0x6a84,
  wrong_parameters = 0x6a86,
  no_reference = 0x6a88,
  wrong_slot = 0x6b00,
  unknown_instruction = 0x6d00,
  wrong_class = 0x6e00,
  unknown_error = 0x6f00,
};

/// How a command fails: its status word is the whole answer.
struct CardError {
  Sw status;
};
CardError wrong_pin(unsigned tries_left);

/// A command APDU (ISO 7816-4 §5.1).
struct Command {
  std::uint8_t cla = 0;
  std::uint8_t ins = 0;
  std::uint8_t p1 = 0;
  std::uint8_t p2 = 0;
  Bytes data;
  std::size_t most = 256;  ///< Le; 256 where there is none, as cards with T=1 take it

  /// Short and extended. Throws CardError{wrong_length}.
  static Command parse(ByteView apdu);
};

/// Puts chained commands together, and hands out answers that are longer than their command allows.
class Exchange {
 public:
  using Handler = std::function<Bytes(const Command&)>;

  /// Answers one APDU, status word included; `handler` sees whole commands, and throws CardError. Never throws.
  Bytes answer(ByteView apdu, const Handler& handler);
  void forget();

 private:
  Bytes respond(Command command, const Handler& handler);
  Bytes part(std::size_t most);

  std::optional<Command> chain_;
  Bytes rest_;
};

/// BER-TLV (ISO 7816-4 §5.2.2): tags of one or two bytes, definite lengths of up to 65,535.
struct Tlv {
  unsigned tag;
  ByteView value;
};
Bytes tlv(unsigned tag, ByteView value);
Bytes concat(std::initializer_list<ByteView> parts);
/// Nothing left over. Throws CardError{wrong_data}.
std::vector<Tlv> parse_tlvs(ByteView data);
/// Null where there is none.
const Tlv* find(const std::vector<Tlv>& list, unsigned tag);
/// Throws CardError{wrong_data} where there is none.
ByteView value_of(const std::vector<Tlv>& list, unsigned tag);

}  // namespace fob::virt::piv
