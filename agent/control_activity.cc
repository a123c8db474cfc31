#include "agent/control.h"
#include "protocol/limits.h"

namespace fob {

/// A locked agent tells no more than that.
Awaitable<control::Reply> Control::handle(control::Watch request, Asker&) {
  co_await parts_.activity.changed_since(request.seen);
  control::Activity out = parts_.activity.describe();
  out.agent_locked = parts_.lock.locked();
  out.vault_locked = parts_.vault.has_key() && !parts_.vault_lock.is_open();
  if (out.agent_locked) {
    out.uses.clear();
    co_return std::move(out);
  }
  out.keys = static_cast<std::uint32_t>(parts_.keyring.size());
  for (const Tokens::Shared& token : parts_.tokens.plugged_in()) {
    if (out.tokens.size() < limits::listed_tokens) out.tokens.push_back(token->title());
  }
  co_return std::move(out);
}

}  // namespace fob
