#include <algorithm>

#include "agent/control.h"
#include "protocol/error.h"

namespace fob {
namespace {

StoredKey with_changes(StoredKey key, const control::ChangeKey& request) {
  if (!request.new_name.empty()) key.name = request.new_name;
  if (request.comment) key.comment = *request.comment;
  for (const std::string& place : request.given_to) {
    const bool is_noted = std::find(key.services.begin(), key.services.end(), place) != key.services.end();
    if (!is_noted) key.services.push_back(place);
  }
  control::check_services(key.services);
  return key;
}

}  // namespace

Awaitable<control::Reply> Control::handle(control::ChangeKey request, Asker&) {
  const Vault::Kept before = kept_key(request.name);
  StoredKey changed = with_changes(*before, request);
  const Vault::Kept kept = co_await parts_.vault.change(before, std::move(changed));
  show_change(before, kept);
  control::Keys out;
  out.keys.push_back(describe_kept(*kept));
  out.vault_locked = kept->in_vault() && !parts_.vault_lock.is_open();
  co_return std::move(out);
}

/// ssh-add -l shows comments. What ssh-add has put in the place of a kept key, or taken away, stays so.
void Control::show_change(const Vault::Kept& before, const Vault::Kept& kept) {
  const Keyring::Key* present = parts_.keyring.find(kept->public_key.blob);
  if (present == nullptr || present->comment != before->comment ||
      present->in_vault != (kept->in_vault() ? before : nullptr))
    return;
  Keyring::Key entry = *present;
  entry.comment = kept->comment;
  if (entry.in_vault) entry.in_vault = kept;
  parts_.keyring.put(std::move(entry));
}

}  // namespace fob
