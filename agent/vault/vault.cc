#include "agent/vault/vault.h"

#include <algorithm>

#include "agent/log.h"
#include "protocol/error.h"

namespace fob {

void Vault::load() {
  if (path_.empty()) return;
  fault_.clear();
  try {
    std::optional<VaultFile> file = VaultFile::open(path_, VaultFile::Create::no);
    if (!file) return;
    read(*file);
    file_ = std::make_shared<VaultFile>(std::move(*file));
  } catch (const Error& error) {
    fault_ = error.what();
    log_error("kept keys are not available: " + fault_);
  }
}

Awaitable<void> Vault::try_again() {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  if (!file_) load();
}

void Vault::check() const {
  if (!fault_.empty()) throw Error(Errc::refused, fault_);
}

/// A disk that fails may leave the connection unfit for more, and a change made or not.
void Vault::read_again() {
  file_.reset();
  load();
}

void Vault::read(VaultFile& file) {
  std::vector<StoredKey> keys = file.keys();
  slots_ = file.slots();
  by_name_.clear();
  by_blob_.clear();
  const std::list<Kept> before = std::move(keys_);
  keys_.clear();
  for (StoredKey& key : keys) put(std::make_shared<const StoredKey>(std::move(key)));
  if (on_read) on_read(before);
}

void Vault::put(Kept key) {
  const auto place = keys_.insert(keys_.end(), std::move(key));
  by_name_.emplace((*place)->name, place);
  by_blob_.emplace(as_text((*place)->public_key.blob), place);
}

Vault::Kept Vault::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : *found->second;
}

Vault::Kept Vault::find_blob(ByteView key_blob) const {
  const auto found = by_blob_.find(as_text(key_blob));
  return found == by_blob_.end() ? nullptr : *found->second;
}

void Vault::refuse_if_taken(std::string_view name) const {
  if (find(name) == nullptr) return;
  throw Error(Errc::refused,
              "there is a key called " + std::string(name) + " already; choose another name, or remove it");
}

void Vault::refuse_if_made_meanwhile(bool first) const {
  if (!first || !has_key()) return;
  throw Error(Errc::refused, "the vault was set up by another command meanwhile; try again");
}

Awaitable<std::shared_ptr<void>> Vault::hold() {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  co_await open_for_writing();
  ++state->holders;
  std::shared_ptr<void> held(nullptr, [state](void*) { --state->holders; });
  co_return held;
}

Awaitable<std::shared_ptr<void>> Vault::reserve(std::string name) {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  refuse_if_taken(name);
  if (state->reserved.contains(name)) throw Error(Errc::refused, "a key called " + name + " is being made just now");
  co_await open_for_writing();
  state->reserved.insert(name);
  ++state->holders;
  std::shared_ptr<void> reservation(nullptr, [state, name](void*) {
    state->reserved.erase(name);
    --state->holders;
  });
  co_return reservation;
}

template <class Result>
Awaitable<Result> Vault::write(std::function<Result(VaultFile&)> change) {
  std::function<Result()> work = [file = file_, change = std::move(change)] { return change(*file); };
  std::optional<Error> fault;
  try {
    Result result = co_await workers_.run(std::move(work));
    co_return result;
  } catch (const Error& error) {
    fault = error;
  }
  if (fault->code() == Errc::system) read_again();
  throw *fault;
}

Awaitable<Vault::Kept> Vault::add(StoredKey key, std::vector<Keyslot> first_slots) {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  co_await open_for_writing();
  refuse_if_taken(key.name);
  refuse_if_made_meanwhile(!first_slots.empty());
  const Kept same = find_blob(key.public_key.blob);
  if (same != nullptr) throw Error(Errc::refused, "this key is kept already, as " + same->name);
  const Kept kept = std::make_shared<const StoredKey>(std::move(key));
  const bool first = !first_slots.empty();
  std::function<std::vector<Keyslot>(VaultFile&)> change = [kept, first_slots](VaultFile& file) {
    file.add(*kept, first_slots);
    return first_slots.empty() ? std::vector<Keyslot>() : file.slots();
  };
  std::vector<Keyslot> slots = co_await write(std::move(change));
  if (first) slots_ = std::move(slots);
  put(kept);
  co_return kept;
}

std::list<Vault::Kept>::iterator Vault::place_of(const Kept& key) {
  const auto found = by_name_.find(key->name);
  if (found != by_name_.end() && *found->second == key) return found->second;
  throw Error(Errc::refused, "the key " + key->name + " is gone, or another one by now; nothing was changed");
}

Awaitable<void> Vault::remove(Kept key) {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  co_await open_for_writing();
  const auto place = place_of(key);
  std::function<bool(VaultFile&)> change = [key](VaultFile& file) {
    file.remove(key->name);
    return true;
  };
  co_await write(std::move(change));
  by_name_.erase(key->name);
  by_blob_.erase(as_text(key->public_key.blob));
  keys_.erase(place);
}

Awaitable<Vault::Kept> Vault::change(Kept key, StoredKey changed) {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  co_await open_for_writing();
  const auto place = place_of(key);
  if (changed.name != key->name) {
    refuse_if_taken(changed.name);
    if (state->reserved.contains(changed.name)) {
      throw Error(Errc::refused, "a key called " + changed.name + " is being made just now");
    }
  }
  const Kept kept = std::make_shared<const StoredKey>(std::move(changed));
  std::function<bool(VaultFile&)> change = [key, kept](VaultFile& file) {
    file.change(key->name, *kept);
    return true;
  };
  co_await write(std::move(change));
  by_name_.erase(key->name);
  by_blob_.erase(as_text(key->public_key.blob));
  *place = kept;
  by_name_.emplace(kept->name, place);
  by_blob_.emplace(as_text(kept->public_key.blob), place);
  co_return kept;
}

Awaitable<Keyslot> Vault::add_slots(std::vector<Keyslot> slots, bool first) {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  co_await open_for_writing();
  refuse_if_made_meanwhile(first);
  std::function<std::vector<Keyslot>(VaultFile&)> change = [slots = std::move(slots)](VaultFile& file) mutable {
    file.add_slots(slots);
    return slots;
  };
  std::vector<Keyslot> added = co_await write(std::move(change));
  slots_.insert(slots_.end(), added.begin(), added.end());
  co_return added.front();
}

Awaitable<void> Vault::remove_slot(std::uint32_t id) {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  co_await open_for_writing();
  std::function<bool(VaultFile&)> change = [id](VaultFile& file) {
    file.remove_slot(id);
    return true;
  };
  co_await write(std::move(change));
  std::erase_if(slots_, [id](const Keyslot& slot) { return slot.id == id; });
}

Awaitable<Bytes> Vault::image() {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  check();
  if (!file_) throw Error(Errc::not_found, "there is no vault yet, and so nothing to back up");
  std::function<Bytes(VaultFile&)> copy = [](VaultFile& file) { return file.image(); };
  Bytes out = co_await write(std::move(copy));
  co_return out;
}

Awaitable<void> Vault::restore(std::string backup, bool replace) {
  const std::shared_ptr<State> state = state_;
  const Gate::Ticket ticket = co_await state->gate.enter();
  if (!file_) load();
  if (!replace && (!fault_.empty() || !keys_.empty())) {
    const std::string what =
        fault_.empty() ? "holds " + std::to_string(keys_.size()) + " keys" : "cannot be read (" + fault_ + ")";
    throw Error(Errc::refused,
                "the vault " + what + ": --replace puts the backup in its place, and keeps it beside it");
  }
  if (state->holders > 0)
    throw Error(Errc::refused, "a key or keyslot is being made just now; try again when it is done");
  if (path_.empty()) throw Error(Errc::refused, "there is no home directory to keep keys in; set XDG_DATA_HOME");
  // Closed, so that nobody writes to a file that has lost its name. It is opened again whatever happens.
  file_.reset();
  std::function<bool()> work = [path = path_, backup] {
    VaultFile::restore(path, backup);
    return true;
  };
  std::exception_ptr failure;
  try {
    co_await workers_.run(std::move(work));
  } catch (const std::exception&) {
    failure = std::current_exception();
  }
  read_again();
  if (failure) std::rethrow_exception(failure);
  if (!fault_.empty()) throw Error(Errc::system, fault_);
}

Awaitable<void> Vault::open_for_writing() {
  if (file_) co_return;
  check();
  if (path_.empty()) throw Error(Errc::refused, "there is no home directory to keep keys in; set XDG_DATA_HOME");
  std::function<std::shared_ptr<VaultFile>()> open = [path = path_] {
    return std::make_shared<VaultFile>(std::move(VaultFile::open(path, VaultFile::Create::yes).value()));
  };
  file_ = co_await workers_.run(std::move(open));
  // Somebody else may have made it meanwhile.
  read(*file_);
}

}  // namespace fob
