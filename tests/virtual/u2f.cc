#include "tests/virtual/u2f.h"

namespace fob::virt {
namespace {

enum Status : unsigned {
  no_error = 0x9000,
  wrong_length = 0x6700,
  conditions_not_satisfied = 0x6985,
  wrong_data = 0x6a80,
  instruction_not_supported = 0x6d00,
  class_not_supported = 0x6e00,
};
enum Instruction : std::uint8_t { do_register = 1, do_authenticate = 2, do_version = 3 };
enum Control : std::uint8_t { check_only = 7, enforce = 3, without_touch = 8 };

constexpr std::size_t header = 4;
constexpr std::size_t hash_bytes = 32;

Bytes status(Status word, ByteView data = {}) {
  const Bytes tail{static_cast<std::uint8_t>(word >> 8), static_cast<std::uint8_t>(word & 0xff)};
  return concat({data, tail});
}

/// The data field, of short or extended length (ISO 7816-4 §5.1); nothing where the lengths do not fit.
std::optional<ByteView> data_field(ByteView apdu) {
  const ByteView body = apdu.subspan(header);
  if (body.size() <= 1) return ByteView();
  const bool extended = body[0] == 0;
  if (extended && body.size() == 3) return ByteView();  // only the length of the answer
  if (extended && body.size() < 3) return std::nullopt;
  const std::size_t head = extended ? 3 : 1;
  const std::size_t size = extended ? static_cast<std::size_t>(body[1] << 8 | body[2]) : body[0];
  if (body.size() < head + size || body.size() > head + size + 3) return std::nullopt;
  return body.subspan(head, size);
}

Bytes register_key(ByteView data, Store& store, Touch& touch) {
  if (data.size() != 2 * hash_bytes) return status(wrong_length);
  if (!touch.ask_once()) return status(conditions_not_satisfied);
  const ByteView challenge = data.first(hash_bytes);
  const ByteView application = data.subspan(hash_bytes);
  const Credential made = store.create(Alg::es256, application, 1, false, false);
  const Bytes point = made.key_pair().public_bytes();
  const Bytes zero{0};
  const Bytes signature = store.attestation_key().sign(concat({zero, application, challenge, made.id, point}));
  const Bytes magic{5};
  const Bytes size{static_cast<std::uint8_t>(made.id.size())};
  return status(no_error, concat({magic, point, size, made.id, store.attestation_certificate(), signature}));
}

Bytes authenticate(std::uint8_t control, ByteView data, Store& store, Touch& touch) {
  constexpr std::size_t fixed = 2 * hash_bytes + 1;
  if (data.size() < fixed || data.size() != fixed + data[fixed - 1]) return status(wrong_length);
  if (control != check_only && control != enforce && control != without_touch) return status(wrong_data);
  const ByteView challenge = data.first(hash_bytes);
  const ByteView application = data.subspan(hash_bytes, hash_bytes);
  const std::optional<Credential> found = store.open(application, data.subspan(fixed));
  if (!found || found->alg != Alg::es256 || found->protection == 3) return status(wrong_data);
  if (control == check_only) return status(conditions_not_satisfied);
  if (control == enforce && !touch.ask_once()) return status(conditions_not_satisfied);
  const std::uint32_t counter = store.next_counter();
  const Bytes presence{static_cast<std::uint8_t>(control == enforce ? 1 : 0), static_cast<std::uint8_t>(counter >> 24),
                       static_cast<std::uint8_t>(counter >> 16), static_cast<std::uint8_t>(counter >> 8),
                       static_cast<std::uint8_t>(counter)};
  const Bytes signature = found->key_pair().sign(concat({application, presence, challenge}));
  return status(no_error, concat({presence, signature}));
}

}  // namespace

Bytes answer_u2f(ByteView apdu, Store& store, Touch& touch) {
  if (apdu.size() < header) return status(wrong_length);
  if (apdu[0] != 0) return status(class_not_supported);
  const std::optional<ByteView> data = data_field(apdu);
  if (!data) return status(wrong_length);
  switch (apdu[1]) {
    case do_register: return register_key(*data, store, touch);
    case do_authenticate: return authenticate(apdu[2], *data, store, touch);
    case do_version: return data->empty() ? status(no_error, as_bytes("U2F_V2")) : status(wrong_length);
    default: return status(instruction_not_supported);
  }
}

}  // namespace fob::virt
