#include "tests/unit/agent/store_support.h"

#include "protocol/error.h"

namespace fob {

StoredKey stored_key(int number) {
  const std::string text = std::to_string(number);
  const std::string point = text + std::string(ed25519_public_bytes - text.size(), '.');
  Writer blob;
  blob.string(traits(KeyKind::sk_ed25519).name).string(point).string("ssh:");
  StoredKey out;
  out.name = "key" + text;
  out.comment = "a comment of " + text;
  out.public_key = PublicKey::parse(blob.bytes());
  out.key_handle = to_bytes(as_bytes(std::string(64, 'h') + text));
  out.sk_flags = static_cast<std::uint8_t>(number);
  out.provider = "internal";
  out.token = "Virtual Token (serial " + text + ")";
  out.created = 1'700'000'000U + static_cast<unsigned>(number);
  return out;
}

std::string description(const StoredKey& key) {
  Writer out;
  out.string(key.name).string(key.comment).string(key.public_key.blob).string(key.key_handle).u8(key.sk_flags);
  out.string(key.provider).string(key.token).u64(key.created);
  return std::string(as_text(out.bytes()));
}

std::vector<std::string> descriptions(const std::vector<StoredKey>& keys) {
  std::vector<std::string> out;
  for (const StoredKey& key : keys) out.push_back(description(key));
  return out;
}

Store open_store(const std::string& path, Store::Create create) {
  std::optional<Store> out = Store::open(path, create);
  if (!out) throw Error(Errc::not_found, "no store at " + path);
  return std::move(*out);
}

std::vector<std::string> keys_in(const std::string& path) {
  return descriptions(open_store(path, Store::Create::no).keys());
}

}  // namespace fob
