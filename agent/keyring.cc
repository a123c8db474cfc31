#include "agent/keyring.h"

#include <sodium.h>

#include <bit>

#include "agent/destination.h"
#include "agent/log.h"
#include "protocol/error.h"
#include "protocol/limits.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

template <class Map>
void erase_value(Map& map, const typename Map::key_type& key, const typename Map::mapped_type& value) {
  const auto [begin, end] = map.equal_range(key);
  for (auto it = begin; it != end; ++it) {
    if (it->second == value) {
      map.erase(it);
      return;
    }
  }
}

}  // namespace

std::size_t Keyring::Key::size_bytes() const {
  return sizeof(Key) + 2 * public_key.blob.size() + comment.size() + sealed.size() + module.size() + uri.size() +
         constraints.size_bytes();
}

Keyring::BlobHash::BlobHash() { randombytes_buf(key_.data(), key_.size()); }

std::size_t Keyring::BlobHash::operator()(std::string_view blob) const {
  std::array<std::uint8_t, crypto_shorthash_BYTES> out{};
  static_assert(crypto_shorthash_KEYBYTES == sizeof(key_) && sizeof(out) == sizeof(std::size_t));
  crypto_shorthash(out.data(), as_bytes(blob).data(), blob.size(), key_.data());
  return std::bit_cast<std::size_t>(out);
}

const Keyring::Key* Keyring::find(ByteView key_blob) const {
  const auto found = by_blob_.find(as_text(key_blob));
  return found == by_blob_.end() ? nullptr : &*found->second;
}

void Keyring::put(Key key) {
  const auto found = by_blob_.find(as_text(key.public_key.blob));
  const bool is_new = found == by_blob_.end();
  const std::size_t freed = is_new ? 0 : found->second->size_bytes();
  const std::size_t size = key.size_bytes();
  if (is_new && keys_.size() >= limits::keys) throw Error(Errc::too_large, "too many keys in the agent");
  if (bytes_ - freed + size > limits::keyring_bytes) throw Error(Errc::too_large, "keys take too much memory");

  const Place place = is_new ? keys_.end() : std::next(found->second);
  if (!is_new) erase(found->second);
  const Place added = keys_.insert(place, std::move(key));
  by_blob_.emplace(as_text(added->public_key.blob), added);
  if (added->expires) by_expiry_.emplace(*added->expires, added);
  if (!added->constraints.destinations.empty()) ++constrained_;
  bytes_ += size;
  changed();
}

bool Keyring::remove(ByteView key_blob) {
  const auto found = by_blob_.find(as_text(key_blob));
  if (found == by_blob_.end()) return false;
  erase(found->second);
  return true;
}

void Keyring::clear() {
  while (!keys_.empty()) erase(keys_.begin());
}

void Keyring::expire(BootClock::time_point now) {
  while (!by_expiry_.empty() && by_expiry_.begin()->first <= now) {
    const Place place = by_expiry_.begin()->second;
    log_debug("key expired: " + printable(place->comment));
    erase(place);
  }
}

std::optional<BootClock::time_point> Keyring::next_expiry() const {
  if (by_expiry_.empty()) return std::nullopt;
  return by_expiry_.begin()->first;
}

Bytes Keyring::seal(const PrivateKey& key) const { return sealer_.seal(key.secret, key.public_key.blob); }

SecretBytes Keyring::open(const Key& key) const {
  if (key.in_vault) return vault_->key()->open(*key.in_vault);
  return sealer_.open(key.sealed, key.public_key.blob);
}

std::shared_ptr<const ReadyKey> Keyring::ready(const Key& key) {
  const std::string_view blob = as_text(key.public_key.blob);
  const auto found = ready_by_blob_.find(blob);
  if (found != ready_by_blob_.end()) {
    found->second->last_use = BootClock::now();
    ready_.splice(ready_.end(), ready_, found->second);
    return found->second->key;
  }
  const SecretBytes secret = open(key);
  std::shared_ptr<const ReadyKey> unpacked = ReadyKey::make(key.public_key, secret);
  if (ready_.size() >= limits::ready_keys) forget(ready_.front().blob);
  ready_.push_back({blob, unpacked, BootClock::now()});
  ready_by_blob_.emplace(blob, std::prev(ready_.end()));
  return unpacked;
}

std::optional<BootClock::time_point> Keyring::wipe_rested(BootClock::time_point now) {
  while (!ready_.empty() && ready_.front().last_use + limits::ready_key_rest <= now) forget(ready_.front().blob);
  if (ready_.empty()) return std::nullopt;
  return ready_.front().last_use + limits::ready_key_rest;
}

void Keyring::wipe_ready() {
  ready_by_blob_.clear();
  ready_.clear();
}

std::shared_ptr<const Bytes> Keyring::identities_answer(const Route& route) {
  const bool all_visible = constrained_ == 0 || (route.binds.empty() && !route.bind_failed);
  if (all_visible && answer_) return answer_;
  Writer body;
  std::uint32_t count = 0;
  std::size_t left_out = 0;
  constexpr std::size_t head_bytes = 5;  // type, count
  for (const Key& key : keys_) {
    if (!visible(key.constraints, route)) continue;
    const std::size_t entry = 8 + key.public_key.blob.size() + key.comment.size();
    if (count == limits::listed_keys || head_bytes + body.bytes().size() + entry > limits::message_bytes) {
      ++left_out;
      continue;
    }
    body.string(key.public_key.blob).string(key.comment);
    ++count;
  }
  if (left_out > 0) {
    log_info("list leaves out " + std::to_string(left_out) + " keys: clients take at most " +
             std::to_string(limits::listed_keys) + " keys and " + std::to_string(limits::message_bytes) + " bytes");
  }
  Writer out;
  out.reserve(4 + head_bytes + body.bytes().size());
  out.u32(static_cast<std::uint32_t>(head_bytes + body.bytes().size()));
  out.u8(static_cast<std::uint8_t>(MessageType::identities_answer)).u32(count).raw(body.bytes());
  auto answer = std::make_shared<const Bytes>(out.take());
  if (all_visible) answer_ = answer;
  return answer;
}

void Keyring::forget(std::string_view blob) {
  const auto found = ready_by_blob_.find(blob);
  if (found == ready_by_blob_.end()) return;
  const auto place = found->second;
  ready_by_blob_.erase(found);
  ready_.erase(place);
}

void Keyring::erase(Place place) {
  const std::string_view blob = as_text(place->public_key.blob);
  forget(blob);
  by_blob_.erase(blob);
  if (place->expires) erase_value(by_expiry_, *place->expires, place);
  if (!place->constraints.destinations.empty()) --constrained_;
  bytes_ -= place->size_bytes();
  keys_.erase(place);
  changed();
}

void Keyring::changed() { answer_.reset(); }

}  // namespace fob
