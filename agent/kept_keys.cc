#include "agent/kept_keys.h"

#include <algorithm>

#include "agent/log.h"
#include "protocol/error.h"

namespace fob {

void KeptKeys::load() {
  if (path_.empty()) return;
  try {
    auto store = Store::open(path_, Store::Create::no);
    if (!store) return;
    keys_ = store->keys();
    store_ = std::make_shared<Store>(std::move(*store));
  } catch (const Error& error) {
    fault_ = error.what();
    log_error("kept keys are not available: " + fault_);
  }
}

const StoredKey* KeptKeys::find(std::string_view name) const {
  const auto found = std::find_if(keys_.begin(), keys_.end(), [&](const StoredKey& key) { return key.name == name; });
  return found == keys_.end() ? nullptr : &*found;
}

const StoredKey* KeptKeys::find_blob(ByteView key_blob) const {
  const auto found = std::find_if(keys_.begin(), keys_.end(),
                                  [&](const StoredKey& key) { return equal(key.public_key.blob, key_blob); });
  return found == keys_.end() ? nullptr : &*found;
}

void KeptKeys::refuse_if_taken(std::string_view name) const {
  if (find(name) == nullptr) return;
  throw Error(Errc::refused,
              "there is a key called " + std::string(name) + " already; choose another name, or remove it");
}

Awaitable<std::shared_ptr<void>> KeptKeys::reserve(std::string name) {
  const Gate::Ticket ticket = co_await gate_.enter();
  refuse_if_taken(name);
  if (reserved_.contains(name)) throw Error(Errc::refused, "a key called " + name + " is being made just now");
  co_await open_for_writing();
  reserved_.insert(name);
  std::shared_ptr<void> reservation(nullptr, [this, name](void*) { reserved_.erase(name); });
  co_return reservation;
}

Awaitable<void> KeptKeys::add(StoredKey key) {
  const Gate::Ticket ticket = co_await gate_.enter();
  co_await open_for_writing();
  refuse_if_taken(key.name);
  const StoredKey* same = find_blob(key.public_key.blob);
  if (same != nullptr) throw Error(Errc::refused, "this key is kept already, as " + same->name);
  std::function<bool()> write = [store = store_, key] {
    store->add(key);
    return true;
  };
  co_await workers_.run(std::move(write));
  keys_.push_back(std::move(key));
}

Awaitable<void> KeptKeys::remove(std::string name) {
  const Gate::Ticket ticket = co_await gate_.enter();
  if (find(name) == nullptr) throw Error(Errc::not_found, "there is no key called " + name);
  std::function<bool()> write = [store = store_, name] {
    store->remove(name);
    return true;
  };
  co_await workers_.run(std::move(write));
  std::erase_if(keys_, [&](const StoredKey& key) { return key.name == name; });
}

Awaitable<void> KeptKeys::open_for_writing() {
  if (store_) co_return;
  if (!fault_.empty()) throw Error(Errc::refused, fault_);
  if (path_.empty()) throw Error(Errc::refused, "there is no home directory to keep keys in; set XDG_DATA_HOME");
  std::function<std::shared_ptr<Store>()> open = [path = path_] {
    return std::make_shared<Store>(std::move(Store::open(path, Store::Create::yes).value()));
  };
  store_ = co_await workers_.run(std::move(open));
}

}  // namespace fob
