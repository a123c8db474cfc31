#pragma once

#include <string>

#include "protocol/control_reply.h"
#include "protocol/control_request.h"

namespace fob::cli {

/// What is said of the new key where it is not to be as the old one.
struct RotationWishes {
  std::string on;               ///< as NewKey::on; empty: where the old one is
  std::optional<KeyKind> kind;  ///< nothing: the old one's, or what suits another place
  control::PivPlace piv;
};

/// The request for a key of the same kind as `old` in the same place, with its comment, confirmation and services,
/// under `name`, by which a token calls it, too: a resident credential is kept beside the old one as that of another
/// user. Asks the agent which tokens there are. Throws not_found for a token that is not plugged in; refused,
/// unsupported, with what to do.
control::NewKey request_in_place_of(const control::Key& old, const std::string& name, const RotationWishes& wishes);

}  // namespace fob::cli
