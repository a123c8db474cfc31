#include "tests/virtual/piv/card.h"

namespace fob::virt::piv {
namespace {

constexpr std::uint8_t pin_reference = 0x80;
constexpr std::uint8_t puk_reference = 0x81;
constexpr std::size_t padded_bytes = 8;

/// CHANGE REFERENCE DATA and RESET RETRY COUNTER carry two PINs, eight bytes each.
void want_two(const Command& command) {
  if (command.p1 != 0) throw CardError{Sw::wrong_parameters};
  if (command.data.size() != 2 * padded_bytes) throw CardError{Sw::wrong_length};
}

}  // namespace

Secret& Card::secret(std::uint8_t reference) {
  if (reference == pin_reference) return memory_.pin;
  if (reference == puk_reference) return memory_.puk;
  throw CardError{Sw::no_reference};
}

// SP 800-73-4 part 2 §3.2.1.
Bytes Card::verify(const Command& command) {
  if (command.p2 != pin_reference) throw CardError{Sw::no_reference};
  if (command.p1 != 0 && command.p1 != 0xff) throw CardError{Sw::wrong_parameters};
  if (command.p1 == 0xff) {
    pin_verified_ = false;
    return {};
  }
  if (command.data.empty()) {
    if (pin_verified_) return {};
    throw memory_.pin.tries == 0 ? CardError{Sw::blocked} : wrong_pin(memory_.pin.tries);
  }
  if (command.data.size() != padded_bytes) throw CardError{Sw::wrong_data};
  pin_verified_ = false;
  try {
    memory_.pin.check(command.data);
  } catch (const CardError&) {
    changed();
    throw;
  }
  pin_verified_ = pin_fresh_ = true;
  changed();
  return {};
}

// §3.2.2. A try is spent before the new value is looked at only where that is well-formed.
Bytes Card::change_reference(const Command& command) {
  want_two(command);
  Secret& which = secret(command.p2);
  Secret wanted;
  wanted.set(ByteView(command.data).subspan(padded_bytes));
  try {
    which.check(ByteView(command.data).first(padded_bytes));
  } catch (const CardError&) {
    changed();
    throw;
  }
  which.value = wanted.value;
  changed();
  return {};
}

// §3.2.3: the PUK, then the new PIN.
Bytes Card::reset_retry_counter(const Command& command) {
  want_two(command);
  if (command.p2 != pin_reference) throw CardError{Sw::no_reference};
  Secret wanted;
  wanted.set(ByteView(command.data).subspan(padded_bytes));
  try {
    memory_.puk.check(ByteView(command.data).first(padded_bytes));
  } catch (const CardError&) {
    changed();
    throw;
  }
  memory_.pin.value = wanted.value;
  memory_.pin.tries = memory_.pin.max_tries;
  changed();
  return {};
}

Bytes Card::set_pin_retries(const Command& command) {
  want_management();
  if (!pin_verified_) throw CardError{Sw::security};
  if (command.p1 == 0 || command.p2 == 0) throw CardError{Sw::wrong_parameters};
  const Memory factory;
  memory_.pin = {factory.pin.value, command.p1, command.p1};
  memory_.puk = {factory.puk.value, command.p2, command.p2};
  changed();
  return {};
}

Bytes Card::factory_reset() {
  if (memory_.pin.tries != 0 || memory_.puk.tries != 0) throw CardError{Sw::conditions};
  // The attestation key is the factory's, and stays.
  Memory factory;
  std::swap(factory.keys, memory_.keys);
  std::erase_if(factory.keys, [](const auto& entry) { return entry.first != attestation_slot; });
  factory.objects = {{attestation_object, memory_.objects[attestation_object]}};
  memory_ = std::move(factory);
  forget();
  selected_ = true;
  changed();
  return {};
}

}  // namespace fob::virt::piv
