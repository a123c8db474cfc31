#include "tests/unit/cli/samples.h"

#include "protocol/key_file/key_file.h"
#include "tests/unit/protocol/vectors.h"

namespace fob::test {
namespace {

using control::Request;

control::Keys sample_keys() {
  control::Keys out{false, {sample_key("work"), sample_key("", "openssh/sshkey/ed25519_1.pub")}};
  out.keys[0].sk_flags = 0x25;
  out.keys[1].where = "memory";
  out.keys[1].token.clear();
  out.keys[1].comment = "evil\x1b[2J\nssh-rsa AAAA";
  out.keys[1].confirm = true;
  return out;
}

control::Tokens sample_tokens() {
  control::Tokens out{{sample_token("fido:815"), {}}};
  out.tokens[1].id = "fido:hidraw4";
  out.tokens[1].product = "Other Key";
  out.tokens[1].fault = "no permission for /dev/hidraw4";
  return out;
}

control::Kept sample_kept(const control::NewKey& request) {
  control::Kept out;
  out.key = sample_key(request.name, "key_files/ecdsa_sk.pub");
  out.key.comment = request.comment;
  out.challenge = request.challenge;
  out.attestation_certificate = Bytes(3, 0xaa);
  out.attestation_signature = Bytes(2, 0xbb);
  out.authenticator_data = Bytes(1, 0xcc);
  return out;
}

}  // namespace

control::Token sample_token(const std::string& id) {
  control::Token out;
  out.id = id;
  out.product = "Example Key 5";
  out.serial = "815";
  out.path = "/dev/hidraw3";
  out.info.versions = {"FIDO_2_1", "U2F_V2"};
  out.info.extensions = {"credProtect"};
  out.info.transports = {"usb", "nfc"};
  out.info.key_kinds = {KeyKind::sk_ecdsa_p256, KeyKind::sk_ed25519};
  out.info.aaguid = {0x2f, 0xc0, 0x57, 0x9f, 0x81, 0x13, 0x47, 0xea, 0xb1, 0x16, 0xbb, 0x5a, 0x8d, 0xb9, 0x20, 0x2a};
  out.info.firmware = 0x050403;
  out.info.pin_tries = 8;
  out.info.resident_left = 25;
  out.info.is_fido2 = true;
  out.info.takes_pin = true;
  out.info.pin_set = true;
  out.info.resident_keys = true;
  return out;
}

control::Token sample_pkcs11_token(const std::string& label, const std::string& serial) {
  control::Token out;
  out.id = "pkcs11:model=SoftHSM%20v2;manufacturer=SoftHSM%20project;serial=" + serial + ";token=" + label;
  out.product = "SoftHSM project SoftHSM v2";
  out.serial = serial;
  out.path = "/usr/lib/softhsm/libsofthsm2.so";
  Pkcs11TokenInfo& info = out.pkcs11.emplace();
  info.uri = out.id;
  info.label = label;
  info.manufacturer = "SoftHSM project";
  info.model = "SoftHSM v2";
  info.serial = serial;
  info.slot = "SoftHSM slot ID 0x1";
  info.firmware = "2.6";
  info.key_kinds = {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::ecdsa_p521, KeyKind::ed25519, KeyKind::rsa};
  info.rsa_min_bits = 1024;
  info.rsa_max_bits = 16384;
  info.min_pin_length = 4;
  info.max_pin_length = 255;
  info.initialized = true;
  info.login_required = true;
  info.pin_set = true;
  return out;
}

control::Token sample_piv_token() {
  control::Token out = sample_pkcs11_token("YubiKey%20PIV%20%23815", "815");
  out.product = "Yubico YubiKey YK5";
  out.path = "/usr/lib/x86_64-linux-gnu/libykcs11.so";
  out.pkcs11->label = "YubiKey PIV #815";
  out.pkcs11->model = "YubiKey YK5";
  out.pkcs11->slot = "Yubico YubiKey OTP+FIDO+CCID 00 00";
  out.pkcs11->key_kinds = {KeyKind::ecdsa_p256, KeyKind::ecdsa_p384, KeyKind::rsa};
  out.pkcs11->is_piv = true;
  out.pkcs11->pin_count_low = true;
  return out;
}

control::Key sample_pkcs11_key(const std::string& name, const std::string& public_key) {
  control::Key out;
  out.name = name;
  out.where = "pkcs11";
  out.token = "SoftHSM v2 work";
  out.comment = "alice@desk";
  out.public_key = test::public_key(public_key);
  out.uri = "pkcs11:token=work;id=%01;object=" + name + ";type=private";
  return out;
}

control::Key sample_key(const std::string& name, const std::string& public_key) {
  control::Key out;
  out.name = name;
  out.where = "fido";
  out.token = "Example Key 5 815";
  out.comment = "alice@desk";
  out.public_key = test::public_key(public_key);
  out.sk_flags = 0x01;
  out.created = 1'700'000'000;
  return out;
}

SecretBytes sample_code() { return SecretBytes(as_bytes(sample_recovery_code)); }

control::Activity sample_activity(std::uint64_t number) {
  control::Activity out;
  out.number = number;
  out.tokens = {"Example Key 5"};
  out.waiting = {"Confirm user presence for key work Touch Example Key 5."};
  out.uses = {{1'700'000'060, "work", "log in as alice", "", "the user said no"},
              {1'700'000'000, "work", "sign for git", "ssh-keygen \u2190 git", ""}};
  out.keys = 2;
  out.vault_locked = true;
  return out;
}

control::Slots sample_slots() {
  control::Slots out{true, true, "/home/alice/.local/share/fob/vault.db", {}};
  for (const KeyslotKind kind : keyslot_kinds) {
    control::Slot& slot = out.slots.emplace_back();
    slot.id = static_cast<std::uint32_t>(kind);
    slot.kind = kind;
    slot.created = 1'700'000'000;
  }
  out.slots[2].name = "Example Key 5 815";
  out.slots[2].pin = true;
  out.slots[3].uri = "pkcs11:token=work;id=%01;object=vault;type=private";
  return out;
}

control::Exported sample_export(const std::string& name) {
  KeyFile file = parse_key_file(read_data("key_files/" + name), [] { return SecretBytes(); });
  return {std::move(file.key), std::move(file.comment)};
}

void serve(const Request& request, Peer& peer) {
  if (std::holds_alternative<control::ListKeys>(request)) {
    peer.send(sample_keys());
  } else if (std::holds_alternative<control::ListTokens>(request)) {
    peer.send(sample_tokens());
  } else if (std::holds_alternative<control::ExportKey>(request)) {
    peer.send(sample_export());
  } else if (std::holds_alternative<control::ListSlots>(request)) {
    peer.send(sample_slots());
  } else if (const auto* watch = std::get_if<control::Watch>(&request)) {
    peer.send(sample_activity(watch->seen + 1));
  } else if (std::holds_alternative<control::ListResident>(request)) {
    peer.send(control::Residents{{{public_key("openssh/sshkey/ecdsa_sk1.pub"), Bytes(64, 7), 0x21, "alice"},
                                  {public_key("openssh/sshkey/ed25519_sk1.pub"), Bytes(64, 8), 0x25, "alice"}}});
  } else if (const auto* imported = std::get_if<control::ImportKey>(&request)) {
    control::Kept kept;
    kept.key = sample_key(imported->name);
    kept.key.public_key = imported->key.public_key;
    peer.send(std::move(kept));
  } else {
    peer.send(control::Done{});
  }
}

void serve_new(const Request& request, Peer& peer) {
  if (const auto* wanted = std::get_if<control::NewKey>(&request)) {
    peer.send(sample_kept(*wanted));
  } else {
    serve(request, peer);
  }
}

void serve_vault(const Request& request, Peer& peer) {
  control::Kept kept;
  kept.key = sample_key("safe", "key_files/software.pub");
  kept.key.where = "vault";
  kept.key.token.clear();
  kept.key.sk_flags = 0;
  kept.recovery_code = sample_code();
  if (std::holds_alternative<control::ListKeys>(request)) {
    kept.key.services = {"github.com", "desk"};
    peer.send(control::Keys{true, {kept.key}});
  } else if (const auto* made = std::get_if<control::NewKey>(&request)) {
    kept.key.name = made->name;
    peer.send(std::move(kept));
  } else if (const auto* imported = std::get_if<control::ImportKey>(&request)) {
    kept.key.name = imported->name;
    kept.key.public_key = imported->key.public_key;
    peer.send(std::move(kept));
  } else if (std::holds_alternative<control::ExportKey>(request)) {
    peer.send(sample_export("software"));
  } else if (const auto* added = std::get_if<control::AddSlot>(&request)) {
    control::SlotAdded out;
    out.slot = sample_slots().slots[static_cast<std::size_t>(added->kind) - 1];
    if (added->kind == KeyslotKind::recovery) out.recovery_code = sample_code();
    peer.send(std::move(out));
  } else if (std::holds_alternative<control::BackUp>(request)) {
    peer.send(control::BackedUp{2, to_bytes(as_bytes("SQLite format 3"))});
  } else if (std::holds_alternative<control::Restore>(request)) {
    peer.send(control::Keys{true, {kept.key}});
  } else {
    serve(request, peer);
  }
}

void serve_pkcs11(const Request& request, Peer& peer) {
  control::Kept kept;
  if (std::holds_alternative<control::ListTokens>(request)) {
    peer.send(control::Tokens{{sample_piv_token(), sample_pkcs11_token("work", "70a1"), sample_token("fido:815"),
                               sample_pkcs11_token("spare", "70a2")}});
  } else if (std::holds_alternative<control::ListKeys>(request)) {
    peer.send(control::Keys{false, {sample_pkcs11_key("work")}});
  } else if (std::holds_alternative<control::ListResident>(request)) {
    const auto resident = [](const control::Key& key) {
      return control::Resident{key.public_key, to_bytes(as_bytes(key.uri)), 0, key.name};
    };
    peer.send(control::Residents{
        {resident(sample_pkcs11_key("work")), resident(sample_pkcs11_key("login", "key_files/software_rsa.pub"))}});
  } else if (const auto* made = std::get_if<control::NewKey>(&request)) {
    kept.key = sample_pkcs11_key(made->name);
    peer.send(std::move(kept));
  } else if (const auto* imported = std::get_if<control::ImportKey>(&request)) {
    kept.key = sample_pkcs11_key(imported->name);
    kept.key.public_key = imported->key.public_key;
    peer.send(std::move(kept));
  } else if (const auto* adopted = std::get_if<control::AdoptKey>(&request)) {
    kept.key = sample_pkcs11_key(adopted->name);
    peer.send(std::move(kept));
  } else {
    serve(request, peer);
  }
}

}  // namespace fob::test
