#include "tests/virtual/piv/card.h"

#include <poll.h>

namespace fob::virt::piv {
namespace {

const char* name_of(Algorithm algorithm) {
  switch (algorithm) {
    case Algorithm::tdes: return "3des";
    case Algorithm::rsa1024: return "rsa1024";
    case Algorithm::rsa2048: return "rsa2048";
    case Algorithm::p256: return "p256";
    case Algorithm::p384: return "p384";
  }
  return "?";
}

}  // namespace

bool is_key_slot(std::uint8_t slot) {
  return slot == 0x9a || (slot >= 0x9c && slot <= 0x9e) || (slot >= 0x82 && slot <= 0x95);
}

Card::Card(const Personality& personality) : personality_(personality) { changed(); }

// A YubiKey 5's, with a check byte for T=1: libykpiv, libykcs11 and OpenSC know the card by it.
Bytes Card::atr() {
  return {0x3b, 0xfd, 0x13, 0x00, 0x00, 0x81, 0x31, 0xfe, 0x15, 0x80, 0x73, 0xc0,
          0x21, 0xc0, 0x57, 0x59, 0x75, 0x62, 0x69, 0x4b, 0x65, 0x79, 0x40};
}

Bytes Card::transmit(ByteView apdu) {
  const std::scoped_lock lock(mutex_);
  return exchange_.answer(apdu, [this](const Command& command) { return dispatch(command); });
}

void Card::power() {
  const std::scoped_lock lock(mutex_);
  forget();
}

void Card::forget() {
  exchange_.forget();
  selected_ = pin_verified_ = pin_fresh_ = managed_ = false;
  witness_.clear();
  challenge_.clear();
  touched_at_.reset();
}

void Card::interrupt() {
  interrupted_ = true;
  wakeup_.signal();
}

Status Card::status() const {
  const std::scoped_lock lock(status_mutex_);
  Status out = status_;
  out.touch_requests = touch_.requests();
  out.waiting = touch_.waiting();
  return out;
}

Bytes Card::save() const {
  const std::scoped_lock lock(mutex_);
  return memory_.save();
}

void Card::load(ByteView saved) {
  const std::scoped_lock lock(mutex_);
  memory_ = Memory::load(saved);
  changed();
}

void Card::factory_new() {
  const std::scoped_lock lock(mutex_);
  memory_ = Memory();
  forget();
  {
    const std::scoped_lock status_lock(status_mutex_);
    status_ = {};
  }
  changed();
}

void Card::changed() {
  {
    const std::scoped_lock lock(status_mutex_);
    status_.pin_tries = memory_.pin.tries;
    status_.puk_tries = memory_.puk.tries;
    status_.slots.clear();
    for (const auto& [slot, key] : memory_.keys) {
      status_.slots[slot] = std::string(name_of(key.algorithm)) + (key.generated ? " generated" : " imported");
    }
  }
  if (on_change_) on_change_(memory_.save());
}

void Card::note(const Command& command) {
  constexpr std::uint8_t verify = 0x20;
  const std::scoped_lock lock(status_mutex_);
  ++status_.commands[command.ins];
  if (command.ins == verify && !command.data.empty()) ++status_.pin_attempts;
}

Bytes Card::dispatch(const Command& command) {
  constexpr std::uint8_t general_authenticate = 0x87;
  note(command);
  // "Always": the PIN directly before the key is used (SP 800-73-4 part 1 table 4b).
  if (command.ins != general_authenticate) pin_fresh_ = false;
  return handle(command);
}

Bytes Card::handle(const Command& command) {
  if (command.ins == 0xa4) return select(command);
  if (!selected_) throw CardError{Sw::unknown_instruction};
  switch (command.ins) {
    case 0x20: return verify(command);
    case 0x24: return change_reference(command);
    case 0x2c: return reset_retry_counter(command);
    case 0x47: return generate(command);
    case 0x87: return use_key(command);
    case 0xcb: return get_data(command);
    case 0xdb: return put_data(command);
    default: return handle_yubico(command);
  }
}

Bytes Card::handle_yubico(const Command& command) {
  const std::uint32_t serial = personality_.serial;
  switch (command.ins) {
    case 0xf6: return move_key(command);
    case 0xf7: return get_metadata(command);
    case 0xf8:
      return {static_cast<std::uint8_t>(serial >> 24), static_cast<std::uint8_t>(serial >> 16),
              static_cast<std::uint8_t>(serial >> 8), static_cast<std::uint8_t>(serial)};
    case 0xf9: return attest(command);
    case 0xfa: return set_pin_retries(command);
    case 0xfb: return factory_reset();
    case 0xfd: return {personality_.version.begin(), personality_.version.end()};
    case 0xfe: return import(command);
    case 0xff: return set_management_key(command);
    default: throw CardError{Sw::unknown_instruction};
  }
}

void Card::want_touch(TouchPolicy policy) {
  constexpr auto cache_time = std::chrono::seconds(15);
  if (policy != TouchPolicy::always && policy != TouchPolicy::cached) return;
  if (policy == TouchPolicy::cached && touched_at_ && Clock::now() - *touched_at_ < cache_time) return;
  wakeup_.drain();
  touch_.begin();
  while (!touch_.given() && !touch_.expired() && !interrupted_) {
    pollfd entry{wakeup_.fd(), POLLIN, 0};
    poll(&entry, 1, static_cast<int>(touch_.next_change().count()));
    wakeup_.drain();
  }
  const bool given = touch_.given() && !interrupted_;
  touch_.end();
  if (!given) throw CardError{Sw::security};
  touched_at_ = Clock::now();
}

}  // namespace fob::virt::piv
