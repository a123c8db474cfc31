#include "tests/virtual/commands.h"
#include "tests/virtual/ctap.h"

namespace fob::virt {
namespace {

enum Key : std::int64_t {
  versions = 0x01,
  extensions = 0x02,
  aaguid = 0x03,
  options = 0x04,
  max_msg_size = 0x05,
  pin_protocols = 0x06,
  max_count_in_list = 0x07,
  max_id_length = 0x08,
  transports = 0x09,
  algorithms = 0x0a,
  min_pin_length = 0x0d,
  firmware_version = 0x0e,
  remaining_credentials = 0x14,
};
constexpr unsigned handle_bytes = 96;

Value version_list(const Personality& personality) {
  Value::Array out;
  if (personality.speaks_u2f()) out.emplace_back("U2F_V2");
  out.emplace_back("FIDO_2_0");
  if (personality.ctap21) {
    out.emplace_back("FIDO_2_1");
  } else if (personality.preview) {
    out.emplace_back("FIDO_2_1_PRE");
  }
  return out;
}

Value extension_list(const Personality& personality) {
  Value::Array out;
  if (personality.credential_protection) out.emplace_back("credProtect");
  if (personality.hmac_secret) out.emplace_back("hmac-secret");
  return out;
}

Value algorithm_list(const Personality& personality) {
  Value::Array out{Value::map({{"alg", -7}, {"type", "public-key"}})};
  if (personality.ed25519) out.push_back(Value::map({{"alg", -8}, {"type", "public-key"}}));
  return out;
}

Value option_map(const Context& context) {
  const Personality& personality = context.personality;
  Value out = Value::map({{"rk", personality.resident_keys}, {"up", true}, {"plat", false}});
  if (personality.pin) {
    out.set("clientPin", context.pin.is_set());
    if (personality.ctap21) out.set("pinUvAuthToken", true);
  }
  if (personality.credential_management) out.set(personality.ctap21 ? "credMgmt" : "credentialMgmtPreview", true);
  if (personality.ctap21) {
    out.set("makeCredUvNotRqd", personality.make_credential_without_uv && !personality.always_uv);
    if (personality.always_uv) out.set("alwaysUv", true);
  }
  return out;
}

}  // namespace

Value get_info(const Context& context) {
  const Personality& personality = context.personality;
  Value out = Value::map({{versions, version_list(personality)},
                          {aaguid, ByteView(personality.aaguid)},
                          {options, option_map(context)},
                          {max_msg_size, personality.max_message},
                          {max_count_in_list, personality.max_list},
                          {max_id_length, handle_bytes},
                          {firmware_version, personality.firmware}});
  if (personality.credential_protection || personality.hmac_secret) out.set(extensions, extension_list(personality));
  if (personality.pin || personality.hmac_secret) {
    out.set(pin_protocols, Value::Array(personality.pin_protocols.begin(), personality.pin_protocols.end()));
  }
  if (personality.ctap21) {
    out.set(transports, Value::Array{"usb"});
    out.set(algorithms, algorithm_list(personality));
    out.set(min_pin_length, personality.min_pin_length);
    if (personality.resident_keys) {
      out.set(remaining_credentials, personality.slots_left(context.store.residents().size()));
    }
  }
  return out;
}

}  // namespace fob::virt
