#include "tests/vault/vault_rig.h"

#include <algorithm>

#include "protocol/verify.h"

namespace fob {

PublicKey VaultRig::make_key(const std::string& name, KeyKind kind, std::uint32_t rsa_bits) {
  control::NewKey wish;
  wish.name = name;
  wish.on = "vault";
  wish.kind = kind;
  wish.rsa_bits = rsa_bits;
  wish.comment = name + " comment";
  person_.will_type(std::string(vault_passphrase));
  auto kept = person_.expect<control::Kept>(wish);
  person_.forget_typing();
  if (!kept.recovery_code.empty()) recovery_code_ = std::string(as_text(kept.recovery_code.view()));
  return kept.key.public_key;
}

void VaultRig::import(const std::string& name, const TestKey& key) {
  control::ImportKey request;
  request.name = name;
  request.comment = name + " comment";
  request.key = key.private_key();
  person_.will_type(std::string(vault_passphrase));
  auto kept = person_.expect<control::Kept>(std::move(request));
  person_.forget_typing();
  if (!kept.recovery_code.empty()) recovery_code_ = std::string(as_text(kept.recovery_code.view()));
}

bool VaultRig::is_locked() { return slots().locked; }

void VaultRig::answer_dialogs_with(std::string_view text) { set_askpass("echo '" + std::string(text) + "'"); }

std::size_t VaultRig::dialog_count() const {
  const std::string shown = dialogs();
  std::size_t count = 0;
  for (std::size_t at = shown.find("fob's vault"); at != std::string::npos; at = shown.find("fob's vault", at + 1))
    ++count;
  return count;
}

std::string VaultRig::unlock_with(std::vector<std::string> typed, std::optional<KeyslotKind> kind) {
  for (std::string& text : typed) person_.will_type(std::move(text));
  std::string out = person_.failure(control::UnlockVault{kind});
  person_.forget_typing();
  return out;
}

bool VaultRig::signs(const PublicKey& key) {
  constexpr std::string_view data = "what is to be signed";
  const std::optional<Bytes> signature = client().sign(key.blob, as_bytes(data), key.kind == KeyKind::rsa ? 4 : 0);
  if (!signature) return false;
  verify_signature(key, *signature, as_bytes(data));
  return true;
}

}  // namespace fob
