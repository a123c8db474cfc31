#include "agent/destination.h"

#include <time.h>

#include <algorithm>

#include "protocol/error.h"
#include "protocol/pattern.h"

namespace fob {
namespace {

[[noreturn]] void refuse(const std::string& reason) {
  throw Error(Errc::refused, "destination-constrained key: " + reason);
}

/// Whether `hop` lists this host key, or the CA of this host certificate with the hop's name as a principal.
bool hop_has_key(const Hop& hop, const PublicKey& host_key) {
  return std::any_of(hop.keys.begin(), hop.keys.end(), [&](const Hop::HostKey& listed) {
    if (!host_key.is_certificate()) return !listed.is_ca && equal(listed.key.blob, host_key.blob);
    return listed.is_ca && equal(listed.key.blob, host_key.certificate->signature_key) &&
           certificate_names_host(host_key, hop.hostname, static_cast<std::uint64_t>(time(nullptr)));
  });
}

/// One step of a route. `from` is nullptr on the agent's own host; `to` nullptr for "anywhere".
struct Step {
  const PublicKey* from;
  const PublicKey* to;
  std::optional<std::string_view> user;
};

/// The constraint that permits the step, or nullptr.
const DestinationConstraint* permitting(const Constraints& constraints, const Step& step) {
  for (const DestinationConstraint& candidate : constraints.destinations) {
    const bool from_here = candidate.from.hostname.empty() && candidate.from.keys.empty();
    if (step.from == nullptr ? !from_here : !hop_has_key(candidate.from, *step.from)) continue;
    if (step.to != nullptr && !hop_has_key(candidate.to, *step.to)) continue;
    if (!candidate.to.user.empty() && step.user && !matches_pattern(*step.user, candidate.to.user)) continue;
    return &candidate;
  }
  return nullptr;
}

/// Walks the route hop by hop. Returns the constraint that permits the last one, or nullptr; `user` is known only
/// for a signature, and counts at the last hop alone.
const DestinationConstraint* walk(const Constraints& constraints, const Route& route,
                                  std::optional<std::string_view> user) {
  const DestinationConstraint* permitted = nullptr;
  const PublicKey* from = nullptr;
  for (std::size_t i = 0; i < route.binds.size(); ++i) {
    const Bind& bind = route.binds[i];
    const bool last = i + 1 == route.binds.size();
    if (last && bind.is_forwarding && user) return nullptr;
    if (!last && !bind.is_forwarding) return nullptr;
    permitted = permitting(constraints, {from, &bind.host_key, last ? user : std::nullopt});
    if (permitted == nullptr) return nullptr;
    from = &bind.host_key;
  }
  return permitted;
}

}  // namespace

bool visible(const Constraints& constraints, const Route& route) {
  if (constraints.destinations.empty()) return true;
  if (route.binds.empty()) return !route.bind_failed;
  if (walk(constraints, route, std::nullopt) == nullptr) return false;
  const Bind& last = route.binds.back();
  if (!last.is_forwarding) return true;
  return permitting(constraints, {&last.host_key, nullptr, std::nullopt}) != nullptr;
}

std::string check_destination(const PublicKey& key, const Constraints& constraints, const Route& route, ByteView data) {
  if (constraints.destinations.empty()) return {};
  if (route.binds.empty()) refuse("the connection is not bound to an SSH session");
  const std::optional<UserAuthentication> login = user_authentication_with(key, data);
  if (!login) refuse("the data to sign is not a login with this key");
  const DestinationConstraint* permitted = walk(constraints, route, login->user);
  if (permitted == nullptr) refuse("not permitted for user " + printable(login->user) + " at this destination");
  const Bind& last = route.binds.back();
  if (!equal(login->session_id, last.session_id)) refuse("the login is of another session than the last one bound");
  if (route.binds.size() > 1 && !login->host_key_blob) refuse("a forwarded login must name the host key");
  if (login->host_key_blob && !equal(*login->host_key_blob, last.host_key.blob)) {
    refuse("the login names another host key than the last one bound");
  }
  return permitted->to.hostname;
}

}  // namespace fob
